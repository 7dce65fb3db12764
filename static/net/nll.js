// The negative log-likelihood of an image, as in aecore/models/likelihoods.py, up to a factor and a constant.

/**
 * `raw` is the decoder's output before it is made an image, `x` the input.
 * @type {Record<string, (raw: Float32Array, x: import('./matmul.js').NumberArray) => number>}
 */
export const NLL = {
  bernoulli: (raw, x) =>
    sum(raw, x, (logit, value) => Math.max(logit, 0) - logit * value + Math.log1p(Math.exp(-Math.abs(logit)))),
  gaussian: (raw, x) => sum(raw, x, (mean, value) => (mean - value) ** 2),
  laplace: (raw, x) => sum(raw, x, (median, value) => Math.abs(median - value)),
};

/**
 * @param {Float32Array} a
 * @param {import('./matmul.js').NumberArray} b
 * @param {(one: number, other: number) => number} of
 */
function sum(a, b, of) {
  let all = 0;
  for (let i = 0; i < a.length; i++) all += of(a[i], b[i]);
  return all;
}
