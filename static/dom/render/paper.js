// Curves, bars and dots on the paper of a small drawing, as aecore/data/modalities/drawing.py draws them: a light
// ground that a light and a dark page both bear. All lengths are in CSS pixels.

/**
 * @import { NumberArray } from '../../net/matmul.js'
 * @import { Context } from '../canvas.js'
 *
 * @typedef {{ ctx: Context, left: number, top: number, width: number, height: number, unit: number }} Paper
 *   `unit`: one pixel of the drawing that Python makes, which is 48 high
 */

export const PAPER = 'rgb(250, 250, 247)';
export const AXIS = 'rgb(205, 205, 200)';
export const INK = 'rgb(20, 60, 110)';
export const PALE = 'rgb(150, 155, 160)';
// of several channels of a series; each differs from the others in lightness too
export const CHANNELS = [
  INK,
  'rgb(213, 94, 0)',
  'rgb(0, 130, 95)',
  'rgb(150, 60, 130)',
  'rgb(110, 100, 20)',
  'rgb(60, 150, 210)',
];
const [HEIGHT, WIDTH] = [48, 72];
const MARGIN = 2; // units
const MAX_MARGIN = 8; // CSS pixels
const LINE = 1.2; // units
const [MIN_LINE, MAX_LINE] = [0.8, 2]; // CSS pixels

/**
 * An empty sheet in a box of a canvas.
 * @param {Context} ctx
 * @param {import('../canvas.js').Box} box
 * @returns {Paper}
 */
export function paper(ctx, [left, top, width, height]) {
  ctx.fillStyle = PAPER;
  ctx.fillRect(left, top, width, height);
  return { ctx, left, top, width, height, unit: Math.min(height / HEIGHT, width / WIDTH) };
}

/** @param {Paper} sheet */
export const marginOf = ({ unit }) => Math.min(MAX_MARGIN, MARGIN * unit);

// How far down a value stands, kept on the paper.
/** @param {Paper} sheet @param {number} value @param {number} low @param {number} high */
export function rowOf(sheet, value, low, high) {
  const margin = marginOf(sheet);
  const share = (Math.min(high, Math.max(low, value)) - low) / (high - low);
  return sheet.top + margin + (sheet.height - 2 * margin) * (1 - share);
}

/** @param {Paper} sheet @param {number} y */
export function axisAcross({ ctx, left, width }, y) {
  ctx.fillStyle = AXIS;
  ctx.fillRect(left, y - 0.5, width, 1);
}

/** @param {Paper} sheet @param {number} x */
export function axisDown({ ctx, top, height }, x) {
  ctx.fillStyle = AXIS;
  ctx.fillRect(x - 0.5, top, 1, height);
}

/** @param {Paper} sheet @param {number} x @param {number} y @param {number} radius @param {string} colour */
export function dot({ ctx }, x, y, radius, colour) {
  ctx.fillStyle = colour;
  ctx.beginPath();
  ctx.arc(x, y, radius, 0, 7);
  ctx.fill();
}

/**
 * A curve of every `stride`th of the values, from the `first`; NaN is a gap.
 * @param {Paper} sheet
 * @param {NumberArray} values
 * @param {number} first
 * @param {number} stride
 * @param {[number, number]} limits
 * @param {string} colour
 */
export function curve(sheet, values, first, stride, [low, high], colour) {
  const { ctx, left, width, unit } = sheet;
  const margin = marginOf(sheet);
  const count = Math.ceil((values.length - first) / stride);
  const step = (width - 2 * margin) / Math.max(1, count - 1);
  const line = Math.min(MAX_LINE, Math.max(MIN_LINE, LINE * unit));
  Object.assign(ctx, { strokeStyle: colour, lineWidth: line, lineJoin: 'round', lineCap: 'round' });
  ctx.beginPath();
  for (let i = 0, drawn = false; i < count; i++) {
    const value = values[first + i * stride];
    if (Number.isNaN(value)) {
      drawn = false;
      continue;
    }
    const [x, y] = [left + margin + i * step, rowOf(sheet, value, low, high)];
    if (drawn) ctx.lineTo(x, y);
    else ctx.moveTo(x, y);
    if (!drawn) ctx.lineTo(x, y); // a moment between two gaps is a dot
    drawn = true;
  }
  ctx.stroke();
}

/**
 * One bar for each value, from the middle up or down; NaN is a gap.
 * @param {Paper} sheet
 * @param {ArrayLike<number>} values
 * @param {number} limit
 */
export function bars(sheet, values, limit) {
  const { ctx, left, top, width, height } = sheet;
  const margin = marginOf(sheet);
  const pitch = (width - 2 * margin) / values.length;
  const middle = top + height / 2;
  axisAcross(sheet, middle);
  ctx.fillStyle = INK;
  for (let i = 0; i < values.length; i++) {
    if (Number.isNaN(values[i])) continue;
    const y = rowOf(sheet, values[i], -limit, limit);
    const wide = Math.max(0.7 * pitch, 0.75);
    ctx.fillRect(left + margin + pitch * (i + 0.15), Math.min(y, middle), wide, Math.max(1, Math.abs(y - middle)));
  }
}
