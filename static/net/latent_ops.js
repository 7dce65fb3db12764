// The layers that work on codes (aecore/export/compile_browser.py describes each): bottlenecks, labels and ladders.

import { slice } from './layers.js';

/** @type {Record<string, import('./net.js').LayerBuilder>} */
export const LATENT_OPS = {
  first: ({ keep }) => ({ size: keep, run: (x) => x.subarray(0, keep) }),

  top({ keep }, weights, size) {
    const sorted = new Float32Array(size);
    return {
      size,
      run: (x) => {
        sorted.set(x);
        sorted.sort();
        const least = sorted[size - keep];
        let equal = keep - sorted.reduce((count, value) => count + (value > least ? 1 : 0), 0);
        for (let i = 0; i < size; i++) if (!(x[i] > least || (x[i] === least && equal-- > 0))) x[i] = 0;
        return x;
      },
    };
  },

  nearest({ slots, width, codes, weight }, weights) {
    const codebook = slice(weights, weight, codes * width);
    return {
      size: slots * width,
      run: (x) => {
        for (let slot = 0; slot < slots; slot++) {
          const at = slot * width;
          const found = nearestCode(x, at, codebook, width) * width;
          for (let i = 0; i < width; i++) x[at + i] = codebook[found + i];
        }
        return x;
      },
    };
  },

  hint({ classes, size, weight }, weights) {
    const embedding = slice(weights, weight, classes * size);
    return {
      size,
      run: (x, label) => {
        for (let i = 0; i < size; i++) x[i] += embedding[label * size + i];
        return x;
      },
    };
  },

  label({ classes }, weights, size) {
    const out = new Float32Array(size + classes);
    return {
      size: out.length,
      run: (x, label) => {
        out.fill(0);
        out.set(x);
        out[size + label] = 1;
        return out;
      },
    };
  },

  // The code of a ladder: the top level's mean, then the bottom level's in units of what the top expects.
  ladder({ top, bottom, ...parts }, weights, size, chain) {
    const toTop = chain(parts.to_top, weights, size);
    const toBottom = chain(parts.to_bottom, weights, size);
    const expect = chain(parts.expect, weights, top);
    const out = new Float32Array(top + bottom);
    return {
      size: out.length,
      run: (h) => {
        const mean = toTop.run(h, 0).subarray(0, top);
        const seen = toBottom.run(h, 0);
        const expected = expect.run(mean, 0);
        out.set(mean);
        for (let i = 0; i < bottom; i++) {
          const doubt = seen[bottom + i];
          const spread = expected[bottom + i];
          const share = 1 / (1 + Math.exp(doubt - spread));
          out[top + i] = share * (seen[i] - expected[i]) * Math.exp(-0.5 * spread);
        }
        return out;
      },
    };
  },

  rungs({ top, bottom, ...parts }, weights, size, chain) {
    const expect = chain(parts.expect, weights, top);
    const out = new Float32Array(bottom);
    return {
      size: bottom,
      run: (z) => {
        const expected = expect.run(z.subarray(0, top), 0);
        for (let i = 0; i < bottom; i++) out[i] = expected[i] + Math.exp(0.5 * expected[bottom + i]) * z[top + i];
        return out;
      },
    };
  },
};

/**
 * Which vector of a codebook is nearest to x[at ...]; of equal ones the first.
 * @param {Float32Array} x
 * @param {number} at
 * @param {Float32Array} codebook
 * @param {number} width
 */
function nearestCode(x, at, codebook, width) {
  let least = Infinity;
  let found = 0;
  for (let from = 0; from < codebook.length; from += width) {
    let distance = 0;
    for (let i = 0; i < width; i++) distance += (x[at + i] - codebook[from + i]) ** 2;
    if (distance < least) {
      least = distance;
      found = from / width;
    }
  }
  return found;
}
