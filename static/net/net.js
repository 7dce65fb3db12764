// The forward pass of a trained model, from the program that aecore/export/compile_browser.py made (see there).

import { ACTIVATIONS, CONVOLUTIONS, LINEAR } from './layers.js';
import { LATENT_OPS } from './latent_ops.js';
import { LIKELIHOOD_OPS } from './likelihood_ops.js';
import { nllOf } from './nll.js';
import { modalityOf } from '../twins/modality.js';

/** @type {Record<string, LayerBuilder>} */
const OPS = {
  ...ACTIVATIONS,
  ...CONVOLUTIONS,
  ...LINEAR,
  ...LATENT_OPS,
  ...LIKELIHOOD_OPS,
  transpose: ({ rows, columns }) => transpose(rows, columns),
};

/**
 * @typedef {{ op: string, [setting: string]: any }} Op
 * @typedef {import('../twins/modality.js').Modality} Modality
 * @typedef {Object} Sizes
 * @property {number[]} shape of a sample
 * @property {number} code_size
 * @property {number} n_classes
 * @property {string} [likelihood]
 * @property {Modality} [modality] none: images
 * @typedef {Sizes & { encoder: Op[], decoder: Op[] }} Head
 *   the decoder's last layer makes a sample of the likelihood's parameter; `likelihood` is needed to infer labels
 * @typedef {import('./matmul.js').NumberArray} Numbers
 * @typedef {Object} Network
 * @property {number[]} shape of a sample; of an image: [channels, height, width]
 * @property {Modality} modality what a sample is
 * @property {number} codeSize how many dimensions a code has
 * @property {number} nClasses how many labels a conditional model knows; 0: labels change nothing
 * @property {(x: Numbers, label?: number) => Float32Array} encode sample -> code [codeSize];
 *   a sample has as many numbers as its shape says, images in [0, 1]
 * @property {(z: Numbers, label?: number) => Float32Array} decode code [codeSize] -> sample
 * @property {(x: Numbers) => number} inferLabel the label with the least reconstruction NLL, as `infer_label` in
 *   aecore/models/autoencoder.py; 0 where labels change nothing
 *
 * What encode and decode return is theirs and is written over by their next call: copy (`.slice()`) what must last.
 * What they are given is left as it is.
 *
 * @typedef {{ run: (x: Float32Array, label: number) => Float32Array, size: number }} Layer `size` numbers leave it
 * @typedef {(ops: Op[], weights: Float32Array, size: number) => Layer} SequentialBuilder
 *   one layer of several; `size` numbers go in
 * @typedef {(op: Op, weights: Float32Array, size: number, chain: SequentialBuilder) => Layer} LayerBuilder
 *   makes the layer that `op` describes; `chain` makes those that it consists of
 */

/**
 * @param {Head} head
 * @param {Float32Array} weights
 * @returns {Network}
 */
export function network(head, weights) {
  const { shape, code_size: codeSize, n_classes: nClasses } = head;
  const values = shape.reduce((a, b) => a * b, 1);
  const encode = copyingInput(sequential(head.encoder, weights, values), values);
  const raw = copyingInput(sequential(head.decoder.slice(0, -1), weights, codeSize), codeSize);
  const mean = sequential(head.decoder.slice(-1), weights, values);
  const nll = nllOf(head, weights);
  return {
    shape,
    modality: modalityOf(head),
    codeSize,
    nClasses,
    encode,
    decode: (z, label = 0) => mean.run(raw(z, label), label),
    inferLabel(x) {
      let best = 0;
      let least = Infinity;
      for (let label = 0; label < nClasses; label++) {
        const nats = nll(raw(encode(x, label), label), x);
        if (nats < least) [best, least] = [label, nats];
      }
      return best;
    },
  };
}

// Layers may change in place what they are given, so the caller's numbers are copied.
/** @param {Layer} step @param {number} size @returns {(x: Numbers, label?: number) => Float32Array} */
function copyingInput(step, size) {
  const given = new Float32Array(size);
  return (x, label = 0) => {
    if (x.length !== size) throw new Error(`${x.length} numbers given where ${size} are needed`);
    given.set(x);
    return step.run(given, label);
  };
}

/** @type {SequentialBuilder} */
function sequential(ops, weights, size) {
  /** @type {Layer[]} */
  const steps = [];
  /** @type {number[] | null} */
  let inner = null; // the shape of an image while its channels lie innermost, as only CONVOLUTIONS want them
  /** @param {Layer} step */
  const add = (step) => {
    steps.push(step);
    size = step.size;
  };
  for (const op of ops) {
    if (!OPS[op.op]) throw new Error(`unknown step ${op.op}`);
    const wanted = op.op in CONVOLUTIONS;
    /** @type {number[]} */
    const shape = op.in_shape ?? inner ?? [];
    const [channels, ...sides] = shape;
    if (wanted && !inner) add(transpose(channels, sides[0] * sides[1]));
    if (!wanted && inner && !(op.op in ACTIVATIONS)) {
      add(transpose(inner[1] * inner[2], inner[0]));
      inner = null;
    }
    add(OPS[op.op](op, weights, size, sequential));
    if (wanted) inner = op.out_shape ?? [channels, sides[0] * op.scale_factor[0], sides[1] * op.scale_factor[1]];
  }
  if (inner) add(transpose(inner[1] * inner[2], inner[0]));
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
 * @returns {Layer}
 */
function transpose(rows, columns) {
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
