// The legend of a map as a filter: a button for each class, with the number of its points, hides it or shows it; the
// one that is pointed at, or has the focus, lights up on the map.

import { createElement, listenUntil, queryIn } from '../dom/dom.js';

/**
 * @import { Theme } from '../dom/theme.js'
 *
 * @typedef {{ hide(hidden: Set<number>): void, light(label: number): void }} LegendHandlers `light` hears of a class,
 *   or of -1 when none is pointed at
 */

// Fills .legend and .all of `root`.
/** @param {HTMLElement} root @param {AbortSignal} signal @param {LegendHandlers} handlers */
export function legend(root, signal, handlers) {
  const $ = queryIn(root);
  const list = $('.legend');
  const listen = listenUntil(signal);
  /** @type {Set<number>} */
  let hidden = new Set();
  let lit = -1;

  const buttons = () => [...list.querySelectorAll('button')];
  /** @param {EventTarget | null} target */
  const buttonOf = (target) => (target instanceof Element ? target.closest('button') : null);
  /** @param {number} label */
  function toggle(label) {
    const changed = new Set(hidden);
    if (!changed.delete(label)) changed.add(label);
    handlers.hide(changed);
  }
  // What the mouse points at, else what keys have brought the focus to.
  function update() {
    const pointed = list.querySelector('button:hover') ?? list.querySelector('button:focus-visible');
    const label = pointed instanceof HTMLButtonElement ? Number(pointed.value) : -1;
    if (label === lit) return;
    lit = label;
    handlers.light(label);
  }
  listen($('.all'), 'click', () => handlers.hide(new Set(hidden.size ? [] : buttons().keys())));
  listen(list, 'click', ({ target }) => {
    const button = buttonOf(target);
    if (button) toggle(Number(button.value));
  });
  for (const name of /** @type {const} */ (['pointerover', 'pointerout', 'focusin', 'focusout']))
    listen(list, name, () => void requestAnimationFrame(() => signal.aborted || update()));

  return {
    /** @param {{ classNames: string[], classCounts: ArrayLike<number> }} map */
    fill({ classNames, classCounts }) {
      list.replaceChildren(
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
      for (const [at, mark] of list.querySelectorAll('i').entries()) {
        mark.style.background = classes[at % classes.length];
      }
    },
  };
}
