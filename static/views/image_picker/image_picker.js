// Thumbnails of test images, one of them chosen by a click or by keys.

import { bytesOf } from '../../net/packing.js';
import { context2d } from '../../dom/canvas.js';
import { createElement, listeners, queryIn } from '../../dom/dom.js';

/**
 * @import { ComponentProps } from '../../index.js'
 * @import { Table } from '../../net/packing.js'
 *
 * @typedef {Object} Data what ui/widgets/image_picker.py sends
 * @property {string} key other images have another one
 * @property {Table} blob a PNG file of all images side by side: a pixel of an image is one of its
 * @property {number[]} rows [n] of the test set
 * @property {number} columns images in a line of the file
 * @property {string[]} names [n]
 * @property {string} label
 * @property {number} chosen a row
 */

const STOP_DELAY = 400; // milliseconds without a key until the page hears of the chosen image

/** @param {ComponentProps<Data>} props */
export default function imagePicker({ parentElement, data, setTriggerValue }) {
  const grid = queryIn(parentElement)('.grid');
  const { on, stop } = listeners();
  /** @type {HTMLButtonElement[]} */
  let buttons = [];
  let shown = ''; // the key of the images that stand here
  let timer = 0;
  let version = 0;

  /** @param {number} at @param {number} delay */
  function choose(at, delay) {
    mark(at);
    clearTimeout(timer);
    timer = setTimeout(() => setTriggerValue('row', data.rows[at]), delay);
  }

  // One button can be reached by Tab, as in any group of radio buttons.
  /** @param {number} chosen */
  function mark(chosen) {
    buttons.forEach((button, at) => {
      button.setAttribute('aria-checked', String(at === chosen));
      button.tabIndex = at === Math.max(0, chosen) ? 0 : -1;
    });
  }

  function perLine() {
    const tops = buttons.map((button) => button.offsetTop);
    const next = tops.findIndex((top) => top !== tops[0]);
    return next < 0 ? buttons.length : next;
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = buttons.findIndex((button) => button === event.target);
    const last = buttons.length - 1;
    /** @type {Record<string, number>} */
    const places = {
      ArrowLeft: at - 1,
      ArrowRight: at + 1,
      ArrowUp: at - perLine(),
      ArrowDown: at + perLine(),
      Home: 0,
      End: last,
    };
    if (at < 0 || !(event.key in places)) return;
    event.preventDefault();
    const to = Math.min(last, Math.max(0, places[event.key]));
    buttons[to].focus();
    choose(to, STOP_DELAY);
  }

  /** @param {Data} next */
  async function update(next) {
    data = next;
    if (data.key !== shown) {
      const own = ++version;
      const sprite = await createImageBitmap(new Blob([bytesOf(data.blob)], { type: 'image/png' }));
      if (own !== version) return sprite.close(); // other data have come meanwhile, or the view is closed
      shown = data.key;
      buttons = data.rows.map((_, at) => thumbnail(sprite, data, at));
      grid.replaceChildren(...buttons);
      grid.setAttribute('aria-label', data.label);
      sprite.close();
    }
    const chosen = data.rows.indexOf(data.chosen);
    mark(chosen);
    if (chosen >= 0) reveal(grid, buttons[chosen]);
  }

  on(grid, 'click', (event) => {
    const target = event.target instanceof Element ? event.target.closest('button') : null;
    const at = buttons.findIndex((button) => button === target);
    if (at >= 0) choose(at, 0);
  });
  on(grid, 'keydown', press);
  update(data);

  return {
    update,
    restyle() {},
    close() {
      version++;
      clearTimeout(timer);
      stop();
      grid.replaceChildren();
    },
  };
}

/** @param {ImageBitmap} sprite @param {Data} data @param {number} at */
function thumbnail(sprite, { rows, columns, names }, at) {
  const wide = sprite.width / columns;
  const high = sprite.height / Math.ceil(rows.length / columns);
  const canvas = Object.assign(createElement('canvas', { class: 'image', 'aria-hidden': 'true' }), {
    width: wide,
    height: high,
  });
  const [left, top] = [(at % columns) * wide, Math.floor(at / columns) * high];
  context2d(canvas).drawImage(sprite, left, top, wide, high, 0, 0, wide, high);
  const label = { type: 'button', role: 'radio', 'aria-label': names[at], title: names[at] };
  return createElement('button', label, canvas);
}

// Scrolls the grid, and nothing else, until all of a button is seen.
/** @param {HTMLElement} grid @param {HTMLElement} button */
function reveal(grid, button) {
  const [outer, inner] = [grid.getBoundingClientRect(), button.getBoundingClientRect()];
  if (inner.top < outer.top) grid.scrollTop -= outer.top - inner.top;
  else if (inner.bottom > outer.bottom) grid.scrollTop += inner.bottom - outer.bottom;
}
