// Numbers of the pixels of an image as a heat map: the colours of plotly's Viridis, as in ui/widgets/palette.py, which
// rise evenly in lightness for every kind of eye.

import { drawImage } from './image.js';

/** @import { NumberArray } from '../net/matmul.js' */

export const VIRIDIS = [
  [68, 1, 84],
  [72, 40, 120],
  [62, 73, 137],
  [49, 104, 142],
  [38, 130, 142],
  [31, 158, 137],
  [53, 183, 121],
  [110, 206, 88],
  [181, 222, 43],
  [253, 231, 37],
];

/** @param {number} share from 0 to 1 @returns {number[]} red, green and blue, 0 to 255 */
export function colourOf(share) {
  const place = Math.min(1, Math.max(0, share)) * (VIRIDIS.length - 1);
  const below = Math.min(VIRIDIS.length - 2, Math.floor(place));
  return VIRIDIS[below].map((value, at) => value + (place - below) * (VIRIDIS[below + 1][at] - value));
}

// The same colours from left to right, for a scale in CSS.
export const GRADIENT = `linear-gradient(to right, ${VIRIDIS.map((rgb) => `rgb(${rgb})`).join(', ')})`;

// Values [high * wide] from 0 to `limit`, beyond which all are as bright.
/** @param {HTMLCanvasElement} canvas @param {NumberArray} values @param {number} limit @param {number[]} shape */
export function drawHeatMap(canvas, values, limit, [, high, wide]) {
  const size = high * wide;
  const planes = new Float32Array(3 * size);
  for (let i = 0; i < size; i++)
    colourOf(values[i] / limit).forEach((value, plane) => (planes[plane * size + i] = value / 255));
  drawImage(canvas, planes, [3, high, wide]);
}
