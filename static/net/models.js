// The models that the browser holds, by key: whoever has one puts it here, whoever needs one waits for it.

import { network } from './net.js';
import { crowd } from './batch.js';

/** @typedef {import('./net.js').Network & { crowd: import('./batch.js').Crowd }} Model the crowd begins when used */

const MOST = 8; // models kept; the one that was asked for longest ago goes first
/** @type {Map<string, Model>} */
const kept = new Map(); // key -> model
/** @type {Map<string, ((model: Model) => void)[]>} */
const wanted = new Map(); // key -> functions that wait for a model which has not come yet

// Half precision as single precision, exactly: exponent and fraction move to their places, and the multiplication makes
// up for exponents that count from 15 here and from 127 there. Not for infinity, which no weight is.
/** @param {Uint16Array} halves */
export function widened(halves) {
  const out = new Float32Array(halves.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = ((halves[i] & 0x8000) << 16) | ((halves[i] & 0x7fff) << 13);
  for (let i = 0; i < out.length; i++) out[i] *= 2 ** 112;
  return out;
}

/**
 * @param {string} key
 * @param {import('./net.js').Head & { half?: boolean }} head
 * @param {Uint8Array} bytes the weights: float32, or float16 where the head says `half`; little-endian
 */
export function put(key, head, bytes) {
  if (kept.has(key)) return;
  const { buffer } = bytes.slice(); // a copy: the bytes lie anywhere in somebody else's buffer
  const weights = head.half ? widened(new Uint16Array(buffer)) : new Float32Array(buffer);
  const model = { ...network(head, weights), crowd: crowd(head, weights) };
  kept.set(key, model);
  const [oldest] = kept.keys();
  if (kept.size > MOST) drop(oldest);
  for (const tell of wanted.get(key) ?? []) tell(model);
  wanted.delete(key);
}

/**
 * The model of this key, as soon as it is here.
 * @param {string} key
 * @returns {Promise<Model>}
 */
export function get(key) {
  const model = kept.get(key);
  if (!model) return new Promise((tell) => void wanted.set(key, [...(wanted.get(key) ?? []), tell]));
  kept.delete(key);
  kept.set(key, model); // now the last one asked for
  return Promise.resolve(model);
}

/** @param {string} key */
export function drop(key) {
  kept.get(key)?.crowd.close();
  kept.delete(key);
}
