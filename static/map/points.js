// The points of a 2-D map of codes (aecore/export/packed_map.py, `pack_points`): positions, labels, which is nearest.

import { pieceReader } from '../net/blob.js';

/**
 * @import { Bounds, Point, Range, Viewport } from './viewport.js'
 *
 * @typedef {Object} PointMapHead what Python says of a map
 * @property {number} count of points, N
 * @property {string[]} classes
 * @property {number[]} counts points of each class
 * @property {string[]} names of the axes, where they mean something; the second is empty on a line
 * @property {boolean} flat whether codes are one number
 * @property {Bounds} span what is shown first
 * @property {Bounds} world how far one may go
 * @property {Record<string, Range>} pieces where each begins and how long it is; bytes
 *
 * @typedef {[string, number][]} Splits their names and how many pictures each has
 * @typedef {ReturnType<typeof unpack>} PointMap
 */

/** @param {PointMapHead} head @param {Uint8Array<ArrayBuffer>} bytes @param {Splits} splits */
export function unpack(head, bytes, splits) {
  const { pieces } = head;
  const read = pieceReader(bytes);
  const codes = pieces.codes ? new Float32Array(read(pieces.codes).buffer) : null; // [N, D]
  return {
    ...head,
    splits, // [name, pictures] of the splits whose rows follow each other
    points: new Float32Array(read(pieces.points).buffer), // [N, 2]
    labels: read(pieces.labels), // [N]
    rows: new Uint32Array(read(pieces.rows).buffer), // [N], which image of the page's each is: their order differs
    /** @param {number} at */
    code: (at) => codes?.subarray((at * codes.length) / head.count, ((at + 1) * codes.length) / head.count),
    /** @type {Set<number>} */
    hidden: new Set(), // classes that are not shown
  };
}

// The shown point nearest to a place on the screen; -1 when none is shown.
/** @param {PointMap} pointMap @param {Viewport} view @param {Point} place */
export function nearestPoint({ points, labels, hidden, count }, view, [x, y]) {
  const [left, right, bottom, top] = view.edges;
  const across = 1 / (right - left);
  const down = 1 / (top - bottom);
  let found = -1;
  let least = Infinity;
  for (let i = 0; i < count; i++) {
    const dx = (points[2 * i] - x) * across;
    const dy = (points[2 * i + 1] - y) * down;
    const square = dx * dx + dy * dy;
    if (square < least && !hidden.has(labels[i])) {
      least = square;
      found = i;
    }
  }
  return found;
}

// The transition of the same images from one map to another: `step(share)` puts each point so far along, by how much of
// the first view lies on its left and below it. Null when they are other images.
/** @param {PointMap | undefined} from @param {PointMap} to @returns {((share: number) => void) | null} */
export function transition(from, to) {
  if (!from || from.count !== to.count || JSON.stringify(from.splits) !== JSON.stringify(to.splits)) return null;
  const goal = to.points;
  const start = new Float32Array(goal.length);
  const at = new Uint32Array(to.count);
  from.rows.forEach((row, i) => {
    at[row] = i;
  });
  for (let i = 0; i < goal.length; i++) {
    const [[low, high], [least, most]] = [from.span[i % 2], to.span[i % 2]];
    start[i] = least + ((from.points[2 * at[to.rows[i >> 1]] + (i % 2)] - low) / (high - low)) * (most - least);
  }
  to.points = start.slice();
  return (share) => {
    for (let i = 0; i < goal.length; i++) to.points[i] = start[i] + (goal[i] - start[i]) * share;
    if (share === 1) to.points = goal;
  };
}

// Class and picture of a point, as the page names them.
/** @param {PointMap} pointMap @param {number} at */
export function describePoint({ classes, labels, rows, splits }, at) {
  let row = rows[at];
  let which = 0;
  while (row >= splits[which][1] && which < splits.length - 1) row -= splits[which++][1];
  return `${classes[labels[at]]}, ${splits[which][0]} picture ${row}`;
}

// A map in words: how many points, and how many of each class.
/** @param {PointMap} pointMap @param {string} what */
export function describeMap({ count, classes, counts }, what) {
  /** @param {number} number */
  const format = (number) => number.toLocaleString('en');
  const each = classes.map((name, at) => `${name}: ${format(counts[at])}`).filter((_, at) => counts[at]);
  return `${what} of ${format(count)} pictures, coloured by class (${each.join(', ')})`;
}
