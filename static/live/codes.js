// What happens to codes, as steps (aecore/browser.py says what each is): bottlenecks, codebooks, labels and ladders.

const { part } = await import(new URL(`./layers.js${new URL(import.meta.url).search}`, import.meta.url)); // the same version

/** @typedef {import('./net.js').Op} Op */
/** @typedef {import('./net.js').Step} Step */

/**
 * `chain` makes one step of several (net.js), for those that are made of others.
 * @type {Record<string, (op: Op, weights: Float32Array, size: number, chain: typeof import('./net.js').chain) => Step>}
 */
export const CODES = {
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
    const book = part(weights, weight, codes * width);
    return {
      size: slots * width,
      run: (x) => {
        for (let slot = 0; slot < slots; slot++) {
          const at = slot * width, found = closest(x, at, book, width) * width;
          for (let i = 0; i < width; i++) x[at + i] = book[found + i];
        }
        return x;
      },
    };
  },

  hint({ classes, size, weight }, weights) {
    const hints = part(weights, weight, classes * size);
    return {
      size,
      run: (x, label) => {
        for (let i = 0; i < size; i++) x[i] += hints[label * size + i];
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
    const toTop = chain(parts.to_top, weights, size), toBottom = chain(parts.to_bottom, weights, size);
    const expect = chain(parts.expect, weights, top), out = new Float32Array(top + bottom);
    return {
      size: out.length,
      run: (h) => {
        const mean = toTop.run(h, 0).subarray(0, top), seen = toBottom.run(h, 0), expected = expect.run(mean, 0);
        out.set(mean);
        for (let i = 0; i < bottom; i++) {
          const doubt = seen[bottom + i], spread = expected[bottom + i], share = 1 / (1 + Math.exp(doubt - spread));
          out[top + i] = share * (seen[i] - expected[i]) * Math.exp(-0.5 * spread);
        }
        return out;
      },
    };
  },

  rungs({ top, bottom, ...parts }, weights, size, chain) {
    const expect = chain(parts.expect, weights, top), out = new Float32Array(bottom);
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

/** Which vector of a codebook is nearest to x[at ...]; of equal ones the first. */
function closest(x, at, book, width) {
  let least = Infinity, found = 0;
  for (let from = 0; from < book.length; from += width) {
    let distance = 0;
    for (let i = 0; i < width; i++) distance += (x[at + i] - book[from + i]) ** 2;
    if (distance < least) {
      least = distance;
      found = from / width;
    }
  }
  return found;
}
