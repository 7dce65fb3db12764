// What makes the expected sample of a decoder's raw numbers, where that is no activation of all of them alike
// (aecore/models/likelihoods.py).

/** @typedef {[kind: string, start: number, stop: number]} ColumnPlace where the values of a table's column lie */

/** @type {Record<string, import('./net.js').LayerBuilder>} */
export const LIKELIHOOD_OPS = {
  identity: (op, weights, size) => ({ size, run: (x) => x }),

  // Of outputs from -1 to 1, bent by a tanh, the pixels from 0 to 1.
  tanh_pixels: (op, weights, size) => ({
    size,
    run: (x) => {
      for (let i = 0; i < size; i++) x[i] = (Math.tanh(x[i]) + 1) / 2;
      return x;
    },
  }),

  per_column({ columns }, weights, size) {
    return {
      size,
      run: (x) => {
        for (const [kind, start, stop] of /** @type {ColumnPlace[]} */ (columns)) {
          if (kind === 'category') softmax(x, start, stop);
          else if (kind === 'boolean') x[start] = 1 / (1 + Math.exp(-x[start]));
        }
        return x;
      },
    };
  },
};

// In place, of x[start ... stop - 1].
/** @param {Float32Array} x @param {number} start @param {number} stop */
export function softmax(x, start, stop) {
  const all = logSumExp(x, start, stop);
  for (let i = start; i < stop; i++) x[i] = Math.exp(x[i] - all);
}

// The largest is taken out first: exp(89) is more than a float32 holds.
/** @param {Float32Array} x @param {number} start @param {number} stop */
export function logSumExp(x, start, stop) {
  let most = -Infinity;
  for (let i = start; i < stop; i++) most = Math.max(most, x[i]);
  let sum = 0;
  for (let i = start; i < stop; i++) sum += Math.exp(x[i] - most);
  return most + Math.log(sum);
}
