// The menu that saves a map as a picture: a PNG as it is seen, twice as fine, or an SVG of its points.

import { listenUntil, queryIn } from '../../dom/dom.js';
import { mapPng } from './map_png.js';
import { mapSvg } from './map_svg.js';

/**
 * @import { Size } from '../../dom/canvas.js'
 * @import { Backdrop } from '../backdrop.js'
 * @import { Point } from '../viewport.js'
 *
 * @typedef {Object} SavedMap
 * @property {string} title
 * @property {string} fileName without its ending
 * @property {Backdrop} drawing
 * @property {number} width of the map in CSS pixels, as height
 * @property {number} height
 * @property {(canvas: HTMLCanvasElement, size: Size) => void} drawOver all that lies above the backdrop
 * @property {Point[]} lasso in units of the plane, as `point`
 * @property {Point | null} point that stands out
 */

// `menu` holds the buttons .png and .svg.
/** @param {HTMLDetailsElement} menu @param {AbortSignal} signal @param {() => SavedMap} saved */
export function saveMenu(menu, signal, saved) {
  const $ = queryIn(menu);
  const on = listenUntil(signal);
  function close() {
    menu.open = false;
  }
  on($('.png'), 'click', async () => {
    close();
    const map = saved();
    download(await mapPng(map), `${map.fileName}.png`);
  });
  on($('.svg'), 'click', () => {
    close();
    const map = saved();
    download(new Blob([mapSvg(map)], { type: 'image/svg+xml' }), `${map.fileName}.svg`);
  });
  on(menu, 'keydown', (event) => {
    if (event.key !== 'Escape' || !menu.open) return;
    close();
    $('summary').focus();
  });
  on(menu, 'focusout', ({ relatedTarget: to }) => {
    if (to instanceof Node && !menu.contains(to)) close();
  });
  document.addEventListener('pointerdown', (event) => event.composedPath().includes(menu) || close(), { signal });
}

/** @param {Blob} blob @param {string} name */
function download(blob, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser reads it after the click
}
