// The backdrop of a map: points, their density or decoded images, a grey mask far from the data, and the axes. A map
// without a `distanceField` has no mask; classes in `map.hidden` are left out, axes without a name too.

import { drawPoints, drawDensity, drawRegion, rgb, distanceMask } from './scatter.js';
import { context2d, clearCanvas, ticks } from '../dom/canvas.js';

/**
 * @import { PointMap } from './points.js'
 * @import { Theme } from '../dom/theme.js'
 * @import { ImageGrid } from './image_grid.js'
 * @import { PlaneMap } from './latent_plane.js'
 * @import { Viewport } from './viewport.js'
 * @import { Colour } from './scatter.js'
 * @import { Context } from '../dom/canvas.js'
 *
 * @typedef {Object} Cache what need not be made anew for each frame
 * @property {Theme} theme
 * @property {PlaneMap | PointMap} map
 * @property {HTMLCanvasElement} small
 * @property {(Colour | null)[]} colours
 * @property {HTMLCanvasElement} [greyMask] greys what is far
 * @property {HTMLCanvasElement} [coverMask] hides images that are far
 * @property {{ canvas: HTMLCanvasElement, pixels: ImageData }} [pointsCanvas] of the dots
 */

/** @type {WeakMap<HTMLCanvasElement, Cache>} */
const caches = new WeakMap();

// The canvas of dots, as fine as the screen, and its pixels.
/** @param {Cache} own @param {number} width @param {number} height */
function pointsCanvas(own, width, height) {
  if (own.pointsCanvas?.canvas.width !== width || own.pointsCanvas.canvas.height !== height) {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    own.pointsCanvas = { canvas, pixels: context2d(canvas).createImageData(width, height) };
  }
  return own.pointsCanvas;
}

/** @param {HTMLCanvasElement} canvas @param {Theme} theme @param {PlaneMap | PointMap} map */
function cached(canvas, theme, map) {
  let own = caches.get(canvas);
  if (own?.theme !== theme || own.map !== map) {
    own = { theme, map, small: document.createElement('canvas'), colours: [] };
    if ('distanceField' in map) {
      own.greyMask = distanceMask(map, rgb(theme.text));
      own.coverMask = distanceMask(map, rgb(theme.background));
    }
    caches.set(canvas, own);
  }
  const hidden = 'hidden' in map ? map.hidden : null;
  /** @param {number} at */
  const shown = (at) => (hidden?.has(at) ? null : rgb(theme.classes[at % theme.classes.length]));
  own.colours = map.classNames.map((_, at) => shown(at));
  return own;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {{ theme: Theme, view: Viewport, map: PlaneMap | PointMap, backdrop: string, imageGrid?: ImageGrid }} what
 */
export function drawBackdrop(canvas, { theme, view, map, backdrop, imageGrid }) {
  const { ctx, width, height } = clearCanvas(canvas);
  const own = cached(canvas, theme, map);
  if (!canvas.width || !canvas.height) return; // not laid out yet
  const whole = [...map.panLimits[0], ...(map.oneDimensional ? map.extent[1] : map.panLimits[1])];
  if (backdrop === 'decoded images') {
    imageGrid?.draw(ctx, view, width, height);
    ctx.globalAlpha = 0.6;
    if (own.coverMask) drawRegion(ctx, own.coverMask, whole, view, width, height);
  } else {
    ctx.globalAlpha = 0.16;
    if (own.greyMask) drawRegion(ctx, own.greyMask, whole, view, width, height);
    ctx.globalAlpha = 1;
    if (backdrop === 'density') drawDensityLayer(ctx, own, view, map, width, height);
    else drawPointsLayer(ctx, own, view, map, canvas);
  }
  ctx.globalAlpha = 1;
  if (map.axisNames[0]) drawAxes(ctx, theme, view, map, width, height);
}

/**
 * @param {Context} ctx
 * @param {Cache} own
 * @param {Viewport} view
 * @param {PlaneMap | PointMap} map
 * @param {number} width
 * @param {number} height
 */
function drawDensityLayer(ctx, own, view, map, width, height) {
  drawDensity(own.small, view, map, own.colours, width, height);
  ctx.imageSmoothingEnabled = true;
  ctx.drawImage(own.small, 0, 0, width, height);
}

/**
 * @param {Context} ctx
 * @param {Cache} own
 * @param {Viewport} view
 * @param {PlaneMap | PointMap} map
 * @param {HTMLCanvasElement} canvas
 */
function drawPointsLayer(ctx, own, view, map, canvas) {
  const { canvas: drawn, pixels } = pointsCanvas(own, canvas.width, canvas.height);
  drawPoints(pixels, view, map, own.colours, window.devicePixelRatio || 1);
  context2d(drawn).putImageData(pixels, 0, 0);
  ctx.save();
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.drawImage(drawn, 0, 0);
  ctx.restore();
}

// Numbers along the left and the lower edge, inside, so that the map may fill the screen of a phone.
/**
 * @param {Context} ctx
 * @param {Theme} theme
 * @param {Viewport} view
 * @param {PlaneMap | PointMap} map
 * @param {number} width
 * @param {number} height
 */
function drawAxes(ctx, theme, view, { axisNames, oneDimensional }, width, height) {
  const [left, right, bottom, top] = view.edges;
  ctx.font = `12px ${theme.font}`;
  ctx.lineWidth = 3;
  ctx.lineJoin = 'round';
  ctx.strokeStyle = theme.background;
  ctx.fillStyle = theme.text;
  /** @param {string} text @param {number} x @param {number} y */
  const write = (text, x, y) => {
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
  };
  /** @param {number} value */
  const number = (value) => String(value).replace('-', '−');
  ctx.textAlign = 'center';
  ctx.textBaseline = 'bottom';
  const end = ctx.measureText(axisNames[0]).width + 12;
  for (const value of ticks(left, right, Math.max(4, width / 90))) {
    const x = view.screenX(value) * width;
    if (x > 34 && x < width - end - 8) write(number(value), x, height - 4);
  }
  ctx.textAlign = 'right';
  write(axisNames[0], width - 6, height - 4);
  if (oneDimensional) return;
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  for (const value of ticks(bottom, top, Math.max(4, height / 90))) {
    const y = view.screenY(value) * height;
    if (y > 34 && y < height - 26) write(number(value), 5, y);
  }
  ctx.textBaseline = 'top';
  write(axisNames[1], 5, 5);
}
