// What fingers and mice mean on a map: one draws a lasso, or does what `on.drags` says: it moves the pad's "point", or
// it moves the map ("pan") and a tap picks what lies there. Two fingers always move and zoom the map.

const THIN = 3; // pixels between two corners of a lasso
const SLIP = 4; // pixels that a tap may move
const CORNERS = 300; // sent at most
const PINCH = 40; // pixels; mouse wheels turn further at a time

/**
 * @import { Place } from '../map/viewport.js'
 *
 * @typedef {Object} Gestured
 * @property {(across: number, down: number) => Place} at which place of the plane lies there, kept inside the world
 * @property {(across: number, down: number) => Place} free the same for a lasso, wherever it is
 * @property {'point' | 'pan'} drags
 * @property {() => boolean} lassoing
 * @property {(at: Place | null) => void} hover
 * @property {(across: number, down: number) => void} pan
 * @property {(times: number, across: number, down: number, atOnce?: boolean) => void} enlarge
 * @property {(corners: Place[]) => void} draw shows a lasso that is still open
 * @property {(corners: Place[]) => void} enclose closes it
 * @property {(at: Place) => void} [pick] of a map that is dragged: a tap
 * @property {() => Place} [point] of a point that is dragged, as the others: where it is
 * @property {(to: Place) => void} [move]
 * @property {() => void} [send] it is let go
 * @property {(to: Place) => void} [restore] its drag did not happen
 */

/** @param {HTMLElement} stage @param {AbortSignal} signal @param {Gestured} on */
export function gestures(stage, signal, on) {
  const view = stage.closest('.live');
  /** @type {Map<number, Place>} */
  const down = new Map(); // pointer -> where it is, in shares of the stage
  /** @type {'point' | 'pan' | 'lasso' | 'pair' | null} */
  let doing = null;
  /** @type {Place | undefined} */
  let start;
  /** @type {Place[]} */
  let polygon = [];
  /** @type {Place} */
  let last = [0, 0];
  let fingers = { across: 0, down: 0, apart: 0 };
  let moved = false;
  /**
   * @template {keyof HTMLElementEventMap} Name
   * @param {Name} name
   * @param {(event: HTMLElementEventMap[Name]) => void} call
   * @param {AddEventListenerOptions} [more]
   */
  const listen = (name, call, more = {}) => stage.addEventListener(name, call, { signal, ...more });

  /** @param {MouseEvent} event @returns {Place} */
  function place(event) {
    const box = stage.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  function pair() {
    // the middle of two fingers and how far apart they are
    const [[ax, ay], [bx, by]] = [...down.values()];
    const { clientWidth: w, clientHeight: h } = stage;
    return { across: (ax + bx) / 2, down: (ay + by) / 2, apart: Math.hypot((ax - bx) * w, (ay - by) * h) };
  }

  listen('pointerdown', (event) => {
    if (event.button > 1) return;
    if (event.button === 1) event.preventDefault(); // no scrolling by the middle button
    stage.setPointerCapture(event.pointerId);
    down.set(event.pointerId, place(event));
    if (down.size === 1) begin(event);
    else if (down.size === 2) both();
  });

  /** @param {PointerEvent} event */
  function begin(event) {
    start = on.point?.();
    doing = event.shiftKey || event.button === 1 ? 'pan' : on.lassoing() ? 'lasso' : on.drags;
    last = place(event);
    moved = on.drags !== 'pan'; // elsewhere a tap is nothing of its own
    if (doing === 'point') on.move?.(on.at(...last));
    if (doing === 'lasso') on.draw((polygon = [on.free(...last)]));
  }

  function restore() {
    if (doing === 'point' && start) on.restore?.(start);
    if (doing === 'lasso') on.draw([]);
  }

  // A second finger: what the first one began did not happen.
  function both() {
    restore();
    doing = 'pair';
    fingers = pair();
  }

  listen('pointermove', (event) => {
    const now = place(event);
    if (!down.has(event.pointerId)) {
      if (event.pointerType === 'mouse' && !on.lassoing()) on.hover(on.at(...now));
      return;
    }
    down.set(event.pointerId, now);
    if (doing === 'point') on.move?.(on.at(...now));
    else if (doing === 'pan') return pan(now);
    else if (doing === 'lasso') return lengthen(now);
    else if (doing === 'pair' && down.size === 2) return pinch();
    last = now;
  });

  /** @param {Place} now */
  const far = (now) => Math.hypot((now[0] - last[0]) * stage.clientWidth, (now[1] - last[1]) * stage.clientHeight);

  /** @param {Place} now */
  function pan(now) {
    if (!moved && far(now) < SLIP) return;
    moved = true;
    on.pan(now[0] - last[0], now[1] - last[1]);
    last = now;
  }

  /** @param {Place} now */
  function lengthen(now) {
    if (far(now) < THIN) return;
    last = now;
    polygon.push(on.free(...now));
    on.draw(polygon);
  }

  function pinch() {
    const now = pair();
    on.pan(now.across - fingers.across, now.down - fingers.down);
    if (fingers.apart > 0) on.enlarge(now.apart / fingers.apart, now.across, now.down, true);
    fingers = now;
  }

  /** @param {PointerEvent} event */
  function release(event) {
    if (!down.delete(event.pointerId)) return;
    if (down.size) return; // the other finger of two does nothing more
    if (event.type === 'pointercancel') {
      restore();
    } else if (doing === 'point') on.send?.();
    else if (doing === 'lasso') finish();
    else if (doing === 'pan' && !moved) on.pick?.(on.at(...last));
    doing = null;
  }
  listen('pointerup', release);
  listen('pointercancel', release);
  listen('pointerleave', () => {
    if (!down.size) on.hover(null);
  });

  function finish() {
    const every = Math.ceil(polygon.length / CORNERS);
    on.enclose(polygon.length < 3 ? [] : polygon.filter((corner, i) => i % every === 0));
  }

  // A wheel alone belongs to the page, until something here has the focus: whoever scrolls by is not held up.
  listen(
    'wheel',
    (event) => {
      if (!event.ctrlKey && !event.metaKey && !view?.matches(':focus-within')) return;
      event.preventDefault();
      // a touchpad's pinch comes as small steps with Ctrl
      const small = event.ctrlKey && Math.abs(event.deltaY) < PINCH;
      const turned = event.deltaY * (event.deltaMode ? 30 : 1) * (small ? 6 : 1);
      on.enlarge(Math.exp(Math.max(-1, Math.min(1, -turned * 0.0018))), ...place(event));
    },
    { passive: false },
  );
}
