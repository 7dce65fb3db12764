// Arrays that Python packs into one block of bytes (aecore/export/packing.py) and sends in an Arrow table
// (ui/widgets/component.py, `blob`).

/**
 * @typedef {{ getChild(name: 'blob'): { get(at: 0): Uint8Array<ArrayBuffer> } }} Table
 * @typedef {{ dtype: keyof ARRAYS, shape: number[], offset: number }} Piece
 * @typedef {Record<string, Piece | null | (Piece | null)[]>} Pieces
 * @typedef {Uint8Array<ArrayBuffer>} Bytes
 */

const ARRAYS = { uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, float32: Float32Array };

/** @param {Table} table */
export const bytesOf = (table) => table.getChild('blob').get(0);

/**
 * The typed arrays of all pieces by their names: a list where Python gave a list, null where it gave None. They are
 * copies, for a typed array must be aligned. Pieces that Python sends once stay one array.
 * @param {Pieces} pieces
 * @param {Bytes} bytes
 * @returns {Record<string, any>}
 */
export function unpack(pieces, bytes) {
  /** @type {Map<string, unknown>} */
  const made = new Map();
  /** @param {Piece | null} piece */
  function read(piece) {
    if (!piece) return null;
    const { dtype, shape, offset } = piece;
    const key = `${dtype} ${offset} ${shape}`;
    if (!made.has(key)) {
      const length = shape.reduce((a, b) => a * b, 1) * ARRAYS[dtype].BYTES_PER_ELEMENT;
      made.set(key, new ARRAYS[dtype](bytes.slice(offset, offset + length).buffer));
    }
    return made.get(key);
  }
  return Object.fromEntries(
    Object.entries(pieces).map(([name, piece]) => [name, Array.isArray(piece) ? piece.map(read) : read(piece)]),
  );
}

// A matrix as its rows, `width` numbers each.
/** @param {Float32Array} values @param {number} width */
export const rows = (values, width) =>
  Array.from({ length: values.length / width }, (_, row) => values.subarray(row * width, (row + 1) * width));
