// The map: a point for each test picture, moving straight from snapshot to snapshot.

import { wiped, say, ticks } from '../../dom/canvas.js';

/**
 * @import { Look } from '../../dom/theme.js'
 * @import { Range } from '../../map/viewport.js'
 * @import { Pen } from '../../dom/canvas.js'
 * @import { Film } from './replay.js'
 */

const LEFT = 44;
const BELOW = 40;
const TOP = 0;
const RIGHT = 6;
const FULL = 65535;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Look} look
 * @param {Film} film
 * @param {number} step
 * @param {number} between
 * @param {string} words
 */
export function drawMap(canvas, look, film, step, between, words) {
  const { pen, width, height } = wiped(canvas);
  const side = Math.min(width - LEFT - RIGHT, height - TOP - BELOW);
  pen.save();
  pen.translate(LEFT, TOP);
  axes(pen, look, film, side);
  points(pen, look, film, side, step, between);
  area(pen, look, film, side, step, between);
  pen.restore();
  say(canvas, `Map of ${film.count.toLocaleString('en')} test pictures ${words}, coloured by class.`);
}

/** @param {Pen} pen @param {Look} look @param {Film} film @param {number} side */
function axes(pen, look, { span, names }, side) {
  pen.font = `12px ${look.font}`;
  pen.fillStyle = look.text;
  pen.strokeStyle = look.line;
  pen.lineWidth = 1;
  pen.strokeRect(0.5, 0.5, side - 1, side - 1);
  /** @param {Range} range @param {number} value */
  const place = ([low, high], value) => (side * (value - low)) / (high - low);
  /** @param {number} at */
  const inside = (at) => at > 8 && at < side - 8;
  pen.textAlign = 'center';
  pen.textBaseline = 'top';
  for (const value of ticks(...span[0], 7)) {
    const x = place(span[0], value);
    if (inside(x)) pen.fillText(String(value), x, side + 4);
  }
  pen.fillText(names[0], side / 2, side + 21);
  if (!names[1]) return;
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  for (const value of ticks(...span[1], 7)) {
    const y = side - place(span[1], value);
    if (inside(y)) pen.fillText(String(value), -5, y);
  }
  pen.save();
  pen.translate(-LEFT + 8, side / 2);
  pen.rotate(-Math.PI / 2);
  pen.textAlign = 'center';
  pen.fillText(names[1], 0, 0);
  pen.restore();
}

/**
 * @param {Pen} pen
 * @param {Look} look
 * @param {Film} film
 * @param {number} side
 * @param {number} step
 * @param {number} between
 */
function points(pen, look, { points, labels, count, classes }, side, step, between) {
  const from = 2 * count * step;
  const to = between ? from + 2 * count : from;
  const radius = (count > 1000 ? 2 : 3) * Math.max(0.8, side / 400);
  pen.globalAlpha = 0.8;
  for (let label = 0; label < classes.length; label++) {
    pen.beginPath();
    for (let i = 0; i < count; i++) {
      if (labels[i] !== label) continue;
      const x = points[from + 2 * i] * (1 - between) + points[to + 2 * i] * between;
      const y = points[from + 2 * i + 1] * (1 - between) + points[to + 2 * i + 1] * between;
      pen.moveTo((side * x) / FULL + radius, side * (1 - y / FULL));
      pen.arc((side * x) / FULL, side * (1 - y / FULL), radius, 0, 7);
    }
    pen.fillStyle = look.classes[label % look.classes.length];
    pen.fill();
  }
  pen.globalAlpha = 1;
}

// The part of the plane that the manifold shows.
/**
 * @param {Pen} pen
 * @param {Look} look
 * @param {Film} film
 * @param {number} side
 * @param {number} step
 * @param {number} between
 */
function area(pen, look, { areas }, side, step, between) {
  const from = areas[step];
  const to = areas[between ? step + 1 : step];
  if (!from || !to) return;
  const [left, right, bottom, top] = from.map((edge, i) => side * (edge * (1 - between) + to[i] * between));
  pen.beginPath();
  pen.rect(0, 0, side, side);
  pen.clip();
  pen.setLineDash([5, 4]);
  pen.strokeStyle = look.text;
  pen.strokeRect(left, side - top, right - left, top - bottom);
}
