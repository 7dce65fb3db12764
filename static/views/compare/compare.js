// A before-and-after slider: two images of the same size over each other, and an edge between them that is dragged.

import { queryIn, listeners } from '../../dom/dom.js';

/**
 * @import { ComponentProps } from '../../index.js'
 * @import { Table } from '../../net/packing.js'
 *
 * @typedef {Object} Data what ui/views/photo.py sends
 * @property {Table} before a PNG file
 * @property {Table} after
 * @property {string[]} names of the two
 * @property {string[]} descriptions what is seen on them
 * @property {number[]} size width and height in pixels
 */

const MIN_WIDTH = 480; // CSS pixels: smaller images are enlarged, by a whole number

/** @param {ComponentProps<Data>} props */
export default function compare({ parentElement, data }) {
  const root = queryIn(parentElement)('.compare');
  const $ = queryIn(root);
  const slider = $('input', HTMLInputElement);
  const images = [$('.before img'), $('img.after')];
  const { on, stop } = listeners();
  /** @type {string[]} */
  let addresses = [];

  function updateEdge() {
    const share = slider.valueAsNumber;
    $('.stage').style.setProperty('--at', `${share}%`);
    slider.setAttribute(
      'aria-valuetext',
      `${Math.round(share)} % ${data.names[0]}, ${Math.round(100 - share)} % ${data.names[1]}`,
    );
    $('.left').hidden = share < 15; // where it would lie over the other one
    $('.right').hidden = share > 85;
  }

  /** @param {Data} next */
  function show(next) {
    data = next;
    revokeUrls();
    addresses = [data.before, data.after].map((table) => {
      return URL.createObjectURL(new Blob([table.getChild('blob').get(0)], { type: 'image/png' }));
    });
    for (const [at, image] of images.entries()) {
      Object.assign(image, { src: addresses[at], alt: `${data.names[at]}: ${data.descriptions[at]}` });
    }
    const [wide, high] = data.size;
    const times = Math.max(1, Math.round(MIN_WIDTH / wide));
    $('.left').textContent = data.names[0];
    $('.right').textContent = data.names[1];
    $('.stage').classList.toggle('enlarged', times > 1);
    $('.stage').style.setProperty('--aspect', String(wide / high));
    // all of it in sight: as wide as it is, but not higher than most of the window
    $('.stage').style.setProperty('--width', `min(${times * wide}px, ${(80 * wide) / high}vh)`);
    slider.setAttribute('aria-label', `Edge between ${data.names[0].toLowerCase()} and ${data.names[1].toLowerCase()}`);
    updateEdge();
  }

  function revokeUrls() {
    for (const address of addresses.splice(0)) URL.revokeObjectURL(address);
  }

  on(slider, 'input', updateEdge);
  show(data);

  return {
    update: show,
    restyle() {}, // nothing but CSS has colours
    close() {
      stop();
      for (const image of images) image.removeAttribute('src');
      revokeUrls();
    },
  };
}
