// The losses: a small chart for each part with a scale of its own, and a line that says where we are.

import { wiped, say, ticks } from '../../dom/canvas.js';

/**
 * @import { Look } from '../../dom/theme.js'
 * @import { Pen } from '../../dom/canvas.js'
 * @import { Film } from './replay.js'
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
const LOOKS = { validation: { width: 2.5, dash: [] }, train: { width: 2, dash: [2, 4] } };

/** @param {Film} film */
const parts = (film) => Object.entries(film.losses.parts);
/** @param {number | null | undefined} value */
const written = (value) =>
  value == null ? '–' : value.toFixed(Math.abs(value) < 10 ? 3 : Math.abs(value) < 100 ? 2 : 1);

/** @param {Film} film */
export function heightOfLosses(film) {
  return Math.max(1, parts(film).length) * (NAME + CHART + AIR) + BELOW;
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 * @param {Film} film
 * @param {number} step
 * @param {number} between
 * @param {string} words
 */
export function drawLosses(canvas, look, film, step, between, words) {
  const { pen, width } = wiped(canvas);
  const { epochs: known } = film.losses;
  const { epochs } = film;
  const now = epochs[step] + between * ((epochs[step + 1] ?? epochs[step]) - epochs[step]);
  const line = known.findLastIndex((epoch) => epoch <= now + 1e-6); // -1 before the first epoch's end
  const wide = width - LEFT - RIGHT;
  const end = Math.max(1, epochs[epochs.length - 1]);
  /** @type {Scale} */
  const across = (epoch) => LEFT + (wide * epoch) / end;
  /** @type {string[]} */
  const told = [];
  /** @type {['train' | 'validation', string][]} */
  const splits = [
    ['train', look.text],
    ['validation', look.accent],
  ];
  pen.font = `12px ${look.font}`;
  pen.lineJoin = 'round';
  parts(film).forEach(([name, curves], row) => {
    const top = row * (NAME + CHART + AIR) + NAME;
    const values = Object.values(curves)
      .flat()
      .filter((value) => value != null);
    const [low, high] = spread(values);
    /** @type {Scale} */
    const up = (value) => top + CHART * (1 - (value - low) / (high - low));
    grid(pen, look, ticks(low, high, 3), up, width);
    for (const [split, colour] of splits) {
      curve(pen, known, curves[split], across, up, { ...LOOKS[split], colour });
      const here = line < 0 ? null : curves[split][line];
      if (here != null) dot(pen, across(known[line]), up(here), colour, look);
    }
    const said = `${written(curves.validation[line])} held-out, ${written(curves.train[line])} training`;
    told.push(`${name} ${said}`);
    cursor(pen, look, across(now), top);
    title(pen, look, name, said, top, width);
  });
  bottom(pen, look, ticks(0, end, 6).filter(Number.isInteger), across, heightOfLosses(film) - BELOW - AIR, wide);
  say(canvas, line < 0 ? `Losses ${words}: not measured yet.` : `Losses ${words}: ${told.join('; ')}.`);
}

/** @param {number[]} values */
function spread(values) {
  if (!values.length) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b));
  const high = values.reduce((a, b) => Math.max(a, b));
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - air, high + air];
}

/** @param {Pen} pen @param {Look} look @param {number[]} values @param {Scale} up @param {number} width */
function grid(pen, look, values, up, width) {
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  pen.lineWidth = 1;
  pen.strokeStyle = look.line;
  pen.fillStyle = look.text;
  for (const value of values) {
    pen.globalAlpha = 0.35;
    pen.beginPath();
    pen.moveTo(LEFT, Math.round(up(value)) + 0.5);
    pen.lineTo(width - RIGHT, Math.round(up(value)) + 0.5);
    pen.stroke();
    pen.globalAlpha = 1;
    pen.fillText(String(value), LEFT - 6, up(value));
  }
}

/**
 * @param {Pen} pen
 * @param {number[]} epochs
 * @param {(number | null)[]} values
 * @param {Scale} across
 * @param {Scale} up
 * @param {{ width: number, dash: number[], colour: string }} line
 */
function curve(pen, epochs, values, across, up, { width, dash, colour }) {
  pen.beginPath();
  let drawing = false; // a gap where there is no number
  values.forEach((value, i) => {
    if (value != null) pen[drawing ? 'lineTo' : 'moveTo'](across(epochs[i]), up(value));
    drawing = value != null;
  });
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.strokeStyle = colour;
  pen.stroke();
  pen.setLineDash([]);
}

/** @param {Pen} pen @param {number} x @param {number} y @param {string} colour @param {Look} look */
function dot(pen, x, y, colour, look) {
  pen.beginPath();
  pen.arc(x, y, 4, 0, 7);
  pen.fillStyle = colour;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = look.ground;
  pen.stroke();
}

/**
 * @param {Pen} pen
 * @param {Look} look
 * @param {string} name
 * @param {string} said
 * @param {number} top
 * @param {number} width
 */
function title(pen, look, name, said, top, width) {
  pen.textBaseline = 'alphabetic';
  pen.fillStyle = look.text;
  pen.textAlign = 'left';
  pen.font = `600 12px ${look.font}`;
  pen.fillText(name, 0, top - 7);
  pen.font = `12px ${look.font}`;
  pen.textAlign = 'right';
  pen.fillText(said, width - RIGHT, top - 7);
}

/** @param {Pen} pen @param {Look} look @param {number} x @param {number} top */
function cursor(pen, look, x, top) {
  pen.globalCompositeOperation = 'destination-over'; // below the curves and their names
  pen.lineWidth = 1.5;
  pen.strokeStyle = look.text;
  pen.globalAlpha = 0.6;
  pen.beginPath();
  pen.moveTo(x, top);
  pen.lineTo(x, top + CHART);
  pen.stroke();
  pen.globalAlpha = 1;
  pen.globalCompositeOperation = 'source-over';
}

/**
 * @param {Pen} pen
 * @param {Look} look
 * @param {number[]} values
 * @param {Scale} across
 * @param {number} y
 * @param {number} wide
 */
function bottom(pen, look, values, across, y, wide) {
  pen.fillStyle = look.text;
  pen.textAlign = 'center';
  pen.textBaseline = 'top';
  for (const value of values) {
    const half = pen.measureText(String(value)).width / 2; // the last one must not run over the edge
    pen.fillText(String(value), Math.min(across(value), LEFT + wide + RIGHT - half), y + 5);
  }
  pen.fillText('epoch', LEFT + wide / 2, y + 21);
}
