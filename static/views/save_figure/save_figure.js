// Buttons below a chart that save it as PNG and as SVG, drawn by the browser.

import { listeners, queryIn } from '../../dom/dom.js';
import { chartBefore, toPng, toSvg } from './figure.js';

/** @import { ComponentProps } from '../../index.js' */

/** @param {ComponentProps<{ name: string }>} props */
export default function saveFigure({ parentElement, data }) {
  const root = queryIn(parentElement)('.save-figure');
  const $ = queryIn(root);
  const { on, stop } = listeners();
  let { name } = data;

  // The chart is looked for when it is asked for: Streamlit draws it later than this.
  function drawing() {
    const host = root.getRootNode();
    const element = host instanceof ShadowRoot ? host.host : root;
    const chart = chartBefore(element.closest('[data-testid="stElementContainer"]'));
    if (!chart) throw new Error('There is no chart to save yet');
    return toSvg(chart, getComputedStyle(root).getPropertyValue('--st-background-color').trim());
  }

  /** @param {string} suffix @param {() => Blob | Promise<Blob>} make */
  async function save(suffix, make) {
    try {
      const url = URL.createObjectURL(await make());
      Object.assign(document.createElement('a'), { href: url, download: `${name}.${suffix}` }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10_000);
      $('.note').textContent = '';
    } catch (error) {
      $('.note').textContent = `This chart could not be saved: ${error instanceof Error ? error.message : error}.`;
    }
  }

  on($('.png'), 'click', () => save('png', () => toPng(drawing())));
  on($('.svg'), 'click', () => save('svg', () => new Blob([drawing().text], { type: 'image/svg+xml' })));

  return {
    /** @param {{ name: string }} next */
    update(next) {
      name = next.name;
    },
    restyle() {},
    close: stop,
  };
}
