// Leads the point along a way, stop by stop, and lets go of it as soon as somebody else takes it.

/**
 * @import { Place } from './viewport.js'
 *
 * @typedef {{ place: Place, at: number }} Stop and after how many milliseconds the point is there
 */

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const REST = 900; // milliseconds at each stop of a way that is leapt
const GLIDE = 600; // to where a way begins
const LONGEST = 4800; // for a whole way: what moves by itself for more than 5 seconds would need a switch (WCAG 2.2.2)

// When the point is where: the first stop is where it stands now.
/** @param {Place[]} way @param {boolean} leaps @returns {Stop[]} */
function timed(way, leaps) {
  if (leaps) return way.map((place, i) => ({ place, at: Math.max(0, i - 1) * REST }));
  const parts = way.slice(1).map(([x, y], i) => Math.hypot(x - way[i][0], y - way[i][1]));
  const [first, ...rest] = parts;
  const whole = rest.reduce((sum, part) => sum + part, 0);
  const start = first && rest.length ? GLIDE : first ? LONGEST / 2 : 0;
  let at = start;
  /** @type {Stop[]} */
  const list = [
    { place: way[0], at: 0 },
    { place: way[1], at: start },
  ];
  rest.forEach((part, i) => {
    at += (part / (whole || 1)) * (LONGEST - start);
    list.push({ place: way[i + 2], at });
  });
  return list;
}

/** @param {number} share */
const smooth = (share) => share * share * (3 - 2 * share);

// Where the point is after so many milliseconds.
/** @param {Stop[]} stops @param {number} time @param {boolean} leaps @returns {Place} */
function placeAt(stops, time, leaps) {
  const next = stops.findIndex(({ at }) => at > time);
  if (next < 0) return stops[stops.length - 1].place;
  const [from, to] = [stops[Math.max(0, next - 1)], stops[next]];
  if (leaps) return from.place;
  // slowly away from the first stop and up to the last, at one speed between
  const ends = next === 1 || stops.length === 2;
  const share = (time - from.at) / (to.at - from.at);
  const done = ends ? smooth(share) : share;
  /** @param {number} axis */
  const between = (axis) => from.place[axis] + done * (to.place[axis] - from.place[axis]);
  return [between(0), between(1)];
}

// `go(place)` moves the point, `arrived()` hears when it is there.
/** @param {(place: Place) => void} go @param {() => void} arrived */
export function guide(go, arrived) {
  let asked = 0;
  /** @type {Stop[]} */
  let stops = [];
  let began = 0;
  let leaping = false;

  /** @param {number} now */
  function frame(now) {
    began ||= now;
    const time = now - began;
    asked = 0;
    go(placeAt(stops, time, leaping));
    if (time >= stops[stops.length - 1].at) arrived();
    else asked = requestAnimationFrame(frame);
  }

  function stop() {
    cancelAnimationFrame(asked);
    asked = 0;
  }

  return {
    // From where the point stands to the stops of `way`. Whoever wants no motion is brought from stop to stop.
    /** @param {Place} from @param {Place[]} way */
    lead(from, way, leaps = false) {
      stop();
      leaping = leaps || calm.matches;
      stops = timed([from, ...way], leaping);
      began = 0;
      asked = requestAnimationFrame(frame);
    },
    stop,
    get leads() {
      return asked > 0;
    },
  };
}
