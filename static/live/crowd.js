// Many codes decoded beside the page, in a worker: a mosaic of hundreds of pictures never holds up a pointer.

const CHUNK = 15; // milliseconds of work after which a worker tells what it has and looks for a newer request

/**
 * @typedef {Object} Crowd
 * @property {(codes: Float32Array, label?: number, part?: (pictures: Uint8Array, done: number) => void) => Promise<Uint8Array | null>}
 *   decode codes [N * size] -> pictures [N * C * H * W], 0 to 255, in the order of `net.decode`. The latest request wins:
 *   one that a newer one overtakes gives null. `part` is told of the pictures that are there so far.
 * @property {() => void} close ends the worker; the next request begins a new one
 */

/**
 * @param {import('./net.js').Head} head
 * @param {Float32Array} weights
 * @returns {Crowd}
 */
export function crowd(head, weights) {
  const pixels = head.shape.reduce((a, b) => a * b, 1);
  let worker = null, turn = 0, running = null;

  function begin() {
    worker = new Worker(new URL(`./worker.js${new URL(import.meta.url).search}`, import.meta.url), { type: 'module' });
    worker.onmessage = ({ data }) => arrived(data);
    worker.onerror = (event) => running?.fail(new Error(event.message || 'The worker that decodes could not be started'));
    worker.postMessage({ head, weights, chunk: CHUNK });
  }

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
      if (!worker) begin();
      const count = codes.length / head.size, pictures = new Uint8Array(count * pixels);
      if (!count) return Promise.resolve(pictures);
      turn++;
      return new Promise((resolve, reject) => {
        const end = (settle) => (what) => {
          running = null;
          settle(what);
        };
        running = { count, pictures, part, finish: end(resolve), fail: end(reject) };
        worker.postMessage({ turn, codes, label });
      });
    },
    close() {
      running?.finish(null);
      worker?.terminate();
      worker = null;
    },
  };
}
