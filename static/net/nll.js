// The negative log-likelihood of a sample, as in aecore/models/likelihoods.py, up to a factor and a constant. Values
// that are missing (NaN) cost nothing.

import { logSumExp } from './likelihood_ops.js';
import { ssim } from './ssim.js';

/**
 * @import { NumberArray } from './matmul.js'
 * @import { ColumnPlace } from './likelihood_ops.js'
 *
 * @typedef {(raw: Float32Array, x: NumberArray) => number} Nll `raw` is the decoder's output before it is made a
 *   sample, `x` the input
 */

/** @param {number} logit @param {number} value */
const bernoulli = (logit, value) => Math.max(logit, 0) - logit * value + Math.log1p(Math.exp(-Math.abs(logit)));

/** @param {number} logit */
const sigmoid = (logit) => 1 / (1 + Math.exp(-logit));

/** @type {Record<string, Nll>} */
const NLL = {
  bernoulli: (raw, x) => sum(raw, x, bernoulli),
  gaussian: (raw, x) => sum(raw, x, (mean, value) => (mean - value) ** 2),
  laplace: (raw, x) => sum(raw, x, (median, value) => Math.abs(median - value)),
};

/** @param {import('./net.js').Head} head @param {Float32Array} weights @returns {Nll} */
export function nllOf(head, weights) {
  const last = head.decoder[head.decoder.length - 1];
  if (last?.op === 'per_column') return perColumn(last.columns, weights.subarray(last.log_scale));
  if (head.likelihood === 'ssim') return (raw, x) => 1 - ssim(raw.map(sigmoid), x, head.shape);
  const nll = NLL[head.likelihood ?? ''];
  return last?.op === 'tanh_pixels'
    ? (raw, x) =>
        nll(
          raw.map((each) => (Math.tanh(each) + 1) / 2),
          x,
        )
    : nll;
}

/** @param {ColumnPlace[]} columns @param {Float32Array} logScale @returns {Nll} */
function perColumn(columns, logScale) {
  return (raw, x) => {
    let all = 0;
    for (const [kind, start, stop] of columns) {
      const logs = kind === 'category' ? logSumExp(raw, start, stop) : 0;
      for (let i = start; i < stop; i++) {
        if (Number.isNaN(x[i])) continue;
        if (kind === 'category') all -= x[i] * (raw[i] - logs);
        else if (kind === 'boolean') all += bernoulli(raw[i], x[i]);
        else all += 0.5 * (raw[i] - x[i]) ** 2 * Math.exp(-2 * logScale[i]) + logScale[i];
      }
    }
    return all;
  };
}

/**
 * @param {Float32Array} a
 * @param {NumberArray} b
 * @param {(one: number, other: number) => number} of
 */
function sum(a, b, of) {
  let all = 0;
  for (let i = 0; i < a.length; i++) if (b[i] === b[i]) all += of(a[i], b[i]); // NaN is not itself
  return all;
}
