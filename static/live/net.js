// A trained model as functions of numbers: what aecore/browser.py wrote down (see there for every step), computed here.
//
// One inner loop does nearly all the work: a vector times a matrix whose rows hold the outputs of one input side by side.
// Convolutions are that loop for every pixel, on pictures whose channels lie innermost. Inputs that are zero (half of
// what a ReLU says) are skipped.

/**
 * @typedef {{ op: string, [setting: string]: any }} Op
 * @typedef {{ shape: number[], size: number, classes: number, encoder: Op[], decoder: Op[] }} Head
 * @typedef {{ length: number, [at: number]: number }} Numbers
 * @typedef {Object} Network
 * @property {number[]} shape of a picture: [channels, height, width]
 * @property {number} size how many numbers a code has
 * @property {number} classes how many labels a conditional model knows; 0: labels change nothing
 * @property {(x: Numbers, label?: number) => Float32Array} encode picture [C * H * W] in [0, 1] -> code [size]
 * @property {(z: Numbers, label?: number) => Float32Array} decode code [size] -> picture [C * H * W] in [0, 1]
 *
 * What encode and decode return is theirs and is written over by their next call: copy (`.slice()`) what must last.
 * What they are given is left as it is.
 *
 * @typedef {{ run: (x: Float32Array, label: number) => Float32Array, size: number }} Step a step and how many numbers leave it
 */

/**
 * @param {Head} head
 * @param {Float32Array} weights
 * @returns {Network}
 */
export function network(head, weights) {
  const { shape, size, classes } = head;
  const pixels = shape.reduce((a, b) => a * b, 1);
  const encode = chain(head.encoder, weights, pixels), decode = chain(head.decoder, weights, size);
  return { shape, size, classes, encode: entrance(encode, pixels), decode: entrance(decode, size) };
}

// Steps may change in place what they are given, so the caller's numbers are copied.
function entrance(step, size) {
  const given = new Float32Array(size);
  return (x, label = 0) => {
    if (x.length !== size) throw new Error(`${x.length} numbers given where ${size} are needed`);
    given.set(x);
    return step.run(given, label);
  };
}

/**
 * @param {Op[]} ops
 * @param {Float32Array} weights
 * @param {number} size how many numbers go in
 * @returns {Step}
 */
function chain(ops, weights, size) {
  /** @type {Step[]} */
  const steps = [];
  let inner = null; // the shape of a picture while its channels lie innermost
  const add = (step) => {
    steps.push(step);
    size = step.size;
  };
  for (const op of ops) {
    if (!STEPS[op.op]) throw new Error(`unknown step ${op.op}`);
    const wanted = PICTURES.has(op.op), [channels, ...sides] = op.from ?? inner ?? [];
    if (wanted && !inner) add(turned(channels, sides[0] * sides[1]));
    if (!wanted && inner && !POINTWISE.has(op.op)) {
      add(turned(inner[1] * inner[2], inner[0]));
      inner = null;
    }
    add(STEPS[op.op](op, weights, size));
    if (wanted) inner = op.to ?? [channels, sides[0] * op.times[0], sides[1] * op.times[1]];
  }
  if (inner) add(turned(inner[1] * inner[2], inner[0]));
  const runs = steps.map((step) => step.run);
  return {
    size,
    run: (x, label) => {
      for (const run of runs) x = run(x, label);
      return x;
    },
  };
}

/**
 * A matrix [rows, columns] turned into [columns, rows]: channels outermost to innermost, or back.
 * @returns {Step}
 */
function turned(rows, columns) {
  const size = rows * columns;
  if (rows === 1 || columns === 1) return { size, run: (x) => x };
  const out = new Float32Array(size);
  return {
    size,
    run: (x) => {
      for (let row = 0, at = 0; row < rows; row++) {
        for (let place = row; place < size; place += rows) out[place] = x[at++];
      }
      return out;
    },
  };
}

// The inputs that are not zero and where the row of each begins in the weights, collected before they are multiplied.
let values = new Float64Array(1024), rows = new Int32Array(1024), many = 0;

/** Collects x[at ... at + count]; their rows, n numbers each, begin at `from` in the weights. */
function gather(x, at, count, from, n) {
  if (many + count + 8 > values.length) enlarge(2 * (many + count + 8));
  const vs = values, rs = rows;
  let m = many;
  for (let i = 0; i < count; i++) {
    const value = x[at + i];
    if (value !== 0) {
      vs[m] = value;
      rs[m++] = from + i * n;
    }
  }
  many = m;
}

function enlarge(size) {
  const [before, places] = [values, rows];
  (values = new Float64Array(size)).set(before);
  (rows = new Int32Array(size)).set(places);
}

/**
 * out[o + j] += sum of values[i] * w[rows[i] + j] for j < n, over all that was gathered: eight inputs at a time, so that
 * `out` is touched an eighth as often (measured: 30 % faster than four, and than adding up single precision).
 * @param {Float32Array} out
 * @param {Float32Array} w
 */
