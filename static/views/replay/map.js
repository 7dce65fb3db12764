// The time machine's map: a point for each test sample, moving straight from snapshot to snapshot.

import { clearCanvas, setLabel, ticks } from '../../dom/canvas.js';

/**
 * @import { Theme } from '../../dom/theme.js'
 * @import { Range } from '../../map/viewport.js'
 * @import { Context } from '../../dom/canvas.js'
 * @import { Recording } from './recording.js'
 */

const LEFT = 44;
const BELOW = 40;
const TOP = 0;
const RIGHT = 6;
const FULL = 65535;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Theme} theme
 * @param {Recording} recording
 * @param {number} step
 * @param {number} between
 * @param {string} when
 */
export function drawMap(canvas, theme, recording, step, between, when) {
  const { ctx, width, height } = clearCanvas(canvas);
  const side = Math.min(width - LEFT - RIGHT, height - TOP - BELOW);
  ctx.save();
  ctx.translate(LEFT, TOP);
  drawAxes(ctx, theme, recording, side);
  drawPoints(ctx, theme, recording, side, step, between);
  drawManifoldBounds(ctx, theme, recording, side, step, between);
  ctx.restore();
  setLabel(
    canvas,
    `Map of ${recording.count.toLocaleString('en')} test ${recording.noun.many} ${when}, coloured by class.`,
  );
}

/** @param {Context} ctx @param {Theme} theme @param {Recording} recording @param {number} side */
function drawAxes(ctx, theme, { extent, axis_names: names }, side) {
  ctx.font = `12px ${theme.font}`;
  ctx.fillStyle = theme.text;
  ctx.strokeStyle = theme.border;
  ctx.lineWidth = 1;
  ctx.strokeRect(0.5, 0.5, side - 1, side - 1);
  /** @param {Range} range @param {number} value */
  const place = ([low, high], value) => (side * (value - low)) / (high - low);
  /** @param {number} at */
  const inside = (at) => at > 8 && at < side - 8;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'top';
  for (const value of ticks(...extent[0], 7)) {
    const x = place(extent[0], value);
    if (inside(x)) ctx.fillText(String(value), x, side + 4);
  }
  ctx.fillText(names[0], side / 2, side + 21);
  if (!names[1]) return;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'middle';
  for (const value of ticks(...extent[1], 7)) {
    const y = side - place(extent[1], value);
    if (inside(y)) ctx.fillText(String(value), -5, y);
  }
  ctx.save();
  ctx.translate(-LEFT + 8, side / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.textAlign = 'center';
  ctx.fillText(names[1], 0, 0);
  ctx.restore();
}

/**
 * @param {Context} ctx
 * @param {Theme} theme
 * @param {Recording} recording
 * @param {number} side
 * @param {number} step
 * @param {number} between
 */
function drawPoints(ctx, theme, { points, labels, count, class_names: classNames }, side, step, between) {
  const from = 2 * count * step;
  const to = between ? from + 2 * count : from;
  const radius = (count > 1000 ? 2 : 3) * Math.max(0.8, side / 400);
  ctx.globalAlpha = 0.8;
  for (let label = 0; label < classNames.length; label++) {
    ctx.beginPath();
    for (let i = 0; i < count; i++) {
      if (labels[i] !== label) continue;
      const x = points[from + 2 * i] * (1 - between) + points[to + 2 * i] * between;
      const y = points[from + 2 * i + 1] * (1 - between) + points[to + 2 * i + 1] * between;
      ctx.moveTo((side * x) / FULL + radius, side * (1 - y / FULL));
      ctx.arc((side * x) / FULL, side * (1 - y / FULL), radius, 0, 7);
    }
    ctx.fillStyle = theme.classes[label % theme.classes.length];
    ctx.fill();
  }
  ctx.globalAlpha = 1;
}

// The part of the plane that the manifold shows.
/**
 * @param {Context} ctx
 * @param {Theme} theme
 * @param {Recording} recording
 * @param {number} side
 * @param {number} step
 * @param {number} between
 */
function drawManifoldBounds(ctx, theme, { manifold_extents: extents }, side, step, between) {
  const from = extents[step];
  const to = extents[between ? step + 1 : step];
  if (!from || !to) return;
  const [left, right, bottom, top] = from.map((edge, i) => side * (edge * (1 - between) + to[i] * between));
  ctx.beginPath();
  ctx.rect(0, 0, side, side);
  ctx.clip();
  ctx.setLineDash([5, 4]);
  ctx.strokeStyle = theme.text;
  ctx.strokeRect(left, side - top, right - left, top - bottom);
}
