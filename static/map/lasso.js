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
 * @property {() => void} clear it belonged to another map
 */

/** @type {Lasso} */
export const NO_LASSO = {
  active: () => false,
  setActive() {},
  corners: () => [],
  draw() {},
  close() {},
  clear() {},
};

/** @param {HTMLElement} button @param {LassoHandlers} on @returns {Lasso} */
export function lasso(button, on) {
  let active = false;
  /** @type {Point[]} */
  let corners = [];
  return {
    active: () => active,
    setActive(to) {
      active = to;
      button.setAttribute('aria-pressed', String(to));
      on.toggle(to);
    },
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
    clear() {
      corners = [];
    },
  };
}
