// Bytes that Python sends in an Arrow table (ui/widgets/component.py, `blob`), and the pieces they are made of.

/**
 * @import { Range } from '../map/viewport.js'
 *
 * @typedef {{ getChild(name: 'blob'): { get(at: 0): Uint8Array<ArrayBuffer> } }} Table
 */

/** @param {Table} table */
export const bytesOf = (table) => table.getChild('blob').get(0);

// A function that copies a piece, for typed arrays need it aligned; `range`: where it begins and how long it is.
/** @param {Uint8Array<ArrayBuffer>} bytes */
export const pieceReader =
  (bytes) =>
  (/** @type {Range} */ [start, length]) =>
    bytes.slice(start, start + length);
