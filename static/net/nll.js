// How surprised a model is by a picture, as in aecore/likelihoods.py, up to a factor and a constant.

/**
 * `raw` is what the decoder says before it is made a picture, `x` the picture that was given.
 * @type {Record<string, (raw: Float32Array, x: import('./matmul.js').Numbers) => number>}
 */
export const SURPRISE = {
  bernoulli: (raw, x) =>
    sum(raw, x, (logit, value) => Math.max(logit, 0) - logit * value + Math.log1p(Math.exp(-Math.abs(logit)))),
  gaussian: (raw, x) => sum(raw, x, (mean, value) => (mean - value) ** 2),
  laplace: (raw, x) => sum(raw, x, (median, value) => Math.abs(median - value)),
};

/**
 * @param {Float32Array} a
 * @param {import('./matmul.js').Numbers} b
 * @param {(one: number, other: number) => number} of
 */
function sum(a, b, of) {
  let all = 0;
  for (let i = 0; i < a.length; i++) all += of(a[i], b[i]);
  return all;
}
