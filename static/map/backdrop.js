// The backdrop of a map: points, their density or decoded images, a grey mask far from the data, the axes, and the
// names of the classes. A map without a `distanceField` has no mask; classes in `map.hidden` are left out, axes without
// a name too.

import { drawPoints, drawDensity, drawRegion, rgb, distanceMask, pointRadius } from './scatter.js';
import { drawClassNames } from './class_names.js';
import { context2d, clearCanvas, ticks } from '../dom/canvas.js';

/**
 * @import { PointMap } from './points.js'
 * @import { Theme } from '../dom/theme.js'
 * @import { ImageGrid } from './image_grid.js'
 * @import { PlaneMap } from './latent_plane.js'
 * @import { Viewport } from './viewport.js'
 * @import { Colour } from './scatter.js'
 * @import { Context, Size } from '../dom/canvas.js'
 *
 * @typedef {Object} Backdrop
 * @property {Theme} theme
 * @property {Viewport} view
 * @property {PlaneMap | PointMap} map
 * @property {string} backdrop one of BACKDROPS
 * @property {ImageGrid} [imageGrid]
 * @property {number} [lit] a class that stands out from the others, which are pale; -1: none
 * @property {boolean} [names] whether each class has its name at the middle of its points
 * @property {boolean} [large] points and words for whoever stands far away
 * @property {Size} [size] of a picture to save; else that of the canvas on the page
 *
 * @typedef {Object} Cache what need not be made anew for each frame
 * @property {Theme} theme
 * @property {PlaneMap | PointMap} map
 * @property {HTMLCanvasElement} small
 * @property {HTMLCanvasElement} [greyMask] greys what is far
 * @property {HTMLCanvasElement} [coverMask] hides images that are far
 * @property {{ canvas: HTMLCanvasElement, pixels: ImageData }} [pointsCanvas] of the dots
 *
 * @typedef {Backdrop & { own: Cache, ctx: Context, width: number, height: number, fine: number }} Layer
 */

export const BACKDROPS = ['points', 'density', 'decoded images'];
const LARGE_POINTS = 1.7; // times as large
const PALE = 0.86; // how much of the ground is in the colour of a class that does not stand out
const PALE_DENSITY = 0.2; // opacity

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
    own = { theme, map, small: document.createElement('canvas') };
    if ('distanceField' in map) {
      own.greyMask = distanceMask(map, rgb(theme.text));
      own.coverMask = distanceMask(map, rgb(theme.background));
    }
    caches.set(canvas, own);
  }
  return own;
}

// The colour of each class that `shown` lets through, in the theme's own or nearly that of the ground.
/**
 * @param {Backdrop} what
 * @param {(at: number) => boolean} shown
 * @param {boolean} [pale]
 * @returns {(Colour | null)[]}
 */
function classColours({ theme, map }, shown, pale = false) {
  const ground = rgb(theme.background);
  return map.classNames.map((_, at) => {
    if (!shown(at) || map.hidden.has(at)) return null;
    const colour = rgb(theme.classes[at % theme.classes.length]);
    return pale ? colour.map((value, i) => value + (ground[i] - value) * PALE) : colour;
  });
}

/** @param {HTMLCanvasElement} canvas @param {Backdrop} what */
export function drawBackdrop(canvas, what) {
  const { theme, view, map, backdrop, imageGrid, names = false } = what;
  const lit = what.lit !== undefined && !map.hidden.has(what.lit) ? what.lit : -1;
  const { ctx, width, height, fine } = clearCanvas(canvas, what.size);
  if (!canvas.width || !canvas.height) return; // not laid out yet
  const own = cached(canvas, theme, map);
  const layer = { ...what, lit, own, ctx, width, height, fine };
  if (backdrop === 'decoded images') {
    imageGrid?.draw(ctx, view, width, height);
    if (own.coverMask) drawMask(layer, own.coverMask, theme.background, 0.6);
    if (lit >= 0) drawPointsLayer(layer, [classColours(what, (at) => at === lit)]);
  } else {
    if (own.greyMask) drawMask(layer, own.greyMask, theme.text, 0.16);
    if (backdrop === 'density') drawDensityLayer(layer);
    else if (lit < 0) drawPointsLayer(layer, [classColours(what, () => true)]);
    else drawPointsLayer(layer, [classColours(what, (at) => at !== lit, true), classColours(what, (at) => at === lit)]);
  }
  if (map.axisNames[0]) drawAxes(layer);
  if (names) drawClassNames(ctx, layer);
}

