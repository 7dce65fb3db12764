// The codes of the test pictures on a plane, as aecore/places.py packed them, and how far from them a place is.

/**
 * @import { Table } from '../index.js'
 * @import { Area, Place, Range } from './viewport.js'
 *
 * @typedef {Object} PlacesHead what aecore/places.py says of a map (`pack`)
 * @property {number[]} origin [D], of the plane
 * @property {number[][]} axes [2, D]
 * @property {string[]} names of the axes; the second is empty on a line
 * @property {string[]} classes
 * @property {number} count of codes, N
 * @property {Area} span what is shown first
 * @property {Area} world how far one may go
 * @property {number} typical distance of a code from the one nearest to it
 * @property {number} edge distance up to which a place counts as among the data
 * @property {number} columns of the field
 * @property {number} rows
 * @property {number} deepest
 * @property {Record<string, Range>} pieces where each begins and how long it is; bytes
 *
 * @typedef {ReturnType<typeof unpack>} Places
 * @typedef {{ row: number, distance: number }} Neighbour
 * @typedef {{ key: string, head: PlacesHead, blob: Table, label: number }} PlacesData what ui/live.py sends (`placed`)
 */

const FAR = 2; // times the edge: from there on nothing like it has been seen
export const WORDS = ['among the data', 'at the edge of the data', 'far from anything it has seen'];

/** @param {PlacesHead} head @param {Uint8Array<ArrayBuffer>} bytes */
export function unpack(head, bytes) {
  /** @param {string} name */
  const piece = (name) => bytes.slice(head.pieces[name][0], head.pieces[name][0] + head.pieces[name][1]);
  return {
    ...head,
    flat: !head.names[1],
    points: new Float32Array(piece('points').buffer), // [N, 2], as drawn
    off: new Float32Array(piece('off').buffer), // [N], how far off the plane
    labels: piece('labels'), // [N]
    field: piece('field'), // [rows, columns] from the top, 255 = `deepest` edges away from the data
  };
}

// The code of a place: what to decode there.
/** @param {Places} places @param {number} x @param {number} y @param {Float32Array} [into] */
export function lifted({ origin, axes }, x, y, into = new Float32Array(origin.length)) {
  for (let i = 0; i < into.length; i++) into[i] = origin[i] + x * axes[0][i] + y * axes[1][i];
  return into;
}

// The shadow of a code on the plane.
/** @param {Places} places @param {Float32Array} code @returns {Place} */
export function shadow({ origin, axes, flat }, code) {
  let x = 0;
  let y = 0;
  for (let i = 0; i < code.length; i++) {
    x += (code[i] - origin[i]) * axes[0][i];
    y += (code[i] - origin[i]) * axes[1][i];
  }
  return [x, flat ? 0 : y];
}

// The row of the nearest test code and its distance in the space of all dimensions: by Pythagoras.
/** @param {Places} places @param {number} x @param {number} y @returns {Neighbour} */
export function nearest({ points, off, flat }, x, y) {
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
/** @param {Places} places @param {number} distance */
export const zone = ({ edge }, distance) => (distance <= edge ? 0 : distance <= FAR * edge ? 1 : 2);

// Where the needle of the gauge stands, 0 to 1: a third for each zone.
/** @param {Places} places @param {number} distance */
export function needle({ edge }, distance) {
  const times = distance / edge;
  return (times <= FAR ? times : FAR + 1 - FAR / times) / (FAR + 1);
}

// A place in words, with a true minus.
/** @param {Places} places @param {...number} place */
export const written = ({ names }, ...place) =>
  names
    .filter(Boolean)
    .map((name, i) => `${name} ${place[i].toFixed(2).replace('-', '−')}`)
    .join(', ');
