// The registry of the models in the browser, by key: whoever has one puts it here, whoever needs one waits for it.

import { network } from './net.js';
import { batchDecoder } from './batch.js';

/**
 * @import { BatchDecoder } from './batch.js'
 *
 * @typedef {import('./net.js').Network & { batch: BatchDecoder }} Model its worker begins when used
 */

const MAX_MODELS = 8; // models kept; the one that was asked for longest ago goes first
/** @type {Map<string, Model>} */
const loaded = new Map(); // key -> model
/** @type {Map<string, ((model: Model) => void)[]>} */
const waiting = new Map(); // key -> functions that wait for a model which has not come yet

// Half precision as single precision, exactly: exponent and fraction move to their places, and the multiplication makes
// up for exponents that count from 15 here and from 127 there. Not for infinity, which no weight is.
/** @param {Uint16Array} halves */
export function float16ToFloat32(halves) {
  const out = new Float32Array(halves.length);
  const bits = new Uint32Array(out.buffer);
  for (let i = 0; i < halves.length; i++) bits[i] = ((halves[i] & 0x8000) << 16) | ((halves[i] & 0x7fff) << 13);
  for (let i = 0; i < out.length; i++) out[i] *= 2 ** 112;
  return out;
}

/**
 * @typedef {import('./net.js').Head & { float16?: boolean }} ModelHead
 *
 * @param {ModelHead} head
 * @param {Uint8Array} bytes the weights: float32, or float16 where the head says so; little-endian
 * @param {() => import('./batch.js').Backend} [startWorker] for batches; a module worker where there is none
 * @returns {Model}
 */
export function createModel(head, bytes, startWorker) {
  const { buffer } = bytes.slice(); // a copy: the bytes lie anywhere in somebody else's buffer
  const weights = head.float16 ? float16ToFloat32(new Uint16Array(buffer)) : new Float32Array(buffer);
  return { ...network(head, weights), batch: batchDecoder(head, weights, startWorker) };
}

/**
 * @param {string} key
 * @param {ModelHead} head
 * @param {Uint8Array} bytes as `createModel` takes them
 */
export function put(key, head, bytes) {
  if (loaded.has(key)) return;
  const model = createModel(head, bytes);
  loaded.set(key, model);
  const [oldest] = loaded.keys();
  if (loaded.size > MAX_MODELS) drop(oldest);
  for (const resolve of waiting.get(key) ?? []) resolve(model);
  waiting.delete(key);
}

/**
 * The model of this key, as soon as it is here.
 * @param {string} key
 * @returns {Promise<Model>}
 */
export function get(key) {
  const model = loaded.get(key);
  if (!model) return new Promise((resolve) => void waiting.set(key, [...(waiting.get(key) ?? []), resolve]));
  loaded.delete(key);
  loaded.set(key, model); // now the last one asked for
  return Promise.resolve(model);
}

/** @param {string} key */
export function drop(key) {
  loaded.get(key)?.batch.close();
  loaded.delete(key);
}