// The mask over what is far from the data, and all that lies beyond it.
/** @param {Layer} layer @param {HTMLCanvasElement} mask @param {string} colour @param {number} alpha */
function drawMask({ ctx, view, map, width, height }, mask, colour, alpha) {
  const [[left, right], [bottom, top]] = map.oneDimensional ? [map.panLimits[0], map.extent[1]] : map.panLimits;
  const [x, y] = [view.screenX(left) * width, view.screenY(top) * height];
  ctx.globalAlpha = alpha;
  drawRegion(ctx, mask, [left, right, bottom, top], view, width, height);
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.rect(0, 0, width, height);
  ctx.rect(x, y, view.screenX(right) * width - x, view.screenY(bottom) * height - y);
  ctx.fill('evenodd');
  ctx.globalAlpha = 1;
}

/** @param {Layer} layer */
function drawDensityLayer(layer) {
  const { ctx, own, view, map, lit = -1, width, height } = layer;
  /** @param {(Colour | null)[]} colours @param {number} alpha */
  function draw(colours, alpha) {
    drawDensity(own.small, view, map, colours, width, height);
    ctx.globalAlpha = alpha;
    ctx.imageSmoothingEnabled = true;
    ctx.drawImage(own.small, 0, 0, width, height);
    ctx.globalAlpha = 1;
  }
  draw(classColours(layer, (at) => at !== lit), lit < 0 ? 1 : PALE_DENSITY); // prettier-ignore
  if (lit >= 0) draw(classColours(layer, (at) => at === lit), 1); // prettier-ignore
}

// Points in these colours, one set of colours over the other.
/** @param {Layer} layer @param {(Colour | null)[][]} sets */
function drawPointsLayer({ ctx, own, view, map, large, width, height, fine }, sets) {
  const { canvas: drawn, pixels } = pointsCanvas(own, Math.round(width * fine), Math.round(height * fine));
  pixels.data.fill(0);
  const radius = fine * pointRadiusOf({ map, view, large });
  for (const colours of sets) drawPoints(pixels, view, map, colours, radius);
  context2d(drawn).putImageData(pixels, 0, 0);
  ctx.save();
  ctx.setTransform(1, 0, 0, 1, 0, 0);
  ctx.drawImage(drawn, 0, 0);
  ctx.restore();
}

// The radius of a point in CSS pixels.
/** @param {Pick<Backdrop, 'map' | 'view' | 'large'>} what */
export const pointRadiusOf = ({ map, view, large }) => pointRadius(map.count, view.zoom) * (large ? LARGE_POINTS : 1);

/** @typedef {{ text: string, x: number, y: number, align: CanvasTextAlign, baseline: CanvasTextBaseline }} AxisLabel */

// Numbers along the left and the lower edge, inside, so that the map may fill the screen of a phone.
/**
 * @param {Context} ctx that measures
 * @param {Theme} theme
 * @param {Viewport} view
 * @param {PlaneMap | PointMap} map
 * @param {number} width
 * @param {number} height
 * @returns {AxisLabel[]}
 */
export function axisLabels(ctx, theme, view, { axisNames, oneDimensional }, width, height) {
  const [left, right, bottom, top] = view.edges;
  ctx.font = `12px ${theme.font}`;
  /** @param {number} value */
  const number = (value) => String(value).replace('-', '−');
  const end = ctx.measureText(axisNames[0]).width + 12;
  /** @type {AxisLabel[]} */
  const found = [];
  for (const value of ticks(left, right, Math.max(4, width / 90))) {
    const x = view.screenX(value) * width;
    if (x > 34 && x < width - end - 8)
      found.push({ text: number(value), x, y: height - 4, align: 'center', baseline: 'bottom' });
  }
  found.push({ text: axisNames[0], x: width - 6, y: height - 4, align: 'right', baseline: 'bottom' });
  if (oneDimensional) return found;
  for (const value of ticks(bottom, top, Math.max(4, height / 90))) {
    const y = view.screenY(value) * height;
    if (y > 34 && y < height - 26) found.push({ text: number(value), x: 5, y, align: 'left', baseline: 'middle' });
  }
  found.push({ text: axisNames[1], x: 5, y: 5, align: 'left', baseline: 'top' });
  return found;
}

/** @param {Layer} layer */
function drawAxes({ ctx, theme, view, map, width, height }) {
  const labels = axisLabels(ctx, theme, view, map, width, height);
  ctx.lineWidth = 3;
  ctx.lineJoin = 'round';
  ctx.strokeStyle = theme.background;
  ctx.fillStyle = theme.text;
  for (const { text, x, y, align, baseline } of labels) {
    ctx.textAlign = align;
    ctx.textBaseline = baseline;
    ctx.strokeText(text, x, y);
    ctx.fillText(text, x, y);
  }
}
