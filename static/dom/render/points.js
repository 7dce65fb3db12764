// A point in its plane, where there is room among those of the data set.

import { axisAcross, axisDown, dot, INK, PALE } from './paper.js';

/** @import { NumberArray } from '../../net/matmul.js' */

const REACH = 2.5; // standard deviations that a drawing shows in each direction
const RADIUS = 2.5; // units
const [MIN_RADIUS, MAX_RADIUS] = [1.5, 5]; // CSS pixels
const MIN_BACKGROUND_SIDE = 64; // CSS pixels of a drawing from which on it has room for other points
const BACKGROUND_DOT = 2; // CSS pixels

/** @type {import('../render.js').Draw<import('../../twins/modality.js').Named>} */
export function drawPoints(sheet, values, { background }) {
  const { ctx, left, top, width, height } = sheet;
  const side = Math.min(width, height);
  const unit = side / 48;
  const [across, down] = [left + width / 2, top + height / 2];
  const reach = side / 2 - Math.min(3 * unit, 2 * MAX_RADIUS);
  axisAcross(sheet, down);
  axisDown(sheet, across);
  /** @param {NumberArray | number[]} of @param {number} at @returns {[number, number]} */
  const place = (of, at) => [across + reach * share(of[at]), down - reach * share(of[at + 1])];
  if (background && side >= MIN_BACKGROUND_SIDE) {
    ctx.fillStyle = PALE;
    for (let i = 0; i < background.length; i += 2) {
      const [x, y] = place(background, i);
      ctx.fillRect(x - BACKGROUND_DOT / 2, y - BACKGROUND_DOT / 2, BACKGROUND_DOT, BACKGROUND_DOT);
    }
  }
  dot(sheet, ...place(values, 0), Math.min(MAX_RADIUS, Math.max(MIN_RADIUS, RADIUS * unit)), INK);
}

/** @param {number} value */
const share = (value) => Math.min(1, Math.max(-1, value / REACH));
