// The layers that work on codes (aecore/export/browser_layers.py describes each): bottlenecks, labels and ladders.

import { slice } from './layers.js';
import { softmax } from './likelihood_ops.js';

/** @type {Record<string, import('./net.js').LayerBuilder>} */
export const LATENT_OPS = {
  take_mean: ({ size }) => ({ size, run: (x) => x.subarray(0, size) }),

  // What several encoders say, side by side: each sees the values of its modality, and 0 for the others.
  experts({ encoders, weight }, weights, size, chain) {
    /** @type {import('./net.js').Layer[]} */
    const layers = encoders.map((/** @type {import('./net.js').Op[]} */ ops) => chain(ops, weights, size));
    const own = slice(weights, weight, layers.length * size);
    const seen = new Float32Array(size);
    const out = new Float32Array(layers.reduce((sum, layer) => sum + layer.size, 0));
    return {
      size: out.length,
      run: (x) => {
        let at = 0;
        layers.forEach((layer, number) => {
          for (let i = 0; i < size; i++) seen[i] = x[i] * own[number * size + i];
          out.set(layer.run(seen, 0), at);
          at += layer.size;
        });
        return out;
      },
    };
  },

  // The mean of the product of Gaussians and N(0, 1): precisions add up, and weigh the means.
  product_of_experts({ n_experts: count, size }) {
    const out = new Float32Array(size);
    return {
      size,
      run: (h) => {
        for (let i = 0; i < size; i++) {
          let precision = 1;
          let sum = 0;
          for (let at = i; at < 2 * count * size; at += 2 * size) {
            const own = Math.exp(-h[at + size]);
            precision += own;
            sum += own * h[at];
          }
          out[i] = sum / precision;
        }
        return out;
      },
    };
  },

  softmax: ({ stop }, weights, size) => ({
    size,
    run: (x) => {
      softmax(x, 0, stop);
      return x;
    },
  }),

  top_k({ k }, weights, size) {
    const sorted = new Float32Array(size);
    return {
      size,
      run: (x) => {
        sorted.set(x);
        sorted.sort();
        const least = sorted[size - k];
        let equal = k - sorted.reduce((count, value) => count + (value > least ? 1 : 0), 0);
        for (let i = 0; i < size; i++) if (!(x[i] > least || (x[i] === least && equal-- > 0))) x[i] = 0;
        return x;
      },
    };
  },

  threshold({ size, weight }, weights) {
    const least = slice(weights, weight, size);
    return {
      size,
      run: (x) => {
        for (let i = 0; i < size; i++) if (!(x[i] > least[i])) x[i] = 0;
        return x;
      },
    };
  },

  quantize({ n_positions: positions, embedding_dim: width, codebook_size: entries, weight }, weights) {
    const codebook = slice(weights, weight, entries * width);
    return {
      size: positions * width,
      run: (x) => {
        for (let at = 0; at < positions * width; at += width) {
          const found = nearestCode(x, at, codebook, width) * width;
          for (let i = 0; i < width; i++) x[at + i] = codebook[found + i];
        }
        return x;
      },
    };
  },

  add_label_image({ n_classes: classes, size, weight }, weights) {
    const embedding = slice(weights, weight, classes * size);
    return {
      size,
      run: (x, label) => {
        for (let i = 0; i < size; i++) x[i] += embedding[label * size + i];
        return x;
      },
    };
  },

  concat_label({ n_classes: classes }, weights, size) {
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

  // The code of a ladder: the top level's mean, then the bottom level's, standardised by the prior given the top.
  ladder_encode({ n_top: top, n_bottom: bottom, ...parts }, weights, size, chain) {
    const toTop = chain(parts.to_top, weights, size);
    const toBottom = chain(parts.to_bottom, weights, size);
    const priorNet = chain(parts.prior_net, weights, top);
    const out = new Float32Array(top + bottom);
    return {
      size: out.length,
      run: (h) => {
        const mean = toTop.run(h, 0).subarray(0, top);
        const own = toBottom.run(h, 0);
        const prior = priorNet.run(mean, 0);
        out.set(mean);
        for (let i = 0; i < bottom; i++) {
          const logVar = own[bottom + i];
          const priorLogVar = prior[bottom + i];
          const share = 1 / (1 + Math.exp(logVar - priorLogVar));
          out[top + i] = share * (own[i] - prior[i]) * Math.exp(-0.5 * priorLogVar);
        }
        return out;
      },
    };
  },

  // The bottom level in its own units, which is what a ladder's decoder gets.
  ladder_prior({ n_top: top, n_bottom: bottom, ...parts }, weights, size, chain) {
    const priorNet = chain(parts.prior_net, weights, top);
    const out = new Float32Array(bottom);
    return {
      size: bottom,
      run: (z) => {
        const prior = priorNet.run(z.subarray(0, top), 0);
        for (let i = 0; i < bottom; i++) out[i] = prior[i] + Math.exp(0.5 * prior[bottom + i]) * z[top + i];
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
