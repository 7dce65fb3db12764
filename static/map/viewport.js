// A viewport on a plane: the part of it that a canvas shows, to pan and zoom, never beyond the plane's limits.

const MIN_WIDTH = 1 / 40; // of the first width
const ZOOM_TIME = 70; // milliseconds in which two thirds of a zoom are done
const PRECISION = 2000; // steps of a window's width to which a place is told: half a pixel

/**
 * @typedef {[number, number]} Point on the plane, or in shares of a canvas from its left and its top
 * @typedef {[number, number]} Range the lowest and the highest number
 * @typedef {[Range, Range]} Bounds across and up
 * @typedef {{ zoom: number, centre: Point }} Rest how close a viewport is, 1 being the whole map, and its middle
 * @typedef {ReturnType<typeof viewport>} Viewport
 */

// Bounds as wide for their height as a canvas, by making them longer one way.
/** @param {Bounds} bounds @param {number} aspect @returns {Bounds} */
function fit([[left, right], [bottom, top]], aspect) {
  const wide = Math.max(right - left, (top - bottom) * aspect);
  const high = Math.max(top - bottom, (right - left) / aspect);
  const [x, y] = [(left + right) / 2, (bottom + top) / 2];
  return [
    [x - wide / 2, x + wide / 2],
    [y - high / 2, y + high / 2],
  ];
}

// `extent` and `panLimits` are [[low, high], [low, high]]: what is shown first, and how far one may go. On a map of
// one dimension up and down mean nothing: there all stays in sight.
/** @param {{ extent: Bounds, panLimits: Bounds, oneDimensional: boolean }} plane */
export function viewport({ extent, panLimits, oneDimensional }) {
  let aspect = 1; // of the canvas: width by height
  let first = (oneDimensional ? extent : fit(extent, aspect)).flat();
  let limits = oneDimensional ? panLimits : fit(panLimits, aspect);
  let now = [...first]; // [left, right, bottom, top], as `aim`
  let target = [...first];
  let before = 0;
  /** @type {Rest | null} */
  let asked = null; // where it was sent by `goTo`; null since it was moved otherwise

  // The same window, pushed back within the limits and neither too close nor too far.
  /** @param {number[]} edges */
  function clampEdges([left, right, bottom, top]) {
    /** @type {number[]} */
    const pushed = [];
    /** @type {[Range, Range, number][]} */
    const axes = [
      [[left, right], limits[0], 0],
      [[bottom, top], limits[1], 1],
    ];
    for (const [[low, high], [from, to], axis] of axes) {
      if (axis && oneDimensional) {
        pushed.push(...extent[1]);
        continue;
      }
      const least = (first[2 * axis + 1] - first[2 * axis]) * MIN_WIDTH;
      const width = Math.min(to - from, Math.max(least, high - low));
      const middle = (low + high) / 2;
      const start = Math.min(to - width, Math.max(from, middle - width / 2));
      pushed.push(start, start + width);
    }
    return pushed;
  }

  /** @returns {Rest} */
  function rest() {
    const [left, right, bottom, top] = target;
    return { zoom: (first[1] - first[0]) / (right - left), centre: [(left + right) / 2, (bottom + top) / 2] };
  }

  /** @param {Rest} where @param {boolean} atOnce */
  function goTo(where, atOnce) {
    const { zoom, centre: [x, y] } = where; // prettier-ignore
    asked = where;
    const [wide, high] = [(first[1] - first[0]) / zoom / 2, (first[3] - first[2]) / zoom / 2];
    target = clampEdges([x - wide, x + wide, y - high, y + high]);
    if (atOnce) now = target;
  }

  return {
    oneDimensional,
    get edges() {
      return now;
    },
    get zoom() {
      return (first[1] - first[0]) / (now[1] - now[0]);
    },
    // Where it is, or will be once a zoom has come to its end.
    get rest() {
      return rest();
    },
    // Whether all of the map is in sight there, as at first.
    get whole() {
      const least = (first[1] - first[0]) * 1e-3;
      return target.every((edge, i) => Math.abs(edge - first[i]) < least);
    },
    // The precision in units of the plane to which a place need be told.
    get precision() {
      return (target[1] - target[0]) / PRECISION;
    },
    /** @param {number} x */
    screenX: (x) => (x - now[0]) / (now[1] - now[0]), // 0 to 1, from the left
    /** @param {number} y */
    screenY: (y) => (now[3] - y) / (now[3] - now[2]), // 0 to 1, from the top
    /** @param {number} across */
    dataX: (across) => now[0] + across * (now[1] - now[0]),
    /** @param {number} down */
    dataY: (down) => now[3] - down * (now[3] - now[2]),

    // Fits the shape of the canvas: both axes keep one scale.
    /** @param {number} width @param {number} height */
    setShape(width, height) {
      if (oneDimensional || !(width && height) || Math.abs(width / height - aspect) < 1e-3) return;
      const whole = target.every((edge, i) => edge === first[i]);
      const where = asked ?? rest(); // the very same, though the canvas was of another shape meanwhile
      aspect = width / height;
      first = fit(extent, aspect).flat();
      limits = fit(panLimits, aspect);
      if (whole) target = now = [...first];
      else goTo(where, true);
    },
    goTo,
    // By shares of the window; at once, for a finger lies on it.
    /** @param {number} across @param {number} down */
    pan(across, down) {
      const [dx, dy] = [across * (now[1] - now[0]), down * (now[3] - now[2])];
      target = now = clampEdges([now[0] - dx, now[1] - dx, now[2] + dy, now[3] + dy]);
      asked = null;
    },
    // `times` as near, about a place that stays where it is. Slowly, unless a finger leads.
    /** @param {number} times */
    zoomBy(times, across = 0.5, down = 0.5, atOnce = false) {
      const [x, y] = [target[0] + across * (target[1] - target[0]), target[3] - down * (target[3] - target[2])];
      /** @param {number} value @param {number} fixed */
      const about = (value, fixed) => fixed + (value - fixed) / times;
      target = clampEdges([about(target[0], x), about(target[1], x), about(target[2], y), about(target[3], y)]);
      if (atOnce) now = target;
      asked = null;
    },
    reset() {
      target = [...first];
      asked = null;
    },
    // Moves the point into sight, as little as possible.
    /** @param {number} x @param {number} y */
    panTo(x, y) {
      const air = 0.04;
      const [left, right, bottom, top] = target;
      const [w, h] = [right - left, top - bottom];
      const dx = Math.min(0, x - left - air * w) + Math.max(0, x - right + air * w);
      const dy = oneDimensional ? 0 : Math.min(0, y - bottom - air * h) + Math.max(0, y - top + air * h);
      if (!dx && !dy) return;
      target = now = clampEdges([left + dx, right + dx, bottom + dy, top + dy]);
      asked = null;
    },
    // One frame on; whether another is needed.
    /** @param {number} time @param {boolean} calm */
    step(time, calm) {
      const passed = Math.min(100, time - before || 16);
      const done = calm ? 1 : 1 - Math.exp(-passed / ZOOM_TIME);
      before = time;
      const least = (target[1] - target[0]) * 1e-3;
      if (now.every((edge, i) => Math.abs(edge - target[i]) < least)) {
        now = target;
        return false;
      }
      now = now.map((edge, i) => edge + (target[i] - edge) * done);
      return true;
    },
    // A place pushed back within the limits.
    /** @type {(x: number, y: number) => Point} */
    clamp: (x, y) => [
      Math.min(limits[0][1], Math.max(limits[0][0], x)),
      oneDimensional ? 0 : Math.min(limits[1][1], Math.max(limits[1][0], y)),
    ],
  };
}
