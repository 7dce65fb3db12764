// The theme's colours, for canvases, and the legend of the classes.

import { createElement } from './dom.js';

/** @typedef {ReturnType<typeof readTheme>} Theme */

/** @param {Element} root */
export function readTheme(root) {
  const style = getComputedStyle(root);
  /** @param {string} name */
  const read = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: read('text-color'),
    border: read('border-color'),
    accent: read('primary-color'),
    background: read('background-color'),
    font: read('font'),
    classes: read('chart-categorical-colors').split(','),
  };
}

/** @param {Element} list @param {string[]} classes @param {Theme} theme */
export function fillLegend(list, classes, theme) {
  list.replaceChildren(
    ...classes.map((name, at) => {
      const mark = createElement('i');
      mark.style.background = theme.classes[at % theme.classes.length];
      return createElement('li', {}, mark, name);
    }),
  );
}
