// A plane of the latent space, the codes of the test images projected on it (aecore/export/packed_map.py, `pack`), and
// the distance of a point from them.

import { unpack as unpackPieces } from '../net/packing.js';

/**
 * @import { Bytes, Piece, Table } from '../net/packing.js'
 * @import { Bounds, Point } from './viewport.js'
 *
 * @typedef {Object} PlaneMapHead what Python says of them
 * @property {number[]} origin [D], of the plane
 * @property {number[][]} axes [2, D]
 * @property {string[]} axis_names the second is empty on a line
 * @property {string[]} class_names
 * @property {number} count of codes, N
 * @property {Bounds} extent what is shown first
 * @property {Bounds} pan_limits how far one may go
 * @property {number} neighbour_distance of a code from the one nearest to it, usually
 * @property {number} distance_threshold up to which a place counts as in distribution
 * @property {number} max_distance in the field, in thresholds
 * @property {Record<string, Piece>} pieces
 *
 * @typedef {ReturnType<typeof unpack>} PlaneMap
 * @typedef {{ row: number, distance: number }} Neighbour
 * @typedef {{ key: string, head: PlaneMapHead, blob: Table, class_label: number }} PlaneMapData from ui/widgets/live.py
 */

const FAR = 2; // times the threshold: from there on a place is out of distribution
export const ZONES = [
  'in distribution, among the data',
  'at the edge of the distribution',
  'out of distribution, far from anything it has seen',
];

/** @param {PlaneMapHead} head @param {Bytes} bytes */
export function unpack(head, bytes) {
  const { points, residual, labels, distance_field: distanceField } = unpackPieces(head.pieces, bytes);
  return {
    origin: head.origin,
    axes: head.axes,
    count: head.count,
    extent: head.extent,
    axisNames: head.axis_names,
    classNames: head.class_names,
    panLimits: head.pan_limits,
    neighbourDistance: head.neighbour_distance,
    distanceThreshold: head.distance_threshold,
    maxDistance: head.max_distance,
    oneDimensional: !head.axis_names[1],
    /** @type {Float32Array} */
    points, // [N, 2], as drawn
    /** @type {Float32Array} */
    residual, // [N], the distance of each code from the plane
    /** @type {Uint8Array} */
    labels, // [N]
    /** @type {Uint8Array} */
    distanceField, // [rows, columns] from the top, 255 = `maxDistance` thresholds away from the data
    fieldShape: head.pieces.distance_field.shape,
    /** @type {Set<number>} */
    hidden: new Set(), // classes that are not shown
  };
}

// The code at a point of the plane: what to decode there.
/**
 * @param {Pick<PlaneMap, 'origin' | 'axes'>} planeMap
 * @param {number} x
 * @param {number} y
 * @param {Float32Array} [out]
 */
export function unproject({ origin, axes }, x, y, out = new Float32Array(origin.length)) {
  for (let i = 0; i < out.length; i++) out[i] = origin[i] + x * axes[0][i] + y * axes[1][i];
  return out;
}

// The orthogonal projection of a code on the plane.
/** @param {PlaneMap} planeMap @param {Float32Array} code @returns {Point} */
export function project({ origin, axes, oneDimensional }, code) {
  let x = 0;
  let y = 0;
  for (let i = 0; i < code.length; i++) {
    x += (code[i] - origin[i]) * axes[0][i];
    y += (code[i] - origin[i]) * axes[1][i];
  }
  return [x, oneDimensional ? 0 : y];
}

// The row of the nearest test code and its distance in the space of all dimensions: by Pythagoras.
/** @param {PlaneMap} planeMap @param {number} x @param {number} y @returns {Neighbour} */
export function nearestCode({ points, residual, oneDimensional }, x, y) {
  let row = 0;
  let least = Infinity;
  for (let i = 0; i < residual.length; i++) {
    const dx = points[2 * i] - x;
    const dy = oneDimensional ? 0 : points[2 * i + 1] - y;
    const square = dx * dx + dy * dy + residual[i] * residual[i];
    if (square < least) {
      least = square;
      row = i;
    }
  }
  return { row, distance: Math.sqrt(least) };
}

// 0, 1 or 2: which of ZONES is true at that distance.
/** @param {PlaneMap} planeMap @param {number} distance */
export const zoneIndex = ({ distanceThreshold }, distance) =>
  distance <= distanceThreshold ? 0 : distance <= FAR * distanceThreshold ? 1 : 2;

// Where the gauge stands, 0 to 1: a third for each zone.
/** @param {PlaneMap} planeMap @param {number} distance */
export function gaugePosition({ distanceThreshold }, distance) {
  const times = distance / distanceThreshold;
  return (times <= FAR ? times : FAR + 1 - FAR / times) / (FAR + 1);
}

// The coordinates of a point as text, with a true minus.
/** @param {Pick<PlaneMap, 'axisNames'>} planeMap @param {...number} place */
export const formatPoint = ({ axisNames }, ...place) =>
  axisNames
    .filter(Boolean)
    .map((name, i) => `${name} ${place[i].toFixed(2).replace('-', '−')}`)
    .join(', ');
