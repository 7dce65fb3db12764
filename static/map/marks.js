// What is marked on the map of all codes: the point that is looked at, the one that is chosen, the cross, and the
// lasso.

import { outlined, cross, drawLasso } from './overlay.js';
import { wiped } from '../dom/canvas.js';

/**
 * @import { Dots } from './points.js'
 * @import { Look } from '../dom/theme.js'
 * @import { Place, Viewport } from './viewport.js'
 * @import { Pen } from '../dom/canvas.js'
 *
 * @typedef {Object} Marks
 * @property {Look} look
 * @property {Viewport} view
 * @property {Dots} places
 * @property {number} seen the point that is looked at, by number; -1: none
 * @property {number} chosen
 * @property {Place | null} aim where the cross is
 * @property {Place[]} lasso
 */

// radii in pixels
const SEEN = 6;
const CHOSEN = 9;

/** @param {HTMLCanvasElement} canvas @param {Marks} marks */
export function drawMarks(canvas, { look, view, places, seen, chosen, aim, lasso }) {
  const { pen, width, height } = wiped(canvas);
  const twice = outlined(pen, look);
  /** @type {(x: number, y: number) => Place} */
  const put = (x, y) => [view.across(x) * width, view.down(y) * height];
  /** @param {number} at */
  const spot = (at) => put(places.points[2 * at], places.points[2 * at + 1]);
  /** @param {Place} place @param {number} radius */
  const ring =
    ([x, y], radius) =>
    () =>
      pen.arc(x, y, radius, 0, 7);
  if (lasso.length)
    drawLasso(
      pen,
      look,
      lasso.map((corner) => put(...corner)),
      twice,
    );
  if (chosen >= 0) {
    pen.fillStyle = look.accent;
    pen.beginPath();
    ring(spot(chosen), SEEN - 1)();
    pen.fill();
    twice(2, ring(spot(chosen), CHOSEN));
  }
  if (aim) twice(1.5, cross(pen, put(...aim)));
  if (seen < 0) return;
  twice(1.5, ring(spot(seen), SEEN));
  label(pen, look, places.classes[places.labels[seen]], spot(seen), width);
}

// The class beside its point, on the side where there is room.
/** @param {Pen} pen @param {Look} look @param {string} words @param {Place} place @param {number} width */
function label(pen, look, words, [x, y], width) {
  pen.font = `600 13px ${look.font}`;
  const left = x + pen.measureText(words).width + 20 > width;
  pen.textAlign = left ? 'right' : 'left';
  pen.textBaseline = 'middle';
  pen.lineJoin = 'round';
  pen.lineWidth = 4;
  pen.strokeStyle = look.ground;
  pen.fillStyle = look.text;
  const at = x + (left ? -12 : 12);
  pen.strokeText(words, at, y);
  pen.fillText(words, at, y);
}
