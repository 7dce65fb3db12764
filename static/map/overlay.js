// The overlay of a plane map: the point, the hovered one, the nearest test image's code, and the lasso.

import { clearCanvas } from '../dom/canvas.js';

/**
 * @import { Theme } from '../dom/theme.js'
 * @import { Neighbour, PlaneMap } from './latent_plane.js'
 * @import { Point, Viewport } from './viewport.js'
 * @import { Context, Size } from '../dom/canvas.js'
 *
 * @typedef {(width: number, trace: () => void) => void} OutlinedStroke draws what `trace` does, dark on light
 *
 * @typedef {Object} Overlay
 * @property {Theme} theme
 * @property {Viewport} view
 * @property {PlaneMap} planeMap
 * @property {Point} point
 * @property {Point | null} hover
 * @property {Point[]} lasso
 * @property {Neighbour} nearest
 * @property {Size} [size] of a picture to save
 */

// radii in pixels
const POINT_RADIUS = 9;
const NEAREST_RADIUS = 6;
const CROSSHAIR_RADIUS = 5;

/** @param {HTMLCanvasElement} canvas @param {Overlay} over */
export function drawOverlay(canvas, { theme, view, planeMap, point, hover, lasso, nearest, size }) {
  const { ctx, width, height } = clearCanvas(canvas, size);
  const stroke = outlinedStroke(ctx, theme);
  /** @type {(place: Point) => Point} */
  const toPixels = ([x, y]) => [view.screenX(x) * width, view.screenY(y) * height];
  /** @param {Point} place @param {number} radius */
  const ring =
    ([x, y], radius) =>
    () =>
      ctx.arc(x, y, radius, 0, 7);
  if (lasso.length) drawLasso(ctx, theme, lasso.map(toPixels), stroke);
  const at = toPixels(hover ?? point);
  const code = toPixels([planeMap.points[2 * nearest.row], planeMap.points[2 * nearest.row + 1]]);
  if (planeMap.oneDimensional) stroke(1, verticalLine(ctx, at[0], height));
  else drawLink(ctx, at, code, stroke);
  stroke(1.5, ring(code, NEAREST_RADIUS));
  const here = toPixels(point);
  if (planeMap.oneDimensional) stroke(2.5, verticalLine(ctx, here[0], height));
  ctx.fillStyle = theme.accent;
  ctx.beginPath();
  ctx.arc(...here, POINT_RADIUS - 3, 0, 7);
  ctx.fill();
  stroke(2, ring(here, POINT_RADIUS - 3));
  if (hover) stroke(1.5, crosshair(ctx, at));
}

// Lines that are seen on every ground: dark on light.
/** @type {(ctx: Context, theme: Theme) => OutlinedStroke} */
export const outlinedStroke = (ctx, theme) => (width, trace) => {
  /** @type {[string, number][]} */
  const strokes = [
    [theme.background, 2.5],
    [theme.text, 0],
  ];
  ctx.lineJoin = 'round'; // whatever was drawn on this canvas before
  for (const [colour, more] of strokes) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width + more;
    ctx.beginPath();
    trace();
    ctx.stroke();
  }
};

/** @param {Context} ctx @param {number} x @param {number} height */
const verticalLine = (ctx, x, height) => () => {
  ctx.moveTo(x, 0);
  ctx.lineTo(x, height);
};

/** @type {(ctx: Context, place: Point) => () => void} */
export const crosshair =
  (ctx, [x, y]) =>
  () => {
    ctx.moveTo(x - CROSSHAIR_RADIUS, y);
    ctx.lineTo(x + CROSSHAIR_RADIUS, y);
    ctx.moveTo(x, y - CROSSHAIR_RADIUS);
    ctx.lineTo(x, y + CROSSHAIR_RADIUS);
  };

// A line from the place to the nearest code, as long as it is not nearly there.
/** @param {Context} ctx @param {Point} from @param {Point} to @param {OutlinedStroke} stroke */
function drawLink(ctx, [ax, ay], [bx, by], stroke) {
  const far = Math.hypot(ax - bx, ay - by);
  if (far < NEAREST_RADIUS + POINT_RADIUS) return;
  const share = NEAREST_RADIUS / far;
  stroke(1, () => {
    ctx.moveTo(ax, ay);
    ctx.lineTo(bx + (ax - bx) * share, by + (ay - by) * share);
  });
}

/** @param {Context} ctx @param {Theme} theme @param {Point[]} corners @param {OutlinedStroke} stroke */
export function drawLasso(ctx, theme, corners, stroke) {
  const trace = () => corners.forEach(([x, y], i) => ctx[i ? 'lineTo' : 'moveTo'](x, y));
  ctx.beginPath();
  trace();
  ctx.globalAlpha = 0.15;
  ctx.fillStyle = theme.accent;
  ctx.fill('evenodd');
  ctx.globalAlpha = 1;
  stroke(1.5, () => {
    trace();
    if (corners.length > 2) ctx.closePath();
  });
  ctx.fillStyle = theme.text;
  if (corners.length < 3) for (const [x, y] of corners) ctx.fillRect(x - 2, y - 2, 4, 4);
}
