// The ROC curve and the precision-recall curve of a score, and the point at which a threshold stands on both.

import { confusion, falseAlarmRate, precision, precisionAt, recall } from '../../twins/anomaly.js';
import { clearCanvas } from '../../dom/canvas.js';

/**
 * @import { Scores } from '../../twins/anomaly.js'
 * @import { Context } from '../../dom/canvas.js'
 * @import { Theme } from '../../dom/theme.js'
 *
 * @typedef {[number, number]} Point across and up, 0 to 1
 * @typedef {{ roc: Point[], mixed: Point[], own: Point[] }} Curves `own`: precision at people's own base rate
 * @typedef {{ left: number, top: number, side: number }} Frame in pixels
 */

const POINTS = 600; // of each kind of samples that a curve goes through, at most
const LEFT = 42; // pixels
const RIGHT = 10;
const TOP = 8;
const BELOW = 36;

// Thresholds at scores: all of them, or so many that no step between two is seen.
/** @param {Scores} normal @param {Scores} odd */
function cutsOf(normal, odd) {
  const cuts = [normal, odd].flatMap(({ values }) => {
    const step = Math.max(1, values.length / POINTS);
    return Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[Math.floor(i * step)]);
  });
  return [-Infinity, ...cuts.sort((a, b) => a - b), Infinity];
}

/** @param {Scores} normal @param {Scores} odd @param {number} baseRate @returns {Curves} */
export function curvesOf(normal, odd, baseRate) {
  /** @type {Curves} */
  const found = { roc: [], mixed: [], own: [] };
  for (const cut of cutsOf(normal, odd)) {
    const counts = confusion(normal, odd, cut);
    const [found_, false_] = [recall(counts), falseAlarmRate(counts)];
    found.roc.push([false_, found_]);
    found.mixed.push([found_, precision(counts)]);
    found.own.push([found_, precisionAt(baseRate, found_, false_)]);
  }
  return found;
}

/** @param {number} width @param {number} height @returns {Frame} */
const frameOf = (width, height) => ({
  left: LEFT,
  top: TOP,
  side: Math.max(1, Math.min(width - LEFT - RIGHT, height - TOP - BELOW)),
});

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Theme} theme
 * @param {[string, string]} names of the axes
 * @param {{ points: Point[], colour: string, dash?: number[] }[]} lines
 */
export function drawCurves(canvas, theme, names, lines) {
  const { ctx, width, height } = clearCanvas(canvas);
  const frame = frameOf(width, height);
  drawAxes(ctx, theme, frame, names);
  for (const { points, colour, dash } of lines) {
    ctx.beginPath();
    for (const [x, y] of points) {
      if (Number.isFinite(y)) ctx.lineTo(frame.left + frame.side * x, frame.top + frame.side * (1 - y));
    }
    ctx.setLineDash(dash ?? []);
    ctx.lineWidth = dash ? 1.5 : 2.5;
    ctx.strokeStyle = colour;
    ctx.stroke();
  }
  ctx.setLineDash([]);
}

/** @param {Context} ctx @param {Theme} theme @param {Frame} frame @param {[string, string]} names */
function drawAxes(ctx, theme, { left, top, side }, [across, up]) {
  ctx.font = `12px ${theme.font}`;
  ctx.fillStyle = theme.text;
  ctx.strokeStyle = theme.border;
  ctx.lineWidth = 1;
  ctx.textBaseline = 'middle';
  ctx.strokeRect(left + 0.5, top + 0.5, side, side);
  for (const share of [0, 0.5, 1]) {
    ctx.textAlign = 'right';
    ctx.fillText(String(share), left - 5, top + side * (1 - share) + (share === 1 ? 4 : 0));
    ctx.textAlign = 'center';
    ctx.fillText(String(share), left + side * share, top + side + 11);
  }
  ctx.fillText(across, left + side / 2, top + side + 27);
  ctx.save();
  ctx.translate(8, top + side / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillText(up, 0, 0);
  ctx.restore();
}

// A ring where the threshold stands; a filled one on people's own curve.
/** @param {HTMLCanvasElement} canvas @param {Theme} theme @param {Point[]} points */
export function drawPoints(canvas, theme, points) {
  const { ctx, width, height } = clearCanvas(canvas);
  const { left, top, side } = frameOf(width, height);
  points.forEach(([x, y], i) => {
    if (!Number.isFinite(x + y)) return;
    ctx.beginPath();
    ctx.arc(left + side * x, top + side * (1 - y), 5.5, 0, 7);
    ctx.fillStyle = i ? theme.text : theme.background;
    ctx.fill();
    ctx.lineWidth = 3;
    ctx.strokeStyle = theme.text;
    ctx.stroke();
  });
}
