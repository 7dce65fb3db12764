// A decoder of batches in a worker: a grid of hundreds of samples never holds up a pointer.

import { modalityOf } from '../twins/modality.js';

const CHUNK = 15; // milliseconds of work after which a worker tells what it has and looks for a newer request

/**
 * @typedef {Uint8Array | Float32Array} Samples images as bytes, 0 to 255; all else as `net.decode` gives it
 * @typedef {(samples: Samples, done: number) => void} OnProgress
 * @typedef {Object} BatchDecoder
 * @property {(codes: Float32Array, label?: number, onProgress?: OnProgress) => Promise<Samples | null>} decode
 *   codes [N * code_size] -> samples [N * values], each in the order of `net.decode`. The latest request wins: one
 *   that a newer one overtakes gives null. `onProgress` hears of the samples so far.
 * @property {() => void} close ends the worker; the next request begins a new one
 *
 * @typedef {Object} Backend what decodes: a worker, or what stands in for one
 * @property {(message: any) => void} postMessage
 * @property {() => void} terminate
 * @property {any} onmessage
 * @property {any} onerror
 *
 * @typedef {Object} Request the request that is being answered
 * @property {number} count of samples
 * @property {Samples} samples
 * @property {OnProgress} [onProgress]
 * @property {(samples: Samples | null) => void} finish
 * @property {(error: Error) => void} fail
 */

const moduleWorker = () => new Worker(new URL('./worker.js', import.meta.url), { type: 'module' });

/**
 * @param {import('./net.js').Head} head
 * @param {Float32Array} weights
 * @param {() => Backend} begin starts what decodes
 * @returns {BatchDecoder}
 */
export function batchDecoder(head, weights, begin = moduleWorker) {
  const size = head.shape.reduce((a, b) => a * b, 1);
  const isImage = modalityOf(head).kind === 'image';
  /** @type {Backend | null} */
  let worker = null;
  let requestId = 0;
  /** @type {Request | null} */
  let running = null;

  function startWorker() {
    const begun = begin();
    begun.onmessage = (/** @type {MessageEvent} */ { data }) => onMessage(data);
    begun.onerror = (/** @type {ErrorEvent} */ event) =>
      running?.fail(new Error(event.message || 'The worker that decodes could not be started'));
    begun.postMessage({ head, weights, chunk: CHUNK });
    return begun;
  }

  /** @param {{ requestId: number, offset: number, samples: Samples }} answer */
  function onMessage({ requestId: of, offset, samples }) {
    if (of !== requestId || !running) return;
    running.samples.set(samples, offset * size);
    const done = offset + samples.length / size;
    running.onProgress?.(running.samples, done);
    if (running && of === requestId && done === running.count) running.finish(running.samples);
  }

  return {
    decode(codes, label = 0, onProgress) {
      running?.finish(null);
      worker ??= startWorker();
      const count = codes.length / head.code_size;
      const samples = isImage ? new Uint8Array(count * size) : new Float32Array(count * size);
      if (!count) return Promise.resolve(samples);
      requestId++;
      const busy = worker;
      return new Promise((resolve, reject) => {
        running = {
          count,
          samples,
          onProgress,
          finish(found) {
            running = null;
            resolve(found);
          },
          fail(error) {
            running = null;
            reject(error);
          },
        };
        busy.postMessage({ requestId, codes, label });
      });
    },
    close() {
      running?.finish(null);
      worker?.terminate();
      worker = null;
    },
  };
}
