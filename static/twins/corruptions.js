// Corruptions, as in aecore/models/corruptions.py. One seed draws the same at every level: it grows while dragged.

import { uniform, normal } from './rng.js';

/**
 * @import { NumberArray } from '../net/matmul.js'
 *
 * @typedef {(x: NumberArray, shape: number[], level: number, seed: number, out: Float32Array) => void} Corruption
 */

/** @type {Corruption} */
function gaussian(x, shape, level, seed, out) {
  const draw = normal(seed);
  for (let i = 0; i < x.length; i++) out[i] = Math.min(1, Math.max(0, x[i] + level * draw()));
}

// Each pixel is hit in all its colours or in none: `hit(value, chance)`, the chance uniform in [0, 1).
/**
 * @param {NumberArray} x
 * @param {number[]} shape
 * @param {number} seed
 * @param {Float32Array} out
 * @param {(value: number, chance: number) => number} hit
 */
function corruptPixels(x, [channels, high, wide], seed, out, hit) {
  const chance = uniform(seed);
  const size = high * wide;
  for (let i = 0; i < size; i++) {
    const drawn = chance();
    for (let at = i; at < channels * size; at += size) out[at] = hit(x[at], drawn);
  }
}

/** @type {Corruption} */
function masking(x, shape, level, seed, out) {
  corruptPixels(x, shape, seed, out, (value, chance) => (chance >= level ? value : 0));
}

/** @type {Corruption} */
function saltAndPepper(x, shape, level, seed, out) {
  /** @param {number} value @param {number} chance */
  const hit = (value, chance) => (chance < level / 2 ? 0 : chance < level ? 1 : value);
  corruptPixels(x, shape, seed, out, hit);
}

/** @type {Corruption} */
function dropout(x, shape, level, seed, out) {
  const brighter = 1 / Math.max(1 - level, 1e-3);
  corruptPixels(x, shape, seed, out, (value, chance) => (chance >= level ? value * brighter : 0));
}

/** @type {Corruption} */
const none = (x, shape, level, seed, out) => out.set(x);

/** @type {Record<string, Corruption>} */
export const CORRUPTIONS = { none, gaussian, masking, 'salt-and-pepper': saltAndPepper, dropout };
