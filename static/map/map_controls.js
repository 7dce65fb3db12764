// Mouse, fingers and keys as controls of a map: they pan and zoom, draw its lasso, and move a point or a crosshair.

import { gestures } from '../dom/gestures.js';
import { keyboardMap } from '../dom/keys.js';
import { listenUntil } from '../dom/dom.js';

/**
 * @import { GestureHandlers } from '../dom/gestures.js'
 * @import { Lasso } from './lasso.js'
 * @import { Point, Viewport } from './viewport.js'
 *
 * @typedef {Object} ControlledMap
 * @property {HTMLElement} stage
 * @property {() => Viewport} view the window on the plane
 * @property {() => void} redraw
 * @property {Lasso} lasso
 * @property {number} step how far an arrow key goes, in shares of the window
 * @property {() => Point} position what the keys move, in units of the plane
 * @property {() => Point} centre where Home brings it
 * @property {(to: Point) => void} moveTo by keys
 * @property {() => Point | null} fixed what stays where it is while buttons and keys zoom; null: the middle
 * @property {() => void} [select] what Enter does without a lasso
 * @property {() => void} [panned] by a gesture
 * @property {() => void} [moved] it was moved, or is on its way
 *
 * @typedef {Pick<GestureHandlers, 'dragMode' | 'locate' | 'hover'> & Partial<GestureHandlers>} PointerHandlers
 */

/** @param {AbortSignal} signal @param {ControlledMap} map @param {PointerHandlers} pointers */
export function mapControls(signal, map, pointers) {
  const { stage, lasso } = map;
  /** @param {number} times */
  function zoom(times) {
    const view = map.view();
    const fixed = map.fixed();
    if (fixed) view.zoomBy(times, view.screenX(fixed[0]), view.oneDimensional ? 0.5 : view.screenY(fixed[1]));
    else view.zoomBy(times);
    map.moved?.();
    map.redraw();
  }
  function resetView() {
    map.view().reset();
    map.moved?.();
    map.redraw();
  }
  gestures(stage, signal, {
    ...pointers,
    locateFree: (across, down) => [map.view().dataX(across), map.view().dataY(down)],
    lassoActive: lasso.active,
    position: map.position,
    pan(...by) {
      map.panned?.();
      map.view().pan(...by);
      map.redraw();
    },
    zoomBy(times, across, down, atOnce) {
      map.view().zoomBy(times, across, down, atOnce);
      if (!atOnce) map.moved?.(); // else fingers lie on it
      map.redraw();
    },
    rest: map.moved,
    drawLasso: lasso.draw,
    closeLasso: lasso.close,
  });
  const { view, step, position, centre, moveTo, select } = map;
  const keys = keyboardMap({ view, step, position, centre, moveTo, select, zoom, resetView, lasso });
  listenUntil(signal)(stage, 'keydown', keys);
  const sizes = new ResizeObserver(map.redraw);
  sizes.observe(stage);
  return { zoom, resetView, stop: () => sizes.disconnect() };
}
