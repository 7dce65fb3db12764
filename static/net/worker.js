// The worker of batch.js: first it gets the model, then requests; a newer request ends the one before it.

// no await at this level, nor in what is imported: messages that come before `onmessage` stands would be lost
import { network } from './net.js';

/** @type {import('./net.js').Network} */
let model;
let chunk = 0;
let latest = 0;
const channel = new MessageChannel(); // a way to let messages in that, unlike setTimeout, does not wait

onmessage = ({ data }) => {
  if (data.head) {
    model = network(data.head, data.weights);
    chunk = data.chunk;
  } else {
    latest = data.requestId;
    decodeBatch(data);
  }
};

/** @param {{ requestId: number, codes: Float32Array, label: number }} request */
async function decodeBatch({ requestId, codes, label }) {
  const { shape, codeSize } = model;
  const pixels = shape.reduce((a, b) => a * b, 1);
  const count = codes.length / codeSize;
  for (let offset = 0, n = 0; offset < count && requestId === latest; offset += n) {
    /** @type {Uint8Array[]} */
    const parts = [];
    const until = performance.now() + chunk;
    do {
      const at = (offset + parts.length) * codeSize;
      parts.push(toBytes(model.decode(codes.subarray(at, at + codeSize), label)));
    } while (offset + parts.length < count && performance.now() < until);
    n = parts.length;
    const all = new Uint8Array(n * pixels);
    parts.forEach((part, i) => all.set(part, i * pixels));
    postMessage({ requestId, offset, bytes: all }, { transfer: [all.buffer] });
    await yieldToMessages();
  }
}

/** @param {Float32Array} image */
function toBytes(image) {
  const found = new Uint8Array(image.length);
  for (let i = 0; i < image.length; i++) found[i] = image[i] * 255 + 0.5;
  return found;
}

function yieldToMessages() {
  return new Promise((resolve) => {
    channel.port1.onmessage = resolve;
    channel.port2.postMessage(null);
  });
}
