// Corruptions, as in aecore/models/corruptions.py. One seed draws the same at every level: it grows while dragged.

import { isBounded, positions, valueRange } from './modality.js';
import { uniform, normal } from './rng.js';

/**
 * @import { NumberArray } from '../net/matmul.js'
 * @import { Modality } from './modality.js'
 *
 * @typedef {(x: NumberArray, modality: Modality, level: number, seed: number, out: Float32Array) => void} Corruption
 */

/** @type {Corruption} */
function gaussian(x, modality, level, seed, out) {
  const draw = normal(seed);
  const [low, high] = isBounded(modality) ? valueRange(modality) : [-Infinity, Infinity];
  for (let i = 0; i < x.length; i++) out[i] = Math.min(high, Math.max(low, x[i] + level * draw()));
}

// What belongs together (the colours of a pixel, the channels of a moment, a column) is hit or not hit as one:
// `hit(value, chance)`, the chance uniform in [0, 1).
/**
 * @param {NumberArray} x
 * @param {Modality} modality
 * @param {number} seed
 * @param {Float32Array} out
 * @param {(value: number, chance: number) => number} hit
 */
function corruptPositions(x, modality, seed, out, hit) {
  const draw = uniform(seed);
  const at = positions(modality, x.length);
  const chances = Float64Array.from({ length: at[at.length - 1] + 1 }, draw);
  for (let i = 0; i < x.length; i++) out[i] = hit(x[i], chances[at[i]]);
}

/** @type {Corruption} */
function masking(x, modality, level, seed, out) {
  corruptPositions(x, modality, seed, out, (value, chance) => (chance >= level ? value : 0));
}

/** @type {Corruption} */
function saltAndPepper(x, modality, level, seed, out) {
  const [low, high] = valueRange(modality);
  /** @param {number} value @param {number} chance */
  const hit = (value, chance) => (chance < level / 2 ? low : chance < level ? high : value);
  corruptPositions(x, modality, seed, out, hit);
}

/** @type {Corruption} */
function dropout(x, modality, level, seed, out) {
  const larger = 1 / Math.max(1 - level, 1e-3);
  corruptPositions(x, modality, seed, out, (value, chance) => (chance >= level ? value * larger : 0));
}

/** @type {Corruption} */
const none = (x, modality, level, seed, out) => out.set(x);

/** @type {Record<string, Corruption>} */
export const CORRUPTIONS = { none, gaussian, masking, 'salt-and-pepper': saltAndPepper, dropout };
