// The keyboard map of a map: keys move a point, zoom the viewport, and draw a lasso corner by corner.

/**
 * @import { Lasso } from '../map/lasso.js'
 * @import { Point, Viewport } from '../map/viewport.js'
 */

const LEAP = 5; // times as far, with Shift
/** @type {Record<string, Point>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * @typedef {Object} KeyboardTarget
 * @property {() => Viewport} view the window on the plane
 * @property {() => Point} position what the keys move, in units of the plane
 * @property {number} step how far an arrow key goes, in shares of the window
 * @property {() => Point} centre where Home brings it
 * @property {(to: Point) => void} moveTo
 * @property {(times: number) => void} zoom
 * @property {() => void} resetView
 * @property {Lasso} lasso
 * @property {() => void} [select] what Enter does without a lasso
 */

/** @param {KeyboardTarget} map @returns {(event: KeyboardEvent) => void} what to call for `keydown` */
export function keyboardMap(map) {
  const { lasso } = map;
  /** @type {Record<string, () => void>} */
  const lassos = { Escape: () => lasso.setActive(false), Enter: addCorner };
  /** @type {Record<string, (() => void) | undefined>} */
  const plain = {
    Home: () => map.moveTo(map.centre()),
    '+': () => map.zoom(1.5),
    '=': () => map.zoom(1.5),
    '-': () => map.zoom(1 / 1.5),
    0: map.resetView,
    l: () => lasso.setActive(!lasso.active()),
    L: () => lasso.setActive(!lasso.active()),
    Enter: map.select,
  };

  // At the place of the last corner again, the lasso is closed.
  function addCorner() {
    const [x, y] = map.position();
    const corners = lasso.corners();
    const last = corners.at(-1);
    if (last && last[0] === x && last[1] === y && corners.length > 2) lasso.close(corners);
    else lasso.draw([...corners, [x, y]]);
  }

  /** @param {Point} direction @param {number} far */
  function moveByArrow([across, up], far) {
    const [left, right, bottom, top] = map.view().edges;
    const [x, y] = map.position();
    map.moveTo([x + across * far * (right - left), y + up * far * (top - bottom)]);
  }

  return (event) => {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does = MOVES[key]
      ? () => moveByArrow(MOVES[key], map.step * (event.shiftKey ? LEAP : 1))
      : (lasso.active() && lassos[key]) || plain[key];
    if (!does) return;
    does();
    event.preventDefault();
  };
}