function spend(out, o, n, w) {
  const vs = values, rs = rows, count = many;
  for (let i = count; i < count + 8; i++) vs[i] = rs[i] = 0; // the last eight may be fewer: 0 times any row
  for (let i = 0; i < count; i += 8) {
    const a = vs[i], b = vs[i + 1], c = vs[i + 2], d = vs[i + 3], e = vs[i + 4], f = vs[i + 5], g = vs[i + 6], h = vs[i + 7];
    const ra = rs[i], rb = rs[i + 1], rc = rs[i + 2], rd = rs[i + 3];
    const re = rs[i + 4], rf = rs[i + 5], rg = rs[i + 6], rh = rs[i + 7];
    for (let j = 0; j < n; j++) {
      out[o + j] += a * w[ra + j] + b * w[rb + j] + c * w[rc + j] + d * w[rd + j]
        + e * w[re + j] + f * w[rf + j] + g * w[rg + j] + h * w[rh + j];
    }
  }
  many = 0;
}

const part = (weights, from, size) => weights.subarray(from, from + size);

/** A function of each number alone, done in place. */
const pointwise = (change) => (op, weights, size) => ({ size, run: (x) => (change(x, op), x) });

/** @type {Record<string, (op: Op, weights: Float32Array, size: number) => Step>} */
const STEPS = {
  linear(op, weights) {
    const n = op.out, count = op.in, out = new Float32Array(n);
    const w = part(weights, op.weight, count * n), bias = part(weights, op.bias, n);
    return {
      size: n,
      run: (x) => {
        out.set(bias);
        gather(x, 0, count, 0, n);
        spend(out, 0, n, w);
        return out;
      },
    };
  },

  // Every pixel of the output gathers the rows of its window; one row of a window lies in one piece.
  conv(op, weights) {
    const [inputs, high, wide] = op.from, [n, rows, columns] = op.to, [kh, kw] = op.kernel;
    const [down, across] = op.stride, [top, left] = op.padding;
    const w = part(weights, op.weight, kh * kw * inputs * n), bias = part(weights, op.bias, n);
    const out = new Float32Array(rows * columns * n);
    return {
      size: out.length,
      run: (x) => {
        for (let row = 0, o = 0; row < rows; row++) {
          const y0 = row * down - top, first = Math.max(0, -y0), last = Math.min(kh, high - y0);
          for (let column = 0; column < columns; column++, o += n) {
            const x0 = column * across - left, from = Math.max(0, -x0), to = Math.min(kw, wide - x0);
            out.set(bias, o);
            for (let k = first; k < last; k++) {
              const at = ((y0 + k) * wide + x0 + from) * inputs;
              gather(x, at, (to - from) * inputs, (k * kw + from) * inputs * n, n);
            }
            spend(out, o, n, w);
          }
        }
        return out;
      },
    };
  },

  // Every pixel of the input makes a window [kh, kw, n] of the output; windows that overlap are added.
  transposed(op, weights) {
    const [inputs, high, wide] = op.from, [n, rows, columns] = op.to, [kh, kw] = op.kernel;
    const [down, across] = op.stride, [top, left] = op.padding, size = kh * kw * n;
    const w = part(weights, op.weight, inputs * size), bias = part(weights, op.bias, n);
    const out = new Float32Array(rows * columns * n), window = new Float32Array(size);
    return {
      size: out.length,
      run: (x) => {
        for (let o = 0; o < out.length; o += n) out.set(bias, o);
        for (let row = 0, at = 0; row < high; row++) {
          const y0 = row * down - top, first = Math.max(0, -y0), last = Math.min(kh, rows - y0);
          for (let column = 0; column < wide; column++, at += inputs) {
            const x0 = column * across - left, from = Math.max(0, -x0), to = Math.min(kw, columns - x0);
            window.fill(0);
            gather(x, at, inputs, 0, size);
            spend(window, 0, size, w);
            for (let k = first; k < last; k++) {
              const end = (k * kw + to) * n;
              for (let i = (k * kw + from) * n, o = ((y0 + k) * columns + x0 + from) * n; i < end; i++, o++) {
                out[o] += window[i];
              }
            }
          }
        }
        return out;
      },
    };
  },

  upsample(op) {
    const [n, high, wide] = op.from, [down, across] = op.times, columns = wide * across;
    const out = new Float32Array(high * down * columns * n);
    return {
      size: out.length,
      run: (x) => {
        for (let row = 0, o = 0; row < high * down; row++) {
          for (let column = 0; column < columns; column++) {
            const at = (Math.floor(row / down) * wide + Math.floor(column / across)) * n;
            for (let i = 0; i < n; i++) out[o++] = x[at + i];
          }
        }
        return out;
      },
    };
  },

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
  ladder({ top, bottom, ...parts }, weights, size) {
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

  rungs({ top, bottom, ...parts }, weights) {
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

const PICTURES = new Set(['conv', 'transposed', 'upsample']); // these want the channels innermost
const POINTWISE = new Set(['relu', 'leaky-relu', 'elu', 'silu', 'tanh', 'sigmoid', 'clip']); // these do not mind

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
