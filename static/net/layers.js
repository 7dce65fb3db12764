// The layers of a network (aecore/export/browser_layers.py describes each). Images are channels-last.

import { dense, multiply, contiguousWindows } from './matmul.js';

/** @import { LayerBuilder, Op } from './net.js' */

/** @param {Float32Array} weights @param {number} from @param {number} size */
export const slice = (weights, from, size) => weights.subarray(from, from + size);

/**
 * A function of each number alone, done in place.
 * @param {(x: Float32Array, op: Op) => void} change
 * @returns {LayerBuilder}
 */
const pointwise = (change) => (op, weights, size) => ({ size, run: (x) => (change(x, op), x) });

/** @type {Record<string, LayerBuilder>} */
export const ACTIVATIONS = {
  relu: pointwise((x) => {
    for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = 0;
  }),
  'leaky-relu': pointwise((x, { slope }) => {
    for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] *= slope;
  }),
  elu: pointwise((x, { alpha }) => {
    for (let i = 0; i < x.length; i++) if (x[i] < 0) x[i] = alpha * Math.expm1(x[i]);
  }),
  silu: pointwise((x) => {
    for (let i = 0; i < x.length; i++) x[i] /= 1 + Math.exp(-x[i]);
  }),
  tanh: pointwise((x) => {
    for (let i = 0; i < x.length; i++) x[i] = Math.tanh(x[i]);
  }),
  sigmoid: pointwise((x) => {
    for (let i = 0; i < x.length; i++) x[i] = 1 / (1 + Math.exp(-x[i]));
  }),
  clip: pointwise((x) => {
    for (let i = 0; i < x.length; i++) x[i] = Math.min(1, Math.max(0, x[i]));
  }),
};

/** @type {Record<string, LayerBuilder>} */
export const LINEAR = {
  linear(op, weights) {
    const n = op.out_features;
    const out = new Float32Array(n);
    const all = contiguousWindows(1, op.in_features);
    const w = slice(weights, op.weight, op.in_features * n);
    const bias = slice(weights, op.bias, n);
    return {
      size: n,
      run: (x) => {
        out.set(bias);
        multiply(x, all, w, n, out, false);
        return out;
      },
    };
  },
};

/** @type {Record<string, LayerBuilder>} */
export const CONVOLUTIONS = {
  // Every pixel of the output is its window of the input times the weights; one row of a window lies in one piece.
  conv(op, weights) {
    const [inputs, high, wide] = op.in_shape;
    const [n, rows, columns] = op.out_shape;
    const [kh, kw] = op.kernel;
    const [down, across] = op.stride;
    const [top, left] = op.padding;
    const step = (wide + 2 * left) * inputs;
    const [apart] = op.dilation ?? [1]; // rows from one row of a window to the next; only series have more than one
    const w = slice(weights, op.weight, kh * kw * inputs * n);
    const bias = slice(weights, op.bias, n);
    const padded = new Float32Array((high + 2 * top) * step);
    const out = new Float32Array(rows * columns * n);
    const starts = offsets(rows, columns, (row, column) => row * down * step + column * across * inputs);
    const windows = { starts, pieces: kh, step: apart * step, length: kw * inputs };
    return {
      size: out.length,
      run: (x) => {
        for (let row = 0, at = 0; row < high; row++) {
          let to = (row + top) * step + left * inputs;
          for (const end = at + wide * inputs; at < end;) padded[to++] = x[at++];
        }
        for (let o = 0; o < out.length; o += n) out.set(bias, o);
        multiply(padded, windows, w, n, out, dense(x));
        return out;
      },
    };
  },

  // Every pixel of the input makes a window [kh, kw, n] of the output; windows that overlap are added.
  conv_transpose(op, weights) {
    const [inputs, high, wide] = op.in_shape;
    const [n, rows, columns] = op.out_shape;
    const [kh, kw] = op.kernel;
    const [down, across] = op.stride;
    const [top, left] = op.padding;
    const size = kh * kw * n;
    const w = slice(weights, op.weight, inputs * size);
    const bias = slice(weights, op.bias, n);
    const out = new Float32Array(rows * columns * n);
    const made = new Float32Array(wide * size);
    const row = contiguousWindows(wide, inputs);
    return {
      size: out.length,
      run: (x) => {
        const full = dense(x);
        for (let o = 0; o < out.length; o += n) out.set(bias, o);
        for (let y = 0; y < high; y++) {
          const y0 = y * down - top;
          const first = Math.max(0, -y0);
          const last = Math.min(kh, rows - y0);
          made.fill(0);
          multiply(x.subarray(y * wide * inputs), row, w, size, made, full);
          for (let column = 0, at = 0; column < wide; column++, at += size) {
            const x0 = column * across - left;
            const from = Math.max(0, -x0);
            const to = Math.min(kw, columns - x0);
            for (let k = first; k < last; k++) {
              const end = at + (k * kw + to) * n;
              for (let i = at + (k * kw + from) * n, o = ((y0 + k) * columns + x0 + from) * n; i < end; i++, o++) {
                out[o] += made[i];
              }
            }
          }
        }
        return out;
      },
    };
  },

  // The largest number of each channel in windows side by side; the last ones may be cut off.
  max_pool(op) {
    const [n, high, wide] = op.in_shape;
    const [, rows, columns] = op.out_shape;
    const [kh, kw] = op.kernel;
    const out = new Float32Array(rows * columns * n);
    return {
      size: out.length,
      run: (x) => {
        out.fill(-Infinity);
        for (let y = 0, at = 0; y < high; y++) {
          for (let column = 0; column < wide; column++) {
            const o = (Math.floor(y / kh) * columns + Math.floor(column / kw)) * n;
            for (let i = o; i < o + n; i++, at++) if (x[at] > out[i]) out[i] = x[at];
          }
        }
        return out;
      },
    };
  },

  upsample(op) {
    const [n, high, wide] = op.in_shape;
    const [down, across] = op.scale_factor;
    const [, rows, columns] = op.out_shape ?? [n, high * down, wide * across];
    const out = new Float32Array(rows * columns * n);
    return {
      size: out.length,
      run: (x) => {
        for (let row = 0, o = 0; row < rows; row++) {
          for (let column = 0; column < columns; column++) {
            const at = (Math.floor(row / down) * wide + Math.floor(column / across)) * n;
            for (let i = 0; i < n; i++) out[o++] = x[at + i];
          }
        }
        return out;
      },
    };
  },
};

/**
 * Where something of every pixel begins, row by row.
 * @param {number} rows
 * @param {number} columns
 * @param {(row: number, column: number) => number} of
 */
function offsets(rows, columns, of) {
  return Int32Array.from({ length: rows * columns }, (_, at) => of(Math.floor(at / columns), at % columns));
}
