// What answers the requests of batch.js, in a worker (worker.js) or beside the page (local_worker.js): first it gets
// the model, then requests; a newer request ends the one before it.

import { network } from './net.js';

/**
 * @typedef {{ head: import('./net.js').Head, weights: Float32Array, chunk: number }} ModelMessage
 * @typedef {{ requestId: number, codes: Float32Array, label: number }} Request
 * @typedef {{ requestId: number, offset: number, samples: Samples }} Answer
 * @typedef {Uint8Array<ArrayBuffer> | Float32Array<ArrayBuffer>} Samples images as bytes, all else as it is
 */

/**
 * @param {(answer: Answer) => void} send
 * @returns {(message: ModelMessage | Request) => void}
 */
export function requestHandler(send) {
  /** @type {import('./net.js').Network} */
  let model;
  let chunk = 0;
  let latest = 0;
  const channel = new MessageChannel(); // a way to let messages in that, unlike setTimeout, does not wait

  function yieldToMessages() {
    return new Promise((resolve) => {
      channel.port1.onmessage = resolve;
      channel.port2.postMessage(null);
    });
  }

  /** @param {Request} request */
  async function decodeBatch({ requestId, codes, label }) {
    const { shape, codeSize, modality } = model;
    const size = shape.reduce((a, b) => a * b, 1);
    const isImage = modality.kind === 'image';
    const count = codes.length / codeSize;
    for (let offset = 0, n = 0; offset < count && requestId === latest; offset += n) {
      /** @type {Samples[]} */
      const parts = [];
      const until = performance.now() + chunk;
      do {
        const at = (offset + parts.length) * codeSize;
        const decoded = model.decode(codes.subarray(at, at + codeSize), label);
        parts.push(isImage ? toBytes(decoded) : decoded.slice());
      } while (offset + parts.length < count && performance.now() < until);
      n = parts.length;
      const all = isImage ? new Uint8Array(n * size) : new Float32Array(n * size);
      parts.forEach((part, i) => all.set(part, i * size));
      send({ requestId, offset, samples: all });
      await yieldToMessages();
    }
  }

  return (message) => {
    if ('head' in message) {
      model = network(message.head, message.weights);
      chunk = message.chunk;
    } else {
      latest = message.requestId;
      decodeBatch(message);
    }
  };
}

/** @param {Float32Array} image */
function toBytes(image) {
  const found = new Uint8Array(image.length);
  for (let i = 0; i < image.length; i++) found[i] = image[i] * 255 + 0.5;
  return found;
}
