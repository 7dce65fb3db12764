// Many codes decoded beside the page, in a worker: a mosaic of hundreds of pictures never holds up a pointer.

const CHUNK = 15; // milliseconds of work after which a worker tells what it has and looks for a newer request

/**
 * @typedef {(pictures: Uint8Array, done: number) => void} Part
 * @typedef {Object} Crowd
 * @property {(codes: Float32Array, label?: number, part?: Part) => Promise<Uint8Array | null>} decode codes [N * size]
 *   -> pictures [N * C * H * W], 0 to 255, in the order of `net.decode`. The latest request wins: one that a newer one
 *   overtakes gives null. `part` is told of the pictures that are there so far.
 * @property {() => void} close ends the worker; the next request begins a new one
 *
 * @typedef {Object} Running the request that is being answered
 * @property {number} count of pictures
 * @property {Uint8Array} pictures
 * @property {Part} [part]
 * @property {(pictures: Uint8Array | null) => void} finish
 * @property {(error: Error) => void} fail
 */

/**
 * @param {import('./net.js').Head} head
 * @param {Float32Array} weights
 * @returns {Crowd}
 */
export function crowd(head, weights) {
  const pixels = head.shape.reduce((a, b) => a * b, 1);
  /** @type {Worker | null} */
  let worker = null;
  let turn = 0;
  /** @type {Running | null} */
  let running = null;

  function begin() {
    const begun = new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });
    begun.onmessage = ({ data }) => arrived(data);
    begun.onerror = (event) =>
      running?.fail(new Error(event.message || 'The worker that decodes could not be started'));
    begun.postMessage({ head, weights, chunk: CHUNK });
    return begun;
  }

  /** @param {{ turn: number, from: number, bytes: Uint8Array }} answer */
  function arrived({ turn: of, from, bytes }) {
    if (of !== turn || !running) return;
    running.pictures.set(bytes, from * pixels);
    const done = from + bytes.length / pixels;
    running.part?.(running.pictures, done);
    if (running && of === turn && done === running.count) running.finish(running.pictures);
  }

  return {
    decode(codes, label = 0, part) {
      running?.finish(null);
      worker ??= begin();
      const count = codes.length / head.size;
      const pictures = new Uint8Array(count * pixels);
      if (!count) return Promise.resolve(pictures);
      turn++;
      const busy = worker;
      return new Promise((resolve, reject) => {
        running = {
          count,
          pictures,
          part,
          finish(found) {
            running = null;
            resolve(found);
          },
          fail(error) {
            running = null;
            reject(error);
          },
        };
        busy.postMessage({ turn, codes, label });
      });
    },
    close() {
      running?.finish(null);
      worker?.terminate();
      worker = null;
    },
  };
}
