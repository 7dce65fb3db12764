// The trail of a drawing's code over the map, stroke by stroke.

import { clearCanvas } from '../dom/canvas.js';
import { outlinedStroke } from './overlay.js';

/**
 * @import { Theme } from '../dom/theme.js'
 * @import { Point, Viewport } from './viewport.js'
 *
 * @typedef {{ theme: Theme, view: Viewport, oneDimensional: boolean, trails: Point[][], at: Point | null }} Trails
 */

const DOT = 6; // pixels
const EDGE = 8; // pixels

/** @param {HTMLCanvasElement} canvas @param {Trails} what */
export function drawTrail(canvas, { theme, view, oneDimensional, trails, at }) {
  const { ctx, width, height } = clearCanvas(canvas);
  /** @param {number} value @param {number} max */
  const clamp = (value, max) => Math.min(max - EDGE, Math.max(EDGE, value)); // far away lies on the edge
  /** @type {(place: Point) => Point} */
  const toPixels = ([x, y]) => [clamp(view.screenX(x) * width, width), clamp(view.screenY(y) * height, height)];
  ctx.lineJoin = 'round';
  const stroke = outlinedStroke(ctx, theme);
  trails.forEach((trail, i) => {
    ctx.globalAlpha = i === trails.length - 1 ? 1 : 0.45; // earlier strokes are pale
    stroke(1.5, () => trail.forEach((place, step) => ctx[step ? 'lineTo' : 'moveTo'](...toPixels(place))));
  });
  ctx.globalAlpha = 1;
  if (!at) return;
  const [x, y] = toPixels(at);
  if (oneDimensional) {
    // up and down mean nothing
    stroke(1.5, () => {
      ctx.moveTo(x, 0);
      ctx.lineTo(x, height);
    });
  }
  stroke(2, () => ctx.arc(x, y, DOT, 0, 7));
  ctx.fillStyle = theme.accent;
  ctx.fill();
}
