// How the code of a drawing wandered over the map, stroke by stroke.

import { wiped } from '../dom/canvas.js';

/**
 * @import { Look } from '../dom/theme.js'
 * @import { Place, Viewport } from './viewport.js'
 *
 * @typedef {{ look: Look, view: Viewport, flat: boolean, trails: Place[][], at: Place | null }} Trails
 */

const DOT = 6; // pixels
const EDGE = 8; // pixels

/** @param {HTMLCanvasElement} canvas @param {Trails} what */
export function drawTrail(canvas, { look, view, flat, trails, at }) {
  const { pen, width, height } = wiped(canvas);
  /** @param {number} value @param {number} most */
  const held = (value, most) => Math.min(most - EDGE, Math.max(EDGE, value)); // far away lies on the edge
  /** @type {(place: Place) => Place} */
  const put = ([x, y]) => [held(view.across(x) * width, width), held(view.down(y) * height, height)];
  pen.lineJoin = 'round';
  /** @param {number} thick @param {() => void} trace */
  const twice = (thick, trace) => {
    // seen on every ground: dark on light
    /** @type {[string, number][]} */
    const strokes = [
      [look.ground, 2.5],
      [look.text, 0],
    ];
    for (const [colour, more] of strokes) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick + more;
      pen.beginPath();
      trace();
      pen.stroke();
    }
  };
  trails.forEach((trail, i) => {
    pen.globalAlpha = i === trails.length - 1 ? 1 : 0.45; // earlier strokes are pale
    twice(1.5, () => trail.forEach((place, step) => pen[step ? 'lineTo' : 'moveTo'](...put(place))));
  });
  pen.globalAlpha = 1;
  if (!at) return;
  const [x, y] = put(at);
  if (flat) {
    // up and down mean nothing
    twice(1.5, () => {
      pen.moveTo(x, 0);
      pen.lineTo(x, height);
    });
  }
  twice(2, () => pen.arc(x, y, DOT, 0, 7));
  pen.fillStyle = look.accent;
  pen.fill();
}
