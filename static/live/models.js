// The models that the browser holds, by key: whoever has one puts it here, whoever needs one waits for it.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // of the same version
const { network } = await beside('./net.js');

const MOST = 8; // models kept; the one that was asked for longest ago goes first
const kept = new Map(); // key -> network
const wanted = new Map(); // key -> { promise, resolve }, of models that have not come yet

/**
 * @param {string} key
 * @param {import('./net.js').Head} head
 * @param {Uint8Array} bytes the weights: float32, little-endian
 */
export function put(key, head, bytes) {
  if (kept.has(key)) return;
  const weights = new Float32Array(bytes.slice().buffer); // a copy: the bytes lie anywhere in somebody else's buffer
  kept.set(key, network(head, weights));
  if (kept.size > MOST) drop(kept.keys().next().value);
  wanted.get(key)?.resolve(kept.get(key));
  wanted.delete(key);
}

/**
 * The model of this key, as soon as it is here.
 * @param {string} key
 * @returns {Promise<import('./net.js').Network>}
 */
export function get(key) {
  const model = kept.get(key);
  if (!model) {
    if (!wanted.has(key)) wanted.set(key, Promise.withResolvers());
    return wanted.get(key).promise;
  }
  kept.delete(key);
  kept.set(key, model); // now the last one asked for
  return Promise.resolve(model);
}

/** @param {string} key */
export function drop(key) {
  kept.delete(key);
}
