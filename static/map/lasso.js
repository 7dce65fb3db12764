// A lasso on a map: a polygon that is drawn corner by corner or along a drag, and the button that switches it on.

/**
 * @import { Point } from './viewport.js'
 *
 * @typedef {Object} LassoHandlers
 * @property {() => void} redraw
 * @property {(polygon: Point[]) => void} close it is closed; without corners it is gone
 * @property {(active: boolean) => void} toggle
 *
 * @typedef {Object} Lasso
 * @property {() => boolean} active
 * @property {(active: boolean) => void} setActive
 * @property {() => Point[]} corners in units of the plane
 * @property {(corners: Point[]) => void} draw shows one that is still open
 * @property {(polygon: Point[]) => void} close
 * @property {(polygon: Point[]) => void} restore shows one that somebody knows already, or none
 */

const MAX_CORNERS = 60; // of a lasso in an address

/** @type {Lasso} */
export const NO_LASSO = {
  active: () => false,
  setActive() {},
  corners: () => [],
  draw() {},
  close() {},
  restore() {},
};

/** @param {HTMLElement} button @param {LassoHandlers} on @returns {Lasso} */
export function lasso(button, on) {
  let active = false;
  /** @type {Point[]} */
  let corners = [];
  /** @param {boolean} to */
  function setActive(to) {
    active = to;
    button.setAttribute('aria-pressed', String(to));
    on.toggle(to);
  }
  return {
    active: () => active,
    setActive,
    corners: () => corners,
    draw(to) {
      corners = to;
      on.redraw();
    },
    close(polygon) {
      corners = polygon;
      on.redraw();
      on.close(polygon);
    },
    restore(polygon) {
      corners = [];
      if (active !== polygon.length > 0) setActive(!active); // pressed, the button takes it away
      corners = polygon;
      on.redraw();
    },
  };
}

// The polygon with few corners: those are left out that lie less than `tolerance` beside the line that then passes them
// (Ramer 1972, Douglas & Peucker 1973).
/** @param {Point[]} polygon @param {number} tolerance @returns {Point[]} */
export function simplify(polygon, tolerance) {
  const found = polygon.length > 3 ? [...keptCorners(polygon, tolerance), polygon[polygon.length - 1]] : polygon;
  return found.length > MAX_CORNERS ? simplify(polygon, 1.5 * tolerance) : found;
}

// Those of a line's corners that stay, without the last one.
/** @param {Point[]} line @param {number} tolerance @returns {Point[]} */
function keptCorners(line, tolerance) {
  const [[ax, ay], [bx, by]] = [line[0], line[line.length - 1]];
  const length = Math.hypot(bx - ax, by - ay);
  /** @type {(corner: Point) => number} */
  const aside = ([x, y]) =>
    length ? Math.abs((bx - ax) * (ay - y) - (ax - x) * (by - ay)) / length : Math.hypot(x - ax, y - ay);
  const distances = line.map(aside);
  const most = Math.max(...distances);
  if (line.length < 3 || most < tolerance) return [line[0]];
  const at = distances.indexOf(most);
  return [...keptCorners(line.slice(0, at + 1), tolerance), ...keptCorners(line.slice(at), tolerance)];
}
