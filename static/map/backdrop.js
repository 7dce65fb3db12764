// What lies behind the point on the pad: dots, density or decoded pictures, the veil over the unknown, and the axes. A
// map without a `field` has no veil; classes in `places.hidden` are left out, axes without a name too.

import { drawDots, drawDensity, drawPart, rgb, veil } from './scatter.js';
import { penOf, wiped, ticks } from '../dom/canvas.js';

/**
 * @import { Dots } from './points.js'
 * @import { Look } from '../dom/theme.js'
 * @import { Mosaic } from './image_grid.js'
 * @import { Places } from './latent_plane.js'
 * @import { Viewport } from './viewport.js'
 * @import { Colour } from './scatter.js'
 * @import { Pen } from '../dom/canvas.js'
 *
 * @typedef {Object} Kept what need not be made anew for each frame
 * @property {Look} look
 * @property {Places | Dots} places
 * @property {HTMLCanvasElement} small
 * @property {(Colour | null)[]} colours
 * @property {HTMLCanvasElement} [veil] greys what is far
 * @property {HTMLCanvasElement} [shade] hides pictures that are far
 * @property {{ canvas: HTMLCanvasElement, pixels: ImageData }} [paper] of the dots
 */

/** @type {WeakMap<HTMLCanvasElement, Kept>} */
const kept = new WeakMap();

// The canvas of dots, as fine as the screen, and its pixels.
/** @param {Kept} own @param {number} width @param {number} height */
function paper(own, width, height) {
  if (own.paper?.canvas.width !== width || own.paper.canvas.height !== height) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    own.paper = { canvas, pixels: penOf(canvas).createImageData(width, height) };
  }
  return own.paper;
}

/** @param {HTMLCanvasElement} canvas @param {Look} look @param {Places | Dots} places */
function remembered(canvas, look, places) {
  let own = kept.get(canvas);
  if (own?.look !== look || own.places !== places) {
    own = { look, places, small: document.createElement('canvas'), colours: [] };
    if ('field' in places) {
      own.veil = veil(places, rgb(look.text));
      own.shade = veil(places, rgb(look.ground));
    }
    kept.set(canvas, own);
  }
  const hidden = 'hidden' in places ? places.hidden : null;
  /** @param {number} at */
  const shown = (at) => (hidden?.has(at) ? null : rgb(look.classes[at % look.classes.length]));
  own.colours = places.classes.map((_, at) => shown(at));
  return own;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{ look: Look, view: Viewport, places: Places | Dots, behind: string, mosaic?: Mosaic }} what
 */
export function drawBack(canvas, { look, view, places, behind, mosaic }) {
  const { pen, width, height } = wiped(canvas);
  const own = remembered(canvas, look, places);
  if (!canvas.width || !canvas.height) return; // not laid out yet
  const whole = [...places.world[0], ...(places.flat ? places.span[1] : places.world[1])];
  if (behind === 'pictures') {
    mosaic?.draw(pen, view, width, height);
    pen.globalAlpha = 0.6;
    if (own.shade) drawPart(pen, own.shade, whole, view, width, height);
  } else {
    pen.globalAlpha = 0.16;
    if (own.veil) drawPart(pen, own.veil, whole, view, width, height);
    pen.globalAlpha = 1;
    if (behind === 'density') density(pen, own, view, places, width, height);
    else dots(pen, own, view, places, canvas);
  }
  pen.globalAlpha = 1;
  if (places.names[0]) axes(pen, look, view, places, width, height);
}

/**
 * @param {Pen} pen
 * @param {Kept} own
 * @param {Viewport} view
 * @param {Places | Dots} places
 * @param {number} width
 * @param {number} height
 */
function density(pen, own, view, places, width, height) {
  drawDensity(own.small, view, places, own.colours, width, height);
  pen.imageSmoothingEnabled = true;
  pen.drawImage(own.small, 0, 0, width, height);
}

/**
 * @param {Pen} pen
 * @param {Kept} own
 * @param {Viewport} view
 * @param {Places | Dots} places
 * @param {HTMLCanvasElement} canvas
 */
function dots(pen, own, view, places, canvas) {
  const { canvas: drawn, pixels } = paper(own, canvas.width, canvas.height);
  drawDots(pixels, view, places, own.colours, window.devicePixelRatio || 1);
  penOf(drawn).putImageData(pixels, 0, 0);
  pen.save();
  pen.setTransform(1, 0, 0, 1, 0, 0);
  pen.drawImage(drawn, 0, 0);
  pen.restore();
}

// Numbers along the left and the lower edge, inside, so that the map may fill the screen of a phone.
/**
 * @param {Pen} pen
 * @param {Look} look
 * @param {Viewport} view
 * @param {Places | Dots} places
 * @param {number} width
 * @param {number} height
 */
function axes(pen, look, view, { names, flat }, width, height) {
  const [left, right, bottom, top] = view.edges;
  pen.font = `12px ${look.font}`;
  pen.lineWidth = 3;
  pen.lineJoin = 'round';
  pen.strokeStyle = look.ground;
  pen.fillStyle = look.text;
  /** @param {string} words @param {number} x @param {number} y */
  const write = (words, x, y) => {
    pen.strokeText(words, x, y);
    pen.fillText(words, x, y);
  };
  /** @param {number} value */
  const number = (value) => String(value).replace('-', '−');
  pen.textAlign = 'center';
  pen.textBaseline = 'bottom';
  const end = pen.measureText(names[0]).width + 12;
  for (const value of ticks(left, right, Math.max(4, width / 90))) {
    const x = view.across(value) * width;
    if (x > 34 && x < width - end - 8) write(number(value), x, height - 4);
  }
  pen.textAlign = 'right';
  write(names[0], width - 6, height - 4);
  if (flat) return;
  pen.textAlign = 'left';
  pen.textBaseline = 'middle';
  for (const value of ticks(bottom, top, Math.max(4, height / 90))) {
    const y = view.down(value) * height;
    if (y > 34 && y < height - 26) write(number(value), 5, y);
  }
  pen.textBaseline = 'top';
  write(names[1], 5, 5);
}
