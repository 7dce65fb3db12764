// What keys do on a map: a place is moved, the window enlarged, a lasso drawn corner by corner.

/** @import { Place, Viewport } from '../map/viewport.js' */

const LEAP = 5; // times as far, with Shift
/** @type {Record<string, Place>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

/**
 * @typedef {Object} Steered
 * @property {() => Viewport} view the window on the plane
 * @property {() => Place} place what the keys move, in units of the plane
 * @property {number} step how far an arrow key goes, in shares of the window
 * @property {() => Place} middle where Home brings it
 * @property {(to: Place) => void} move
 * @property {(times: number) => void} zoom
 * @property {() => void} whole
 * @property {() => boolean} lassoing
 * @property {(on: boolean) => void} arm
 * @property {() => Place[]} lasso
 * @property {(corners: Place[]) => void} draw shows a lasso that is still open
 * @property {(corners: Place[]) => void} enclose closes it
 * @property {() => void} [enter] what Enter does without a lasso
 */

/** @param {Steered} map @returns {(event: KeyboardEvent) => void} what to call for `keydown` */
export function steering(map) {
  /** @type {Record<string, () => void>} */
  const lassos = { Escape: () => map.arm(false), Enter: corner };
  /** @type {Record<string, (() => void) | undefined>} */
  const plain = {
    Home: () => map.move(map.middle()),
    '+': () => map.zoom(1.5),
    '=': () => map.zoom(1.5),
    '-': () => map.zoom(1 / 1.5),
    0: map.whole,
    l: () => map.arm(!map.lassoing()),
    L: () => map.arm(!map.lassoing()),
    Enter: map.enter,
  };

  // At the place of the last corner again, the lasso is closed.
  function corner() {
    const [x, y] = map.place();
    const corners = map.lasso();
    const last = corners.at(-1);
    if (last && last[0] === x && last[1] === y && corners.length > 2) map.enclose(corners);
    else map.draw([...corners, [x, y]]);
  }

  /** @param {Place} direction @param {number} far */
  function arrow([across, up], far) {
    const [left, right, bottom, top] = map.view().edges;
    const [x, y] = map.place();
    map.move([x + across * far * (right - left), y + up * far * (top - bottom)]);
  }

  return (event) => {
    const { key } = event;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const does = MOVES[key]
      ? () => arrow(MOVES[key], map.step * (event.shiftKey ? LEAP : 1))
      : (map.lassoing() && lassos[key]) || plain[key];
    if (!does) return;
    does();
    event.preventDefault();
  };
}
