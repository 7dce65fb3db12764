// The values of a sample in words beside its drawing: a <dl> of names and numbers in their own units.

import { cells, isBounded } from '../twins/modality.js';
import { createElement } from './dom.js';
import { CHANNELS } from './render/paper.js';

/**
 * @import { NumberArray } from '../net/matmul.js'
 * @import { Cell, Modality } from '../twins/modality.js'
 */

// A function that fills the list; for images and videos, of which there is nothing to read, the list stays hidden.
/** @param {HTMLElement} list @param {Modality} modality */
export function cellList(list, modality) {
  list.replaceChildren();
  list.hidden = isBounded(modality);
  /** @type {Text[]} */
  let texts = [];

  /** @param {Cell[]} found */
  function build(found) {
    texts = found.map(({ text }) => new Text(text));
    list.replaceChildren(
      ...found.map((cell, at) => createElement('div', {}, term(cell), createElement('dd', {}, texts[at]))),
    );
  }

  /** @param {NumberArray} values */
  return function show(values) {
    if (list.hidden) return;
    const found = cells(modality, values);
    if (texts.length !== found.length) return build(found);
    for (let i = 0; i < found.length; i++) if (texts[i].data !== found[i].text) texts[i].data = found[i].text;
  };
}

/** @param {Cell} cell */
function term({ name, channel }) {
  const found = createElement('dt', {}, name);
  if (channel !== undefined) {
    const mark = createElement('i');
    mark.style.setProperty('--ink', CHANNELS[channel % CHANNELS.length]);
    found.prepend(mark);
  }
  return found;
}
