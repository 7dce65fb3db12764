// The models that the browser holds, by key: whoever has one puts it here, whoever needs one waits for it.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // of the same version
const [{ network }, { crowd }] = await Promise.all(['./net.js', './crowd.js'].map(beside));

const MOST = 8; // models kept; the one that was asked for longest ago goes first
const kept = new Map(); // key -> model
const wanted = new Map(); // key -> functions that wait for a model which has not come yet

/** @typedef {import('./net.js').Network & { crowd: import('./crowd.js').Crowd }} Model the crowd begins when first used */

/**
 * @param {string} key
 * @param {import('./net.js').Head} head
 * @param {Uint8Array} bytes the weights: float32, little-endian
 */
export function put(key, head, bytes) {
  if (kept.has(key)) return;
  const weights = new Float32Array(bytes.slice().buffer); // a copy: the bytes lie anywhere in somebody else's buffer
  kept.set(key, { ...network(head, weights), crowd: crowd(head, weights) });
  if (kept.size > MOST) drop(kept.keys().next().value);
  for (const tell of wanted.get(key) ?? []) tell(kept.get(key));
  wanted.delete(key);
}

/**
 * The model of this key, as soon as it is here.
 * @param {string} key
 * @returns {Promise<Model>}
 */
export function get(key) {
  const model = kept.get(key);
  if (!model) return new Promise((tell) => wanted.set(key, [...(wanted.get(key) ?? []), tell]));
  kept.delete(key);
  kept.set(key, model); // now the last one asked for
  return Promise.resolve(model);
}

/** @param {string} key */
export function drop(key) {
  kept.get(key)?.crowd.close();
  kept.delete(key);
}
