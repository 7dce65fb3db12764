// A window on the plane of the codes: the part that a canvas shows, moved and zoomed, and never lost from sight.

const CLOSEST = 1 / 40; // of the first width
const SETTLE = 70; // milliseconds in which two thirds of a zoom are done

/**
 * @typedef {[number, number]} Place on the plane, or in shares of a canvas from its left and its top
 * @typedef {[number, number]} Range the lowest and the highest number
 * @typedef {[Range, Range]} Area across and up
 * @typedef {ReturnType<typeof windowOn>} Viewport
 */

// `span` and `world` are [[low, high], [low, high]]: what is shown first, and how far one may go. On a flat map (codes
// of one number) up and down mean nothing: there all stays in sight.
/** @param {{ span: Area, world: Area, flat: boolean }} plane */
export function windowOn({ span, world, flat }) {
  const first = span.flat();
  let now = [...first]; // [left, right, bottom, top], as `aim`
  let aim = [...first];
  let before = 0;

  // The same window, pushed back into the world and neither too close nor too far.
  /** @param {number[]} edges */
  function held([left, right, bottom, top]) {
    /** @type {number[]} */
    const pushed = [];
    /** @type {[Range, Range, number][]} */
    const axes = [
      [[left, right], world[0], 0],
      [[bottom, top], world[1], 1],
    ];
    for (const [[low, high], [from, to], axis] of axes) {
      if (axis && flat) {
        pushed.push(...span[1]);
        continue;
      }
      const least = (first[2 * axis + 1] - first[2 * axis]) * CLOSEST;
      const width = Math.min(to - from, Math.max(least, high - low));
      const middle = (low + high) / 2;
      const start = Math.min(to - width, Math.max(from, middle - width / 2));
      pushed.push(start, start + width);
    }
    return pushed;
  }

  return {
    flat,
    get edges() {
      return now;
    },
    get zoom() {
      return (first[1] - first[0]) / (now[1] - now[0]);
    },
    /** @param {number} x */
    across: (x) => (x - now[0]) / (now[1] - now[0]), // 0 to 1, from the left
    /** @param {number} y */
    down: (y) => (now[3] - y) / (now[3] - now[2]), // 0 to 1, from the top
    /** @param {number} across */
    x: (across) => now[0] + across * (now[1] - now[0]),
    /** @param {number} down */
    y: (down) => now[3] - down * (now[3] - now[2]),

    // By shares of the window; at once, for a finger lies on it.
    /** @param {number} across @param {number} down */
    pan(across, down) {
      const [dx, dy] = [across * (now[1] - now[0]), down * (now[3] - now[2])];
      aim = now = held([now[0] - dx, now[1] - dx, now[2] + dy, now[3] + dy]);
    },
    // `times` as near, about a place that stays where it is. Slowly, unless a finger leads.
    /** @param {number} times */
    enlarge(times, across = 0.5, down = 0.5, atOnce = false) {
      const [x, y] = [aim[0] + across * (aim[1] - aim[0]), aim[3] - down * (aim[3] - aim[2])];
      /** @param {number} value @param {number} fixed */
      const about = (value, fixed) => fixed + (value - fixed) / times;
      aim = held([about(aim[0], x), about(aim[1], x), about(aim[2], y), about(aim[3], y)]);
      if (atOnce) now = aim;
    },
    show() {
      aim = [...first];
    },
    // Moves the point into sight, as little as possible.
    /** @param {number} x @param {number} y */
    follow(x, y) {
      const air = 0.04;
      const [left, right, bottom, top] = aim;
      const [w, h] = [right - left, top - bottom];
      const dx = Math.min(0, x - left - air * w) + Math.max(0, x - right + air * w);
      const dy = flat ? 0 : Math.min(0, y - bottom - air * h) + Math.max(0, y - top + air * h);
      if (dx || dy) aim = now = held([left + dx, right + dx, bottom + dy, top + dy]);
    },
    // One frame on; whether another is needed.
    /** @param {number} time @param {boolean} calm */
    step(time, calm) {
      const passed = Math.min(100, time - before || 16);
      const done = calm ? 1 : 1 - Math.exp(-passed / SETTLE);
      before = time;
      const least = (aim[1] - aim[0]) * 1e-3;
      if (now.every((edge, i) => Math.abs(edge - aim[i]) < least)) {
        now = aim;
        return false;
      }
      now = now.map((edge, i) => edge + (aim[i] - edge) * done);
      return true;
    },
    // A place pushed back into the world.
    /** @type {(x: number, y: number) => Place} */
    inside: (x, y) => [
      Math.min(world[0][1], Math.max(world[0][0], x)),
      flat ? 0 : Math.min(world[1][1], Math.max(world[1][0], y)),
    ],
  };
}
