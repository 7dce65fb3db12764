// The recording of a training: the snapshots that aecore/export/replay.py packed, and their images once decoded.

import { unpack as unpackPieces } from '../../net/packing.js';
import { NOUNS } from '../../twins/modality.js';

/**
 * @import { Bytes, Pieces } from '../../net/packing.js'
 * @import { Bounds } from '../../map/viewport.js'
 *
 * @typedef {Record<'train' | 'validation', (number | null)[]>} Curves a number for each epoch of the losses
 *
 * @typedef {Object} Head what aecore/export/replay.py says of its pieces
 * @property {number[]} epochs of the snapshots
 * @property {string[]} axis_names the second is empty on a line
 * @property {Bounds} extent of the map
 * @property {(number[] | null)[]} manifold_extents left, right, bottom and top, in shares of the map
 * @property {number} count of points
 * @property {string[]} class_names
 * @property {number[]} shape of the pairs: how many, channels, height, width
 * @property {{ epochs: number[], parts: Record<string, Curves> }} losses
 * @property {Pieces} pieces numbers, and images as PNG or WebP files
 *
 * @typedef {Object} DecodedImages the images that are here so far
 * @property {ImageBitmap | null} originals
 * @property {ImageBitmap[]} manifolds
 * @property {ImageBitmap[]} reconstructions
 *
 * @typedef {{ noun: { one: string, many: string }, points: Uint16Array, labels: Uint8Array, close: () => void }} Rest
 * @typedef {Head & DecodedImages & Rest} Recording
 */

/** @type {('manifolds' | 'reconstructions')[]} */
const KINDS = ['manifolds', 'reconstructions'];

// Numbers at once, images as soon as the browser has decoded them, of which `ready` hears.
/** @param {Head} head @param {Bytes} bytes @param {keyof NOUNS} kind of the samples @param {() => void} ready */
export function unpack(head, bytes, kind, ready) {
  const files = unpackPieces(head.pieces, bytes);
  let closed = false;
  /** @type {Recording} */
  const recording = {
    ...head,
    noun: NOUNS[kind],
    points: files.points, // [snapshots, count, 2], 0..65535
    labels: files.labels,
    originals: null,
    manifolds: [],
    reconstructions: [],
    close() {
      closed = true;
      for (const bitmap of [recording.originals, ...recording.manifolds, ...recording.reconstructions]) bitmap?.close();
    },
  };
  /** @param {Bytes} file @param {(bitmap: ImageBitmap) => void} store */
  const decode = (file, store) =>
    createImageBitmap(new Blob([file])).then((bitmap) => {
      if (closed) {
        bitmap.close();
        return;
      }
      store(bitmap);
      ready();
    });
  decode(files.originals, (bitmap) => {
    recording.originals = bitmap;
  });
  for (let at = head.epochs.length - 1; at >= 0; at--) {
    // the last one is shown first
    for (const kind of KINDS) {
      decode(files[kind][at], (bitmap) => {
        recording[kind][at] = bitmap;
      });
    }
  }
  return recording;
}
