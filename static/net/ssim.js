// Structural similarity of two images, as in aecore/models/likelihoods/ssim.py.

const WINDOW = 7;
const C1 = 0.01 ** 2;
const C2 = 0.03 ** 2;

/** @import { NumberArray } from './matmul.js' */

/**
 * From -1 to 1; 1 where both are equal.
 * @param {NumberArray} a
 * @param {NumberArray} b
 * @param {number[]} shape channels, height and width of both
 */
export function ssim(a, b, [channels, high, wide]) {
  const narrow = Math.min(WINDOW, high, wide);
  const side = narrow - 1 + (narrow % 2);
  let sum = 0;
  for (let channel = 0; channel < channels; channel++) {
    for (let row = 0; row <= high - side; row++) {
      for (let column = 0; column <= wide - side; column++) {
        sum += ofWindow(a, b, (channel * high + row) * wide + column, wide, side);
      }
    }
  }
  return sum / (channels * (high - side + 1) * (wide - side + 1));
}

/** @param {NumberArray} a @param {NumberArray} b @param {number} start @param {number} wide @param {number} side */
function ofWindow(a, b, start, wide, side) {
  const count = side * side;
  let [sumA, sumB, sumAA, sumBB, sumAB] = [0, 0, 0, 0, 0];
  for (let row = 0; row < side; row++) {
    for (let i = start + row * wide; i < start + row * wide + side; i++) {
      sumA += a[i];
      sumB += b[i];
      sumAA += a[i] * a[i];
      sumBB += b[i] * b[i];
      sumAB += a[i] * b[i];
    }
  }
  const [meanA, meanB] = [sumA / count, sumB / count];
  const spread = (sumAA - sumA * meanA + (sumBB - sumB * meanB)) / (count - 1);
  const covariance = (sumAB - sumA * meanB) / (count - 1);
  const luminance = (2 * meanA * meanB + C1) / (meanA ** 2 + meanB ** 2 + C1);
  return (luminance * (2 * covariance + C2)) / (spread + C2);
}
