// The colours of the theme in use, for canvases, and the legend of the classes.

import { element } from './dom.js';

/** @typedef {ReturnType<typeof lookOf>} Look */

/** @param {Element} root */
export function lookOf(root) {
  const style = getComputedStyle(root);
  /** @param {string} name */
  const named = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: named('text-color'),
    line: named('border-color'),
    accent: named('primary-color'),
    ground: named('background-color'),
    font: named('font'),
    classes: named('chart-categorical-colors').split(','),
  };
}

/** @param {Element} list @param {string[]} classes @param {Look} look */
export function fillLegend(list, classes, look) {
  list.replaceChildren(
    ...classes.map((name, at) => {
      const mark = element('i');
      mark.style.background = look.classes[at % look.classes.length];
      return element('li', {}, mark, name);
    }),
  );
}
