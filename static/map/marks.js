// The marks on a scatter plot: the hovered point, the selected one, the crosshair and the lasso.

import { outlinedStroke, crosshair, drawLasso } from './overlay.js';
import { clearCanvas } from '../dom/canvas.js';

/**
 * @import { PointMap } from './points.js'
 * @import { Theme } from '../dom/theme.js'
 * @import { Point, Viewport } from './viewport.js'
 * @import { Context, Size } from '../dom/canvas.js'
 *
 * @typedef {Object} Marks
 * @property {Theme} theme
 * @property {Viewport} view
 * @property {PointMap} pointMap
 * @property {number} hovered a point by its number; -1: none
 * @property {number} selected
 * @property {Point | null} crosshairAt where it is
 * @property {Point[]} lasso
 * @property {Size} [size] of a picture to save
 */

// radii in pixels
const HOVERED_RADIUS = 6;
const SELECTED_RADIUS = 9;

/** @param {HTMLCanvasElement} canvas @param {Marks} marks */
export function drawMarks(canvas, { theme, view, pointMap, hovered, selected, crosshairAt, lasso, size }) {
  const { ctx, width, height } = clearCanvas(canvas, size);
  const stroke = outlinedStroke(ctx, theme);
  /** @type {(x: number, y: number) => Point} */
  const toPixels = (x, y) => [view.screenX(x) * width, view.screenY(y) * height];
  /** @param {number} at */
  const pixelsOf = (at) => toPixels(pointMap.points[2 * at], pointMap.points[2 * at + 1]);
  /** @param {Point} place @param {number} radius */
  const ring =
    ([x, y], radius) =>
    () =>
      ctx.arc(x, y, radius, 0, 7);
  if (lasso.length)
    drawLasso(
      ctx,
      theme,
      lasso.map((corner) => toPixels(...corner)),
      stroke,
    );
  if (selected >= 0) {
    ctx.fillStyle = theme.accent;
    ctx.beginPath();
    ring(pixelsOf(selected), HOVERED_RADIUS - 1)();
    ctx.fill();
    stroke(2, ring(pixelsOf(selected), SELECTED_RADIUS));
  }
  if (crosshairAt) stroke(1.5, crosshair(ctx, toPixels(...crosshairAt)));
  if (hovered < 0) return;
  stroke(1.5, ring(pixelsOf(hovered), HOVERED_RADIUS));
  drawLabel(ctx, theme, pointMap.classNames[pointMap.labels[hovered]], pixelsOf(hovered), width);
}

// The class beside its point, on the side where there is room.
/** @param {Context} ctx @param {Theme} theme @param {string} text @param {Point} place @param {number} width */
function drawLabel(ctx, theme, text, [x, y], width) {
  ctx.font = `600 13px ${theme.font}`;
  const left = x + ctx.measureText(text).width + 20 > width;
  ctx.textAlign = left ? 'right' : 'left';
  ctx.textBaseline = 'middle';
  ctx.lineJoin = 'round';
  ctx.lineWidth = 4;
  ctx.strokeStyle = theme.background;
  ctx.fillStyle = theme.text;
  const at = x + (left ? -12 : 12);
  ctx.strokeText(text, at, y);
  ctx.fillText(text, at, y);
}
