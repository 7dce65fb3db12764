// The recording of a training: the snapshots that aecore/export/replay.py packed, and their images once decoded.

import { pieceReader } from '../../net/blob.js';

/**
 * @import { Bounds, Range } from '../../map/viewport.js'
 *
 * @typedef {Record<'train' | 'validation', (number | null)[]>} Curves a number for each epoch of the losses
 *
 * @typedef {Object} Head what aecore/export/replay.py says of its pieces
 * @property {number[]} epochs of the snapshots
 * @property {string[]} names of the axes; the second is empty on a line
 * @property {Bounds} span of the map
 * @property {(number[] | null)[]} areas of the manifolds: left, right, bottom and top, in shares of the map
 * @property {number} count of points
 * @property {string[]} classes
 * @property {number[]} shape of the pairs: how many, channels, height, width
 * @property {{ epochs: number[], parts: Record<string, Curves> }} losses
 * @property {Pieces} pieces where each begins and how long it is; bytes
 *
 * @typedef {Object} Pieces
 * @property {Range} points
 * @property {Range} labels
 * @property {Range} originals
 * @property {Range[]} manifolds
 * @property {Range[]} reconstructions
 *
 * @typedef {Object} DecodedImages the pictures that are here so far
 * @property {ImageBitmap | null} originals
 * @property {ImageBitmap[]} manifolds
 * @property {ImageBitmap[]} reconstructions
 *
 * @typedef {Head & DecodedImages & { points: Uint16Array, labels: Uint8Array, close: () => void }} Recording
 */

/** @type {('manifolds' | 'reconstructions')[]} */
const KINDS = ['manifolds', 'reconstructions'];

// Numbers at once, images as soon as the browser has decoded them, of which `ready` hears.
/** @param {Head} head @param {Uint8Array<ArrayBuffer>} bytes @param {() => void} ready */
export function unpack(head, bytes, ready) {
  const read = pieceReader(bytes);
  let closed = false;
  /** @type {Recording} */
  const recording = {
    ...head,
    points: new Uint16Array(read(head.pieces.points).buffer), // [snapshots, count, 2], 0..65535
    labels: read(head.pieces.labels),
    originals: null,
    manifolds: [],
    reconstructions: [],
    close() {
      closed = true;
      for (const bitmap of [recording.originals, ...recording.manifolds, ...recording.reconstructions]) bitmap?.close();
    },
  };
  /** @param {Range} range @param {(bitmap: ImageBitmap) => void} store */
  const decode = (range, store) =>
    createImageBitmap(new Blob([read(range)])).then((bitmap) => {
      if (closed) {
        bitmap.close();
        return;
      }
      store(bitmap);
      ready();
    });
  decode(head.pieces.originals, (bitmap) => {
    recording.originals = bitmap;
  });
  for (let at = head.epochs.length - 1; at >= 0; at--) {
    // the last one is shown first
    for (const kind of KINDS) {
      decode(head.pieces[kind][at], (bitmap) => {
        recording[kind][at] = bitmap;
      });
    }
  }
  return recording;
}
