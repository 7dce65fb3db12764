// A plane of the latent space, the codes of the test images projected on it (aecore/export/packed_map.py, `pack`), and
// the distance of a point from them.

import { pieceReader } from '../net/blob.js';

/**
 * @import { Table } from '../net/blob.js'
 * @import { Bounds, Point, Range } from './viewport.js'
 *
 * @typedef {Object} PlaneMapHead what Python says of them
 * @property {number[]} origin [D], of the plane
 * @property {number[][]} axes [2, D]
 * @property {string[]} names of the axes; the second is empty on a line
 * @property {string[]} classes
 * @property {number} count of codes, N
 * @property {Bounds} span what is shown first
 * @property {Bounds} world how far one may go
 * @property {number} typical distance of a code from the one nearest to it
 * @property {number} edge distance up to which a place counts as among the data
 * @property {number} columns of the field
 * @property {number} rows
 * @property {number} deepest
 * @property {Record<string, Range>} pieces where each begins and how long it is; bytes
 *
 * @typedef {ReturnType<typeof unpack>} PlaneMap
 * @typedef {{ row: number, distance: number }} Neighbour
 * @typedef {{ key: string, head: PlaneMapHead, blob: Table, label: number }} PlaneMapData what ui/widgets/live.py sends
 */

const FAR = 2; // times the edge: from there on nothing like it has been seen
export const ZONES = ['among the data', 'at the edge of the data', 'far from anything it has seen'];

/** @param {PlaneMapHead} head @param {Uint8Array<ArrayBuffer>} bytes */
export function unpack(head, bytes) {
  const read = pieceReader(bytes);
  const { points, off, labels, field } = head.pieces;
  return {
    ...head,
    flat: !head.names[1],
    points: new Float32Array(read(points).buffer), // [N, 2], as drawn
    off: new Float32Array(read(off).buffer), // [N], how far off the plane
    labels: read(labels), // [N]
    field: read(field), // [rows, columns] from the top, 255 = `deepest` edges away from the data
  };
}

// The code at a point of the plane: what to decode there.
/** @param {PlaneMap} planeMap @param {number} x @param {number} y @param {Float32Array} [out] */
export function unproject({ origin, axes }, x, y, out = new Float32Array(origin.length)) {
  for (let i = 0; i < out.length; i++) out[i] = origin[i] + x * axes[0][i] + y * axes[1][i];
  return out;
}

// The orthogonal projection of a code on the plane.
/** @param {PlaneMap} planeMap @param {Float32Array} code @returns {Point} */
export function project({ origin, axes, flat }, code) {
  let x = 0;
  let y = 0;
  for (let i = 0; i < code.length; i++) {
    x += (code[i] - origin[i]) * axes[0][i];
    y += (code[i] - origin[i]) * axes[1][i];
  }
  return [x, flat ? 0 : y];
}

// The row of the nearest test code and its distance in the space of all dimensions: by Pythagoras.
/** @param {PlaneMap} planeMap @param {number} x @param {number} y @returns {Neighbour} */
export function nearestCode({ points, off, flat }, x, y) {
  let row = 0;
  let least = Infinity;
  for (let i = 0; i < off.length; i++) {
    const dx = points[2 * i] - x;
    const dy = flat ? 0 : points[2 * i + 1] - y;
    const square = dx * dx + dy * dy + off[i] * off[i];
    if (square < least) {
      least = square;
      row = i;
    }
  }
  return { row, distance: Math.sqrt(least) };
}

// 0, 1 or 2: which of WORDS is true at that distance.
/** @param {PlaneMap} planeMap @param {number} distance */
export const zoneIndex = ({ edge }, distance) => (distance <= edge ? 0 : distance <= FAR * edge ? 1 : 2);

// Where the gauge stands, 0 to 1: a third for each zone.
/** @param {PlaneMap} planeMap @param {number} distance */
export function gaugePosition({ edge }, distance) {
  const times = distance / edge;
  return (times <= FAR ? times : FAR + 1 - FAR / times) / (FAR + 1);
}

// The coordinates of a point as text, with a true minus.
/** @param {PlaneMap} planeMap @param {...number} place */
export const formatPoint = ({ names }, ...place) =>
  names
    .filter(Boolean)
    .map((name, i) => `${name} ${place[i].toFixed(2).replace('-', '−')}`)
    .join(', ');
