// The theme's colours, for canvases, and the legend of the classes.

import { createElement } from './dom.js';

/** @typedef {ReturnType<typeof readTheme>} Theme */

/** @param {Element} root */
export function readTheme(root) {
  const style = getComputedStyle(root);
  /** @param {string} name */
  const named = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: named('text-color'),
    border: named('border-color'),
    accent: named('primary-color'),
    background: named('background-color'),
    font: named('font'),
    classes: named('chart-categorical-colors').split(','),
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
