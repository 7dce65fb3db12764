// The time machine's loss curves: a small chart for each part with a scale of its own, and a line at the current epoch.

import { clearCanvas, setLabel, ticks } from '../../dom/canvas.js';

/**
 * @import { Theme } from '../../dom/theme.js'
 * @import { Context } from '../../dom/canvas.js'
 * @import { Curves, Recording } from './recording.js'
 *
 * @typedef {(value: number) => number} Scale from an epoch or a loss to pixels
 */

// pixels
const LEFT = 52;
const RIGHT = 8;
const NAME = 22;
const CHART = 72;
const AIR = 12;
const BELOW = 26;
/** @type {Record<'train' | 'validation', { width: number, dash: number[] }>} */
const LINE_STYLES = { validation: { width: 2.5, dash: [] }, train: { width: 2, dash: [2, 4] } };

/** @param {Recording} recording */
const parts = (recording) => Object.entries(recording.losses.parts);
/** @param {number | null | undefined} value */
const formatLoss = (value) =>
  value == null ? '–' : value.toFixed(Math.abs(value) < 10 ? 3 : Math.abs(value) < 100 ? 2 : 1);

/** @param {Recording} recording */
export function lossesHeight(recording) {
  return Math.max(1, parts(recording).length) * (NAME + CHART + AIR) + BELOW;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Theme} theme
 * @param {Recording} recording
 * @param {number} step
 * @param {number} between
 * @param {string} when
 */
export function drawLosses(canvas, theme, recording, step, between, when) {
  const { ctx, width } = clearCanvas(canvas);
  const { epochs } = recording;
  const now = epochs[step] + between * ((epochs[step + 1] ?? epochs[step]) - epochs[step]);
  const line = recording.losses.epochs.findLastIndex((epoch) => epoch <= now + 1e-6); // -1 before the first epoch's end
  const wide = width - LEFT - RIGHT;
  const end = Math.max(1, epochs[epochs.length - 1]);
  /** @type {Scale} */
  const across = (epoch) => LEFT + (wide * epoch) / end;
  ctx.font = `12px ${theme.font}`;
  ctx.lineJoin = 'round';
  const values = parts(recording).map(([name, curves], row) => {
    const top = row * (NAME + CHART + AIR) + NAME;
    drawCurves(ctx, theme, recording.losses.epochs, curves, line, across, top, width);
    const text = `${formatLoss(curves.validation[line])} validation, ${formatLoss(curves.train[line])} training`;
    drawCursor(ctx, theme, across(now), top);
    drawTitle(ctx, theme, name, text, top, width);
    return `${name} ${text}`;
  });
  const labels = ticks(0, end, 6).filter(Number.isInteger);
  drawEpochAxis(ctx, theme, labels, across, lossesHeight(recording) - BELOW - AIR, wide);
  setLabel(canvas, line < 0 ? `Losses ${when}: not measured yet.` : `Losses ${when}: ${values.join('; ')}.`);
}

// The curves of one part of the loss over a grid, and a dot on each at the current epoch.
/**
 * @param {Context} ctx
 * @param {Theme} theme
 * @param {number[]} epochs
 * @param {Curves} curves
 * @param {number} current
 * @param {Scale} across
 * @param {number} top
 * @param {number} width
 */
function drawCurves(ctx, theme, epochs, curves, current, across, top, width) {
  const values = Object.values(curves).flat();
  const [low, high] = valueRange(values.filter((value) => value != null));
  /** @type {Scale} */
  const up = (value) => top + CHART * (1 - (value - low) / (high - low));
  /** @type {['train' | 'validation', string][]} */
  const splits = [
    ['train', theme.text],
    ['validation', theme.accent],
  ];
  drawGridLines(ctx, theme, ticks(low, high, 3), up, width);
  for (const [split, colour] of splits) {
    drawCurve(ctx, epochs, curves[split], across, up, { ...LINE_STYLES[split], colour });
    const here = current < 0 ? null : curves[split][current];
    if (here != null) drawDot(ctx, across(epochs[current]), up(here), colour, theme);
  }
}

