// Pointer gestures on a map. One pointer draws a lasso, or does what `on.dragMode` says: it drags a "point", or it pans
// ("pan") and a tap selects. Two fingers always pan and zoom.

import { listenUntil } from './dom.js';

const LASSO_SPACING = 3; // pixels between two corners of a lasso
const TAP_TOLERANCE = 4; // pixels that a tap may move
const MAX_CORNERS = 300; // sent at most
const MAX_PINCH_STEP = 40; // pixels; mouse wheels turn further at a time

/**
 * @import { Point } from '../map/viewport.js'
 *
 * @typedef {Object} GestureHandlers
 * @property {(across: number, down: number) => Point} locate which place of the plane lies there, kept inside the world
 * @property {(across: number, down: number) => Point} locateFree the same for a lasso, wherever it is
 * @property {'point' | 'pan'} dragMode
 * @property {() => boolean} lassoActive
 * @property {(at: Point | null) => void} hover
 * @property {(across: number, down: number) => void} pan
 * @property {(times: number, across: number, down: number, atOnce?: boolean) => void} zoomBy
 * @property {(corners: Point[]) => void} drawLasso shows a lasso that is still open
 * @property {(corners: Point[]) => void} closeLasso closes it
 * @property {(at: Point) => void} [select] of a map that is dragged: a tap
 * @property {() => Point} [position] of a point that is dragged, as the others: where it is
 * @property {(to: Point) => void} [moveTo]
 * @property {() => void} [drop] it is let go
 * @property {(to: Point) => void} [cancelDrag] its drag did not happen
 * @property {() => void} [rest] the fingers that have moved the map are gone
 */

/** @param {HTMLElement} stage @param {AbortSignal} signal @param {GestureHandlers} on */
export function gestures(stage, signal, on) {
  /** @type {Map<number, Point>} */
  const pointers = new Map(); // pointer -> where it is, in shares of the stage
  /** @type {'point' | 'pan' | 'lasso' | 'pair' | null} */
  let action = null;
  /** @type {Point | undefined} */
  let start;
  /** @type {Point[]} */
  let polygon = [];
  /** @type {Point} */
  let last = [0, 0];
  let fingers = { across: 0, down: 0, apart: 0 };
  let moved = false;

  function pinchState() {
    // the middle of two fingers and how far apart they are
    const [[ax, ay], [bx, by]] = [...pointers.values()];
    const { clientWidth: w, clientHeight: h } = stage;
    return { across: (ax + bx) / 2, down: (ay + by) / 2, apart: Math.hypot((ax - bx) * w, (ay - by) * h) };
  }

  /** @param {PointerEvent} event */
  function press(event) {
    if (event.button > 1) return;
    if (event.button === 1) event.preventDefault(); // no scrolling by the middle button
    stage.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pointerPosition(stage, event));
    if (pointers.size === 1) startDrag(event);
    else if (pointers.size === 2) startPinch();
  }

  /** @param {PointerEvent} event */
  function startDrag(event) {
    start = on.position?.();
    action = event.shiftKey || event.button === 1 ? 'pan' : on.lassoActive() ? 'lasso' : on.dragMode;
    last = pointerPosition(stage, event);
    moved = on.dragMode !== 'pan'; // elsewhere a tap is nothing of its own
    if (action === 'point') on.moveTo?.(on.locate(...last));
    if (action === 'lasso') on.drawLasso((polygon = [on.locateFree(...last)]));
  }

  function undoDrag() {
    if (action === 'point' && start) on.cancelDrag?.(start);
    if (action === 'lasso') on.drawLasso([]);
  }

  // A second finger: what the first one began did not happen.
  function startPinch() {
    undoDrag();
    action = 'pair';
    fingers = pinchState();
  }

  /** @param {PointerEvent} event */
  function move(event) {
    const now = pointerPosition(stage, event);
    if (!pointers.has(event.pointerId)) {
      if (event.pointerType === 'mouse' && !on.lassoActive()) on.hover(on.locate(...now));
      return;
    }
    pointers.set(event.pointerId, now);
    if (action === 'point') on.moveTo?.(on.locate(...now));
    else if (action === 'pan') return pan(now);
    else if (action === 'lasso') return extendLasso(now);
    else if (action === 'pair' && pointers.size === 2) return pinch();
    last = now;
  }

  /** @param {Point} now */
  const distanceTo = (now) =>
    Math.hypot((now[0] - last[0]) * stage.clientWidth, (now[1] - last[1]) * stage.clientHeight);

  /** @param {Point} now */
  function pan(now) {
    if (!moved && distanceTo(now) < TAP_TOLERANCE) return;
    moved = true;
    on.pan(now[0] - last[0], now[1] - last[1]);
    last = now;
  }

  /** @param {Point} now */
  function extendLasso(now) {
    if (distanceTo(now) < LASSO_SPACING) return;
    last = now;
    polygon.push(on.locateFree(...now));
    on.drawLasso(polygon);
  }

  function pinch() {
    const now = pinchState();
    on.pan(now.across - fingers.across, now.down - fingers.down);
    if (fingers.apart > 0) on.zoomBy(now.apart / fingers.apart, now.across, now.down, true);
    fingers = now;
  }

  /** @param {PointerEvent} event */
  function release(event) {
    if (!pointers.delete(event.pointerId)) return;
    if (pointers.size) return; // the other finger of two does nothing more
    if (event.type === 'pointercancel') {
      undoDrag();
    } else if (action === 'point') on.drop?.();
    else if (action === 'lasso') finishLasso();
    else if (action === 'pan' && !moved) on.select?.(on.locate(...last));
    if ((action === 'pan' && moved) || action === 'pair') on.rest?.();
    action = null;
  }

  function finishLasso() {
    const every = Math.ceil(polygon.length / MAX_CORNERS);
    on.closeLasso(polygon.length < 3 ? [] : polygon.filter((corner, i) => i % every === 0));
  }

  const listen = listenUntil(signal);
  listen(stage, 'pointerdown', press);
  listen(stage, 'pointermove', move);
  listen(stage, 'pointerup', release);
  listen(stage, 'pointercancel', release);
  listen(stage, 'pointerleave', () => void (pointers.size || on.hover(null)));
  listen(stage, 'wheel', (event) => zoomByWheel(stage, event, on), { passive: false });
}

/** @param {HTMLElement} stage @param {MouseEvent} event @returns {Point} */
function pointerPosition(stage, event) {
  const box = stage.getBoundingClientRect();
  return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
}

// A wheel alone belongs to the page, until something here has the focus: whoever scrolls by is not held up.
/** @param {HTMLElement} stage @param {WheelEvent} event @param {GestureHandlers} on */
function zoomByWheel(stage, event, on) {
  if (!event.ctrlKey && !event.metaKey && !stage.closest('.live')?.matches(':focus-within')) return;
  event.preventDefault();
  // a touchpad's pinch comes as small steps with Ctrl
  const small = event.ctrlKey && Math.abs(event.deltaY) < MAX_PINCH_STEP;
  const turned = event.deltaY * (event.deltaMode ? 30 : 1) * (small ? 6 : 1);
  on.zoomBy(Math.exp(Math.max(-1, Math.min(1, -turned * 0.0018))), ...pointerPosition(stage, event));
}
