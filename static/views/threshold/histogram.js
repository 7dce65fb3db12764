// Histograms of scores: the calibration samples as a dashed outline, normal ones filled, odd ones hatched; and the
// threshold over them. Each adds up to 1, however many samples it has.

import { countAbove } from '../../twins/anomaly.js';
import { clearCanvas, context2d } from '../../dom/canvas.js';

/**
 * @import { Scores } from '../../twins/anomaly.js'
 * @import { Context } from '../../dom/canvas.js'
 * @import { Theme } from '../../dom/theme.js'
 * @import { Scale } from './scale.js'
 *
 * @typedef {{ calibration: Scores, normal: Scores, odd: Scores }} Groups
 * @typedef {{ left: number, wide: number, top: number, high: number }} Frame in which bars stand, in pixels
 */

const BAR = 9; // pixels of a bar, about
const TOP = 22; // pixels above the bars, for the threshold's name
const BELOW = 20; // for the numbers
const HATCH = 7; // pixels from line to line

/** @param {number} width @param {number} height @returns {Frame} */
const frameOf = (width, height) => ({ left: 0, wide: width, top: TOP, high: height - TOP - BELOW });

// The share of the scores in each of so many bars; the first and the last have all that lies beyond, too.
/** @param {Scores} scores @param {Scale} scale @param {number} count */
function shares(scores, scale, count) {
  const above = Array.from({ length: count + 1 }, (_, i) => countAbove(scores, scale.toValue(i / count)));
  [above[0], above[count]] = [scores.count, 0];
  return Array.from({ length: count }, (_, i) => (above[i] - above[i + 1]) / Math.max(1, scores.count));
}

/** @param {HTMLCanvasElement} canvas @param {Theme} theme @param {Groups} groups @param {Scale} scale */
export function drawHistogram(canvas, theme, groups, scale) {
  const { ctx, width, height } = clearCanvas(canvas);
  const frame = frameOf(width, height);
  const count = Math.max(8, Math.round(width / BAR));
  const [calibration, normal, odd] = [groups.calibration, groups.normal, groups.odd].map((each) =>
    shares(each, scale, count),
  );
  const most = Math.max(...calibration, ...normal, ...odd) || 1;
  /** @param {number[]} bars */
  const path = (bars) => outline(ctx, frame, bars, most);
  const [first, second] = theme.classes;
  fill(ctx, () => path(normal), first, 0.5);
  stroke(ctx, () => path(normal), first, 1.5);
  fill(ctx, () => path(odd), hatching(ctx, second), 1);
  stroke(ctx, () => path(odd), second, 2);
  stroke(ctx, () => path(calibration), theme.text, 1.5, [5, 3]);
  drawAxis(ctx, theme, frame, scale);
}

/** @param {Context} ctx @param {Frame} frame @param {number[]} bars @param {number} most */
function outline(ctx, { left, wide, top, high }, bars, most) {
  const ground = top + high;
  ctx.beginPath();
  ctx.moveTo(left, ground);
  bars.forEach((share, i) => {
    const y = ground - (high * share) / most;
    ctx.lineTo(left + (wide * i) / bars.length, y);
    ctx.lineTo(left + (wide * (i + 1)) / bars.length, y);
  });
  ctx.lineTo(left + wide, ground);
}

/** @param {Context} ctx @param {() => void} path @param {string | CanvasPattern} how @param {number} opacity */
function fill(ctx, path, how, opacity) {
  path();
  ctx.globalAlpha = opacity;
  ctx.fillStyle = how;
  ctx.fill();
  ctx.globalAlpha = 1;
}

/** @param {Context} ctx @param {() => void} path @param {string} colour @param {number} width @param {number[]} dash */
function stroke(ctx, path, colour, width, dash = []) {
  path();
  ctx.setLineDash(dash);
  ctx.strokeStyle = colour;
  ctx.lineWidth = width;
  ctx.stroke();
  ctx.setLineDash([]);
}

// Slanted lines of a colour, for those who cannot tell it from others.
/** @param {Context} ctx @param {string} colour */
function hatching(ctx, colour) {
  const tile = document.createElement('canvas');
  tile.width = tile.height = HATCH;
  const pen = context2d(tile);
  pen.strokeStyle = colour;
  pen.lineWidth = 1.4;
  pen.beginPath();
  for (const shift of [-HATCH, 0, HATCH]) {
    pen.moveTo(shift, HATCH);
    pen.lineTo(shift + HATCH, 0);
  }
  pen.stroke();
  return ctx.createPattern(tile, 'repeat') ?? colour;
}

/** @param {Context} ctx @param {Theme} theme @param {Frame} frame @param {Scale} scale */
function drawAxis(ctx, theme, { left, wide, top, high }, scale) {
  const ground = top + high;
  ctx.font = `12px ${theme.font}`;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'top';
  ctx.fillStyle = ctx.strokeStyle = theme.text;
  ctx.lineWidth = 1;
  ctx.beginPath();
  ctx.moveTo(left, ground + 0.5);
  ctx.lineTo(left + wide, ground + 0.5);
  for (const value of scale.ticks()) {
    const x = left + wide * scale.toShare(value);
    const text = String(+value.toPrecision(4)).replace('-', '\u2212');
    const half = ctx.measureText(text).width / 2;
    ctx.moveTo(x, ground);
    ctx.lineTo(x, ground + 4);
    ctx.fillText(text, Math.min(left + wide - half, Math.max(left + half, x)), ground + 6);
  }
  ctx.stroke();
}

// The threshold at a share of the width, and a shade over what is an alarm.
/** @param {HTMLCanvasElement} canvas @param {Theme} theme @param {number} share */
export function drawThreshold(canvas, theme, share) {
  const { ctx, width, height } = clearCanvas(canvas);
  const { left, wide, high } = frameOf(width, height);
  const x = left + wide * Math.min(1, Math.max(0, share));
  const bottom = TOP + high;
  ctx.globalAlpha = 0.08;
  ctx.fillStyle = theme.text;
  ctx.fillRect(x, 0, left + wide - x, bottom);
  ctx.globalAlpha = 1;
  for (const [colour, line] of /** @type {[string, number][]} */ ([
    [theme.background, 5],
    [theme.text, 2],
  ])) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = line;
    ctx.beginPath();
    ctx.moveTo(x, 0);
    ctx.lineTo(x, bottom);
    ctx.stroke();
  }
  ctx.font = `600 12px ${theme.font}`;
  ctx.textBaseline = 'top';
  ctx.fillStyle = theme.text;
  const right = x < left + wide / 2;
  ctx.textAlign = right ? 'left' : 'right';
  ctx.fillText(right ? 'alarm \u2192' : '\u2190 no alarm', x + (right ? 8 : -8), 3);
}
