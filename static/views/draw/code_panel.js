// What a drawing's code is: its numbers, to copy too, and the class that the nearest test codes vote for.

import { classVote } from '../../drawing/class_vote.js';
import { copyText } from '../../dom/clipboard.js';
import { createElement, listenUntil, queryIn } from '../../dom/dom.js';
import { formatNumber } from '../../dom/format.js';
import { ZONES, zoneIndex } from '../../map/latent_plane.js';
import { bytesOf } from '../../net/packing.js';

/**
 * @import { Table } from '../../net/packing.js'
 * @import { PlaneMap } from '../../map/latent_plane.js'
 *
 * @typedef {Object} VoteData from ui/views/drawing.py
 * @property {Table | null} codes float32 [N, D], of the first test images; null where codes do not tell the class
 * @property {number} voters how many of them vote
 * @property {number} vote_accuracy share of test codes that such a vote names rightly
 * @property {string} label_name what the classes of these codes are: labels, or guesses that stand in for them
 */

const NO_CODE = 'No code yet: draw something.';

/** @param {HTMLElement} root @param {AbortSignal} signal */
export function codePanel(root, signal) {
  const $ = queryIn(root);
  const on = listenUntil(signal);
  /** @type {Float32Array | null} */
  let codes = null;
  /** @type {VoteData} */
  let data;
  /** @type {Float32Array | null} */
  let current = null;
  const copy = $('.copy', HTMLButtonElement);
  on(copy, 'click', () => {
    const text = [...(current ?? [])].map((value) => String(+value.toPrecision(6))).join(', ');
    copyText(text, $('.copy-field', HTMLTextAreaElement), $('.copied'));
  });

  /** @param {VoteData} next */
  function update(next) {
    data = next;
    codes = data.codes && new Float32Array(bytesOf(data.codes).slice().buffer);
  }

  /** @param {Float32Array | null} code @param {PlaneMap} planeMap @returns {string} the vote in words */
  function show(code, planeMap) {
    current = code;
    copy.disabled = !code;
    $('.copied').textContent = '';
    $('.copy-field').hidden = true;
    $('.numbers').replaceChildren(
      ...[...(code ?? [])].map((value, i) =>
        createElement('li', {}, createElement('span', {}, `z${i + 1}`), ` ${formatNumber(value)}`),
      ),
    );
    const words = code ? voteText(code, planeMap) : NO_CODE;
    $('.vote').textContent = words;
    return code ? words : '';
  }

  /** @param {Float32Array} code @param {PlaneMap} planeMap */
  function voteText(code, planeMap) {
    if (!codes) return 'This model is told the class, so its code need not tell it: no vote is taken.';
    const { label, votes, voters, distance } = classVote(codes, planeMap.labels, code, data.voters);
    const zone = zoneIndex(planeMap, distance);
    const of = `${(codes.length / code.length).toLocaleString('en')} test codes, by their ${data.label_name}`;
    const where = zone ? ` But it lies ${ZONES[zone]}: there the vote says little.` : '';
    return (
      `Nearest class: ${planeMap.classNames[label]}, with ${votes} of ${voters} votes of the nearest of ${of}.${where} `
      + `Such a vote is right for ${Math.round(100 * data.vote_accuracy)} % of test images; the model itself knows no `
      + 'classes.'
    );
  }

  return { update, show };
}
