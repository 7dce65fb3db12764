// The player of a tour: moves the point along keyframes, and stops as soon as somebody else moves it.

import { reducedMotion } from '../dom/dom.js';

/**
 * @import { Point } from './viewport.js'
 *
 * @typedef {{ point: Point, at: number }} Keyframe and after how many milliseconds the point is there
 */

const STOP_TIME = 900; // milliseconds at each stop of a way that is leapt
const APPROACH_TIME = 600; // to where a way begins
const MAX_TIME = 4800; // for a whole way: what moves by itself for more than 5 seconds would need a switch (WCAG 2.2.2)

// When the point is where: the first stop is where it stands now.
/** @param {Point[]} way @param {boolean} jumps @returns {Keyframe[]} */
function keyframes(way, jumps) {
  if (jumps) return way.map((point, i) => ({ point, at: Math.max(0, i - 1) * STOP_TIME }));
  const parts = way.slice(1).map(([x, y], i) => Math.hypot(x - way[i][0], y - way[i][1]));
  const [first, ...rest] = parts;
  const whole = rest.reduce((sum, part) => sum + part, 0);
  const start = first && rest.length ? APPROACH_TIME : first ? MAX_TIME / 2 : 0;
  let at = start;
  /** @type {Keyframe[]} */
  const list = [
    { point: way[0], at: 0 },
    { point: way[1], at: start },
  ];
  rest.forEach((part, i) => {
    at += (part / (whole || 1)) * (MAX_TIME - start);
    list.push({ point: way[i + 2], at });
  });
  return list;
}

/** @param {number} share */
const smoothstep = (share) => share * share * (3 - 2 * share);

// Where the point is after so many milliseconds.
/** @param {Keyframe[]} stops @param {number} time @param {boolean} jumps @returns {Point} */
function positionAt(stops, time, jumps) {
  const next = stops.findIndex(({ at }) => at > time);
  if (next < 0) return stops[stops.length - 1].point;
  const [from, to] = [stops[Math.max(0, next - 1)], stops[next]];
  if (jumps) return from.point;
  // slowly away from the first stop and up to the last, at one speed between
  const ends = next === 1 || stops.length === 2;
  const share = (time - from.at) / (to.at - from.at);
  const done = ends ? smoothstep(share) : share;
  /** @param {number} axis */
  const between = (axis) => from.point[axis] + done * (to.point[axis] - from.point[axis]);
  return [between(0), between(1)];
}

// `go(place)` moves the point, `arrived()` hears when it is there.
/** @param {(place: Point) => void} go @param {() => void} arrived */
export function tourPlayer(go, arrived) {
  let asked = 0;
  /** @type {Keyframe[]} */
  let stops = [];
  let began = 0;
  let jumping = false;

  /** @param {number} now */
  function frame(now) {
    began ||= now;
    const time = now - began;
    asked = 0;
    go(positionAt(stops, time, jumping));
    if (time >= stops[stops.length - 1].at) arrived();
    else asked = requestAnimationFrame(frame);
  }

  function stop() {
    cancelAnimationFrame(asked);
    asked = 0;
  }

  return {
    // From where the point stands to the stops of `way`. Whoever wants no motion is brought from stop to stop.
    /** @param {Point} from @param {Point[]} way */
    play(from, way, jumps = false) {
      stop();
      jumping = jumps || reducedMotion.matches;
      stops = keyframes([from, ...way], jumping);
      began = 0;
      asked = requestAnimationFrame(frame);
    },
    stop,
    get playing() {
      return asked > 0;
    },
  };
}
