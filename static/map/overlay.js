// What moves on the pad: the point, the place under the mouse, the nearest test picture's code, and the lasso.

import { wiped } from '../dom/canvas.js';

/**
 * @import { Look } from '../dom/theme.js'
 * @import { Neighbour, Places } from './latent_plane.js'
 * @import { Place, Viewport } from './viewport.js'
 * @import { Pen } from '../dom/canvas.js'
 *
 * @typedef {(width: number, trace: () => void) => void} Outlined draws what `trace` does, dark on light
 *
 * @typedef {Object} Over
 * @property {Look} look
 * @property {Viewport} view
 * @property {Places} places
 * @property {Place} point
 * @property {Place | null} hover
 * @property {Place[]} lasso
 * @property {Neighbour} near
 */

// radii in pixels
const RING = 9;
const NEAR = 6;
const HOVER = 5;

/** @param {HTMLCanvasElement} canvas @param {Over} over */
export function drawOver(canvas, { look, view, places, point, hover, lasso, near }) {
  const { pen, width, height } = wiped(canvas);
  const twice = outlined(pen, look);
  /** @type {(place: Place) => Place} */
  const put = ([x, y]) => [view.across(x) * width, view.down(y) * height];
  /** @param {Place} place @param {number} radius */
  const ring =
    ([x, y], radius) =>
    () =>
      pen.arc(x, y, radius, 0, 7);
  if (lasso.length) drawLasso(pen, look, lasso.map(put), twice);
  const at = put(hover ?? point);
  const code = put([places.points[2 * near.row], places.points[2 * near.row + 1]]);
  if (places.flat) twice(1, upright(pen, at[0], height));
  else drawLink(pen, at, code, twice);
  twice(1.5, ring(code, NEAR));
  const here = put(point);
  if (places.flat) twice(2.5, upright(pen, here[0], height));
  pen.fillStyle = look.accent;
  pen.beginPath();
  pen.arc(...here, RING - 3, 0, 7);
  pen.fill();
  twice(2, ring(here, RING - 3));
  if (hover) twice(1.5, cross(pen, at));
}

// Lines that are seen on every ground: dark on light.
/** @type {(pen: Pen, look: Look) => Outlined} */
export const outlined = (pen, look) => (width, trace) => {
  /** @type {[string, number][]} */
  const strokes = [
    [look.ground, 2.5],
    [look.text, 0],
  ];
  for (const [colour, more] of strokes) {
    pen.strokeStyle = colour;
    pen.lineWidth = width + more;
    pen.beginPath();
    trace();
    pen.stroke();
  }
};

/** @param {Pen} pen @param {number} x @param {number} height */
const upright = (pen, x, height) => () => {
  pen.moveTo(x, 0);
  pen.lineTo(x, height);
};

/** @type {(pen: Pen, place: Place) => () => void} */
export const cross =
  (pen, [x, y]) =>
  () => {
    pen.moveTo(x - HOVER, y);
    pen.lineTo(x + HOVER, y);
    pen.moveTo(x, y - HOVER);
    pen.lineTo(x, y + HOVER);
  };

// A line from the place to the nearest code, as long as it is not nearly there.
/** @param {Pen} pen @param {Place} from @param {Place} to @param {Outlined} twice */
function drawLink(pen, [ax, ay], [bx, by], twice) {
  const far = Math.hypot(ax - bx, ay - by);
  if (far < NEAR + RING) return;
  const share = NEAR / far;
  twice(1, () => {
    pen.moveTo(ax, ay);
    pen.lineTo(bx + (ax - bx) * share, by + (ay - by) * share);
  });
}

/** @param {Pen} pen @param {Look} look @param {Place[]} corners @param {Outlined} twice */
export function drawLasso(pen, look, corners, twice) {
  const trace = () => corners.forEach(([x, y], i) => pen[i ? 'lineTo' : 'moveTo'](x, y));
  pen.beginPath();
  trace();
  pen.globalAlpha = 0.15;
  pen.fillStyle = look.accent;
  pen.fill('evenodd');
  pen.globalAlpha = 1;
  twice(1.5, () => {
    trace();
    if (corners.length > 2) pen.closePath();
  });
  pen.fillStyle = look.text;
  if (corners.length < 3) for (const [x, y] of corners) pen.fillRect(x - 2, y - 2, 4, 4);
}