/** @param {number[]} values */
function valueRange(values) {
  if (!values.length) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - air, high + air];
}

/** @param {Context} ctx @param {Theme} theme @param {number[]} values @param {Scale} up @param {number} width */
function drawGridLines(ctx, theme, values, up, width) {
  ctx.textAlign = 'right';
  ctx.textBaseline = 'middle';
  ctx.lineWidth = 1;
  ctx.strokeStyle = theme.border;
  ctx.fillStyle = theme.text;
  for (const value of values) {
    ctx.globalAlpha = 0.35;
    ctx.beginPath();
    ctx.moveTo(LEFT, Math.round(up(value)) + 0.5);
    ctx.lineTo(width - RIGHT, Math.round(up(value)) + 0.5);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.fillText(String(value), LEFT - 6, up(value));
  }
}

/**
 * @param {Context} ctx
 * @param {number[]} epochs
 * @param {(number | null)[]} values
 * @param {Scale} across
 * @param {Scale} up
 * @param {{ width: number, dash: number[], colour: string }} line
 */
function drawCurve(ctx, epochs, values, across, up, { width, dash, colour }) {
  ctx.beginPath();
  let drawing = false; // a gap where there is no number
  values.forEach((value, i) => {
    if (value != null) ctx[drawing ? 'lineTo' : 'moveTo'](across(epochs[i]), up(value));
    drawing = value != null;
  });
  ctx.lineWidth = width;
  ctx.setLineDash(dash);
  ctx.strokeStyle = colour;
  ctx.stroke();
  ctx.setLineDash([]);
}

/** @param {Context} ctx @param {number} x @param {number} y @param {string} colour @param {Theme} theme */
function drawDot(ctx, x, y, colour, theme) {
  ctx.beginPath();
  ctx.arc(x, y, 4, 0, 7);
  ctx.fillStyle = colour;
  ctx.fill();
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = theme.background;
  ctx.stroke();
}

/**
 * @param {Context} ctx
 * @param {Theme} theme
 * @param {string} name
 * @param {string} valueText
 * @param {number} top
 * @param {number} width
 */
function drawTitle(ctx, theme, name, valueText, top, width) {
  ctx.textBaseline = 'alphabetic';
  ctx.fillStyle = theme.text;
  ctx.textAlign = 'left';
  ctx.font = `600 12px ${theme.font}`;
  ctx.fillText(name, 0, top - 7);
  ctx.font = `12px ${theme.font}`;
  ctx.textAlign = 'right';
  ctx.fillText(valueText, width - RIGHT, top - 7);
}

/** @param {Context} ctx @param {Theme} theme @param {number} x @param {number} top */
function drawCursor(ctx, theme, x, top) {
  ctx.globalCompositeOperation = 'destination-over'; // below the curves and their names
  ctx.lineWidth = 1.5;
  ctx.strokeStyle = theme.text;
  ctx.globalAlpha = 0.6;
  ctx.beginPath();
  ctx.moveTo(x, top);
  ctx.lineTo(x, top + CHART);
  ctx.stroke();
  ctx.globalAlpha = 1;
  ctx.globalCompositeOperation = 'source-over';
}

/**
 * @param {Context} ctx
 * @param {Theme} theme
 * @param {number[]} values
 * @param {Scale} across
 * @param {number} y
 * @param {number} wide
 */
function drawEpochAxis(ctx, theme, values, across, y, wide) {
  ctx.fillStyle = theme.text;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'top';
  for (const value of values) {
    const half = ctx.measureText(String(value)).width / 2; // the last one must not run over the edge
    ctx.fillText(String(value), Math.min(across(value), LEFT + wide + RIGHT - half), y + 5);
  }
  ctx.fillText('epoch', LEFT + wide / 2, y + 21);
}
