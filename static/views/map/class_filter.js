// The legend of the map as a filter: a button for each class, with the number of its points, hides it or shows it.

import { createElement, listenUntil, queryIn } from '../../dom/dom.js';

/**
 * @import { Theme } from '../../dom/theme.js'
 * @import { PointMap } from '../../map/points.js'
 */

/** @param {HTMLElement} root @param {AbortSignal} signal @param {(hidden: Set<number>) => void} onChange */
export function classFilter(root, signal, onChange) {
  const $ = queryIn(root);
  const legend = $('.legend');
  const listen = listenUntil(signal);
  /** @type {Set<number>} */
  let hidden = new Set();

  const buttons = () => [...legend.querySelectorAll('button')];
  /** @param {number} label */
  function toggle(label) {
    const changed = new Set(hidden);
    if (!changed.delete(label)) changed.add(label);
    onChange(changed);
  }
  listen($('.all'), 'click', () => onChange(new Set(hidden.size ? [] : buttons().keys())));
  listen(legend, 'click', ({ target }) => {
    const button = target instanceof Element && target.closest('button');
    if (button) toggle(Number(button.value));
  });

  return {
    /** @param {PointMap} pointMap */
    fill({ classNames, classCounts }) {
      legend.replaceChildren(
        ...classNames.map((name, at) => {
          const count = createElement('small', {}, classCounts[at].toLocaleString('en'));
          const button = createElement('button', { type: 'button', class: 'button', value: at }, createElement('i'));
          button.append(createElement('span', {}, name), count);
          return createElement('li', {}, button);
        }),
      );
    },
    /** @param {Set<number>} classes that are hidden */
    set(classes) {
      hidden = classes;
      $('.all').textContent = hidden.size ? 'Show all' : 'Hide all';
      for (const button of buttons()) button.setAttribute('aria-pressed', String(!hidden.has(Number(button.value))));
    },
    /** @param {Theme} theme */
    restyle({ classes }) {
      for (const [at, mark] of legend.querySelectorAll('i').entries()) {
        mark.style.background = classes[at % classes.length];
      }
    },
  };
}
