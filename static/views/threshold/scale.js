// Where scores lie from left to right: evenly, or with tails that are pressed together.

import { countAbove } from '../../twins/anomaly.js';
import { ticks } from '../../dom/canvas.js';

/**
 * @import { Scores } from '../../twins/anomaly.js'
 *
 * @typedef {Object} Scale
 * @property {number} low of the scores that are shown
 * @property {number} high
 * @property {(value: number) => number} toShare 0 at the left, 1 at the right; beyond for what is not shown
 * @property {(share: number) => number} toValue
 * @property {() => number[]} ticks round numbers
 */

const LARGEST = 3.4e38; // what is no number counts as that, and is not on the scale
const AIR = 0.02; // of the range, so that the ends are below and above all scores
const SKEWED = 50; // interquartile ranges of normal scores, from which on most of an even scale is empty
const TICKS = 6;

// The score below which a share of them lies.
/** @param {Scores} scores @param {number} share */
function quantile(scores, share) {
  const { values } = scores;
  let [low, high] = [0, values.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (1 - countAbove(scores, values[middle]) / scores.count < share) low = middle + 1;
    else high = middle;
  }
  return values[low];
}

/** @param {Scores[]} groups @returns {[number, number]} */
function rangeOf(groups) {
  const shown = groups.flatMap(({ values }) => {
    const known = values.findLast((value) => value < LARGEST);
    return known === undefined ? [] : [values[0], known];
  });
  if (!shown.length) return [0, 1];
  const [low, high] = [Math.min(...shown), Math.max(...shown)];
  const air = AIR * (high - low) || Math.abs(high) / 10 || 0.5;
  return [low - air, high + air];
}

// Whether the scores reach so far that their tails should be pressed together.
/** @param {Scores} calibration @param {Scores[]} groups */
export function isSkewed(calibration, groups) {
  const [low, high] = rangeOf(groups);
  return high - low > SKEWED * spreadOf(calibration);
}

/** @param {Scores} scores */
const spreadOf = (scores) => quantile(scores, 0.75) - quantile(scores, 0.25);

/** @param {Scores[]} groups @returns {Scale} */
export function evenScale(groups) {
  const [low, high] = rangeOf(groups);
  return {
    low,
    high,
    toShare: (value) => (value - low) / (high - low),
    toValue: (share) => low + share * (high - low),
    ticks: () => ticks(low, high, TICKS),
  };
}

// Even about the median of the normal scores and logarithmic far from it: an inverse hyperbolic sine, which takes
// negative scores too.
/** @param {Scores} calibration @param {Scores[]} groups @returns {Scale} */
export function bentScale(calibration, groups) {
  const [low, high] = rangeOf(groups);
  const middle = quantile(calibration, 0.5);
  const spread = spreadOf(calibration) || (high - low) / 1000;
  /** @param {number} value */
  const bend = (value) => Math.asinh((value - middle) / spread);
  const [from, to] = [bend(low), bend(high)];
  /** @param {number} value */
  const toShare = (value) => (bend(value) - from) / (to - from);
  return {
    low,
    high,
    toShare,
    toValue: (share) => middle + spread * Math.sinh(from + share * (to - from)),
    ticks: () => bentTicks(low, high, middle, spread, toShare),
  };
}

// Round numbers about the middle, and powers of ten times 1, 2 and 5 beyond, where there is room for them.
/**
 * @param {number} low
 * @param {number} high
 * @param {number} middle
 * @param {number} spread
 * @param {(value: number) => number} toShare
 */
function bentTicks(low, high, middle, spread, toShare) {
  const near = ticks(middle - spread, middle + spread, 2);
  const far = [];
  for (let power = Math.floor(Math.log10(spread)); power <= Math.log10(Math.max(-low, high)); power++) {
    for (const times of [1, 2, 5]) far.push(times * 10 ** power, -times * 10 ** power);
  }
  const beyond = far.filter((value) => Math.abs(value - middle) > 1.5 * spread);
  let last = -Infinity;
  return [...near, ...beyond]
    .filter((value) => value > low && value < high)
    .sort((a, b) => a - b)
    .filter((value) => {
      const at = toShare(value);
      if (at - last < 0.8 / TICKS) return false;
      last = at;
      return true;
    });
}
