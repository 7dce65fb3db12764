// Image metrics, as in aecore/analysis/metrics.py: MSE, PSNR and SSIM.

/** @import { NumberArray } from '../net/matmul.js' */

/** @param {NumberArray} a @param {NumberArray} b */
export function mse(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2;
  return sum / a.length;
}

/** @param {NumberArray} a @param {NumberArray} b */
export const psnr = (a, b) => -10 * Math.log10(mse(a, b)); // decibels, Infinity when equal

// Structural similarity (Wang et al. 2004) of images [C, H, W] in [0, 1], in windows of 7 by 7 pixels or the largest
// odd size that fits; null for images under 3 pixels wide or high, which have no patterns.
/** @param {NumberArray} a @param {NumberArray} b @param {number[]} shape */
export function ssim(a, b, [channels, high, wide]) {
  const narrow = Math.min(7, high, wide);
  const side = narrow - 1 + (narrow % 2);
  if (narrow < 3) return null;
  let sum = 0;
  let windows = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row + side <= high; row++) {
      for (let column = 0; column + side <= wide; column++, windows++) {
        sum += ssimWindow(a, b, (channel * high + row) * wide + column, wide, side);
      }
    }
  }
  return sum / windows;
}

/** @param {NumberArray} a @param {NumberArray} b @param {number} start @param {number} wide @param {number} side */
function ssimWindow(a, b, start, wide, side) {
  let sumA = 0;
  let sumB = 0;
  let squareA = 0;
  let squareB = 0;
  let product = 0;
  for (let row = 0; row < side; row++) {
    for (let at = start + row * wide, end = at + side; at < end; at++) {
      sumA += a[at];
      sumB += b[at];
      squareA += a[at] * a[at];
      squareB += b[at] * b[at];
      product += a[at] * b[at];
    }
  }
  const count = side * side;
  const fair = count - 1; // the sample covariance, as scikit-image has it
  const meanA = sumA / count;
  const meanB = sumB / count;
  const spreads = (squareA - sumA * meanA + squareB - sumB * meanB) / fair;
  const shared = (product - sumA * meanB) / fair;
  const light = (2 * meanA * meanB + 1e-4) / (meanA ** 2 + meanB ** 2 + 1e-4);
  return (light * (2 * shared + 9e-4)) / (spreads + 9e-4);
}
