// The points of a 2-D map of codes (aecore/export/packed_map.py, `pack_points`): positions, labels, which is nearest.

import { unpack as unpackPieces } from '../net/packing.js';
import { NOUNS } from '../twins/modality.js';

/**
 * @import { Bytes, Pieces } from '../net/packing.js'
 * @import { Bounds, Point, Viewport } from './viewport.js'
 *
 * @typedef {Object} PointMapHead what Python says of a map
 * @property {number} count of points, N
 * @property {string[]} class_names
 * @property {number[]} class_counts points of each class
 * @property {string[]} axis_names where they mean something; the second is empty on a line
 * @property {boolean} one_dimensional whether codes are
 * @property {Bounds} extent what is shown first
 * @property {Bounds} pan_limits how far one may go
 * @property {Pieces} pieces
 *
 * @typedef {[string, number][]} Splits their names and how many samples each has
 * @typedef {ReturnType<typeof unpack>} PointMap
 */

/** @param {PointMapHead} head @param {Bytes} bytes @param {Splits} splits @param {keyof NOUNS} [kind] of the samples */
export function unpack(head, bytes, splits, kind = 'image') {
  const { points, labels, indices, codes } = unpackPieces(head.pieces, bytes);
  return {
    count: head.count,
    extent: head.extent,
    axisNames: head.axis_names,
    classNames: head.class_names,
    classCounts: head.class_counts,
    panLimits: head.pan_limits,
    oneDimensional: head.one_dimensional,
    hasCodes: codes !== null,
    noun: NOUNS[kind],
    splits, // [name, count] of the splits whose rows follow each other
    /** @type {Float32Array} */
    points, // [N, 2]
    /** @type {Uint8Array} */
    labels, // [N]
    /** @type {Uint32Array} */
    indices, // [N], which sample of the page's each point is
    /** @type {(at: number) => Float32Array | undefined} */
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

const TRANSITION_TIME = 700; // milliseconds

// The transition of the same images from one map to another, slowly at first and at the end: `step(now, calm)` is
// called for each frame and returns whether another is needed. Points start where as much of the first view lay on
// their left and below them. Null when they are other images.
/**
 * @param {PointMap | undefined} from
 * @param {PointMap} to
 * @returns {((now: number, calm: boolean) => boolean) | null}
 */
export function transition(from, to) {
  if (!from || from.count !== to.count || JSON.stringify(from.splits) !== JSON.stringify(to.splits)) return null;
  const goal = to.points;
  const start = new Float32Array(goal.length);
  const at = new Uint32Array(to.count);
  from.indices.forEach((row, i) => {
    at[row] = i;
  });
  for (let i = 0; i < goal.length; i++) {
    const [[low, high], [least, most]] = [from.extent[i % 2], to.extent[i % 2]];
    start[i] = least + ((from.points[2 * at[to.indices[i >> 1]] + (i % 2)] - low) / (high - low)) * (most - least);
  }
  to.points = start.slice();
  let began = 0;
  return (now, calm) => {
    began ||= now;
    const time = calm ? 1 : Math.min(1, (now - began) / TRANSITION_TIME);
    const share = time * time * (3 - 2 * time);
    for (let i = 0; i < goal.length; i++) to.points[i] = start[i] + (goal[i] - start[i]) * share;
    if (share === 1) to.points = goal;
    return share < 1;
  };
}

// Class and sample of a point, as the page names them.
/** @param {PointMap} pointMap @param {number} at */
export function describePoint({ classNames, labels, indices, splits, noun }, at) {
  let row = indices[at];
  let which = 0;
  while (row >= splits[which][1] && which < splits.length - 1) row -= splits[which++][1];
  return `${classNames[labels[at]]}, ${splits[which][0]} ${noun.one} ${row}`;
}

// A map in words: how many points, and how many of each class.
/** @param {PointMap} pointMap @param {string} title */
export function describeMap({ count, classNames, classCounts, noun }, title) {
  /** @param {number} number */
  const format = (number) => number.toLocaleString('en');
  const each = classNames.map((name, at) => `${name}: ${format(classCounts[at])}`).filter((_, at) => classCounts[at]);
  return `${title} of ${format(count)} ${noun.many}, coloured by class (${each.join(', ')})`;
}
