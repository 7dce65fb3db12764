// A trained model as functions of numbers: what aecore/browser.py wrote down (see there for every step), computed here.

import { ACTIVATIONS, PICTURES, VECTORS } from './layers.js';
import { CODES } from './latent_ops.js';
import { SURPRISE } from './nll.js';

/** @type {Record<string, Maker>} */
const STEPS = { ...ACTIVATIONS, ...PICTURES, ...VECTORS, ...CODES };

/**
 * @typedef {{ op: string, [setting: string]: any }} Op
 * @typedef {{ shape: number[], size: number, classes: number, likelihood?: string, encoder: Op[], decoder: Op[] }} Head
 *   the decoder's last step makes a picture of what it says; `likelihood` is needed to guess
 * @typedef {import('./matmul.js').Numbers} Numbers
 * @typedef {Object} Network
 * @property {number[]} shape of a picture: [channels, height, width]
 * @property {number} size how many numbers a code has
 * @property {number} classes how many labels a conditional model knows; 0: labels change nothing
 * @property {(x: Numbers, label?: number) => Float32Array} encode picture [C * H * W] in [0, 1] -> code [size]
 * @property {(z: Numbers, label?: number) => Float32Array} decode code [size] -> picture [C * H * W] in [0, 1]
 * @property {(x: Numbers) => number} guess the label under which a picture is given back with the least surprise, as
 *   Conditional.guess in aecore/model.py; 0 where labels change nothing
 *
 * What encode and decode return is theirs and is written over by their next call: copy (`.slice()`) what must last.
 * What they are given is left as it is.
 *
 * @typedef {{ run: (x: Float32Array, label: number) => Float32Array, size: number }} Step `size` numbers leave it
 * @typedef {(ops: Op[], weights: Float32Array, size: number) => Step} Chain one step of several; `size` numbers go in
 * @typedef {(op: Op, weights: Float32Array, size: number, chain: Chain) => Step} Maker makes the step that `op`
 *   describes; `chain` makes the steps that it consists of
 */

/**
 * @param {Head} head
 * @param {Float32Array} weights
 * @returns {Network}
 */
export function network(head, weights) {
  const { shape, size, classes } = head;
  const pixels = shape.reduce((a, b) => a * b, 1);
  const encode = entrance(chain(head.encoder, weights, pixels), pixels);
  const raw = entrance(chain(head.decoder.slice(0, -1), weights, size), size);
  const picture = chain(head.decoder.slice(-1), weights, pixels);
  const surprise = SURPRISE[head.likelihood ?? ''];
  return {
    shape,
    size,
    classes,
    encode,
    decode: (z, label = 0) => picture.run(raw(z, label), label),
    guess(x) {
      let best = 0;
      let least = Infinity;
      for (let label = 0; label < classes; label++) {
        const nats = surprise(raw(encode(x, label), label), x);
        if (nats < least) [best, least] = [label, nats];
      }
      return best;
    },
  };
}

// Steps may change in place what they are given, so the caller's numbers are copied.
/** @param {Step} step @param {number} size @returns {(x: Numbers, label?: number) => Float32Array} */
function entrance(step, size) {
  const given = new Float32Array(size);
  return (x, label = 0) => {
    if (x.length !== size) throw new Error(`${x.length} numbers given where ${size} are needed`);
    given.set(x);
    return step.run(given, label);
  };
}

/** @type {Chain} */
function chain(ops, weights, size) {
  /** @type {Step[]} */
  const steps = [];
  /** @type {number[] | null} */
  let inner = null; // the shape of a picture while its channels lie innermost, as PICTURES want them and others do not
  /** @param {Step} step */
  const add = (step) => {
    steps.push(step);
    size = step.size;
  };
  for (const op of ops) {
    if (!STEPS[op.op]) throw new Error(`unknown step ${op.op}`);
    const wanted = op.op in PICTURES;
    /** @type {number[]} */
    const from = op.from ?? inner ?? [];
    const [channels, ...sides] = from;
    if (wanted && !inner) add(turned(channels, sides[0] * sides[1]));
    if (!wanted && inner && !(op.op in ACTIVATIONS)) {
      add(turned(inner[1] * inner[2], inner[0]));
      inner = null;
    }
    add(STEPS[op.op](op, weights, size, chain));
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
 * @param {number} rows
 * @param {number} columns
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
