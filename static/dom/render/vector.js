// A vector as bars, one for each number.

import { bars } from './paper.js';

const LIMIT = 3; // standard deviations that a bar shows

/** @type {import('../render.js').Draw<import('../../twins/modality.js').Named>} */
export function drawVector(sheet, values) {
  bars(sheet, values, LIMIT);
}
