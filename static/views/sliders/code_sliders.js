// A slider for each latent dimension: name, KL, slider, value, lock.

import { rows } from '../../net/packing.js';
import { formatNumber } from '../../dom/format.js';
import { createElement, fillTrack, queryIn } from '../../dom/dom.js';

/**
 * @typedef {Object} CodeSlidersData
 * @property {number[]} order in which the dimensions stand
 * @property {Float32Array} ranges [D, 2]
 * @property {Float32Array | null} kl [D], in nats
 * @property {{ one: string, many: string }} noun of what is decoded
 *
 * @typedef {ReturnType<typeof codeSlider>} CodeSlider
 */

const VISIBLE = 16; // sliders before the rest folds away
const STEPS = 200; // of each slider
const LOCK =
  '<svg viewBox="0 0 16 16" aria-hidden="true"><rect x="3" y="7" width="10" height="7" rx="1.5"/>'
  + '<path d="M5 7V5a3 3 0 0 1 6 0v2"/></svg>';

// Fills `place` with a slider for each number of `code`, which they change in place; `moved()` hears of it.
// Those of `data.order` come first; `data.ranges` says from where to where each goes.
/**
 * @param {HTMLElement} place
 * @param {CodeSlidersData} data
 * @param {Float32Array} code
 * @param {() => void} onChange
 * @param {() => void} onRelease a slider is let go
 */
export function codeSliders(place, { order, ranges, kl, noun }, code, onChange, onRelease) {
  const [first, rest] = place.querySelectorAll('.code-sliders');
  const $ = queryIn(place);
  const more = $('details', HTMLDetailsElement);
  const edges = rows(ranges, 2);
  /** @type {Map<number, CodeSlider>} */
  const made = new Map();
  /** @param {number} dimension */
  const make = (dimension) => {
    const row = codeSlider(dimension, edges[dimension], kl?.[dimension], code, onChange);
    row.element.addEventListener('change', onRelease);
    made.set(dimension, row);
    return row.element;
  };
  $('.order').textContent = orderNote(order.length, kl, noun);
  first.replaceChildren(...order.slice(0, VISIBLE).map(make));
  rest.replaceChildren();
  const others = order.slice(VISIBLE);
  more.hidden = !others.length;
  more.open = false;
  $('details summary').textContent = `${others.length} more dimensions (lower ${kl ? 'KL' : 'variance'})`;
  more.ontoggle = () => {
    // made when somebody looks: there may be hundreds
    if (more.open && !rest.children.length) rest.replaceChildren(...others.map(make));
  };
  return {
    /** @param {(dimension: number) => number} value */
    setValues(value) {
      for (let i = 0; i < code.length; i++) if (!made.get(i)?.locked()) code[i] = value(i);
      for (const row of made.values()) row.refresh();
    },
    // The sliders stand where the code is, whatever is locked.
    refresh() {
      for (const row of made.values()) row.refresh();
    },
    close() {
      more.ontoggle = null;
      for (const filled of [first, rest]) filled.replaceChildren();
    },
  };
}

/** @param {number} count @param {Float32Array | null} kl @param {CodeSlidersData['noun']} noun */
function orderNote(count, kl, { one, many }) {
  const of = `${one === 'image' ? 'an' : 'a'} ${one}`;
  if (count === 1) return kl ? `Beside its name: its KL in nats, what it tells of ${of} on average.` : '';
  if (kl) return `By falling KL: beside each name its KL in nats, what it tells of ${of} on average.`;
  return `By falling variance over the test ${many}.`;
}

/**
 * @param {number} dimension
 * @param {ArrayLike<number> & Iterable<number>} range
 * @param {number | undefined} kl
 * @param {Float32Array} code
 * @param {() => void} onChange
 */
function codeSlider(dimension, [low, high], kl, code, onChange) {
  const name = `z${dimension + 1}`;
  const slider = createElement('input', { type: 'range', 'aria-label': name });
  const value = createElement('output', { 'aria-hidden': 'true' });
  const lock = createElement('button', {
    type: 'button',
    class: 'lock',
    'aria-pressed': 'false',
    'aria-label': `Lock ${name}`,
    title: 'Locked, it stays while the buttons above change the others',
  });
  lock.innerHTML = LOCK;
  const locked = () => lock.getAttribute('aria-pressed') === 'true';

  function refresh() {
    // the true value, though the slider only stands at its nearest step
    const here = code[dimension];
    [low, high] = [Math.min(low, here), Math.max(high, here)];
    Object.assign(slider, { min: low, max: high, step: (high - low) / STEPS, value: here });
    updateOutput();
  }
  function updateOutput() {
    fillTrack(slider);
    value.textContent = formatNumber(code[dimension]);
    slider.setAttribute('aria-valuetext', formatNumber(code[dimension]));
  }

  slider.addEventListener('input', () => {
    code[dimension] = slider.valueAsNumber;
    updateOutput();
    onChange();
  });
  lock.addEventListener('click', () => {
    lock.setAttribute('aria-pressed', String(!locked()));
    slider.disabled = locked();
  });
  refresh();
  const small = createElement(
    'small',
    kl === undefined ? {} : { title: 'nats' },
    kl === undefined ? '' : kl.toFixed(2),
  );
  return {
    element: createElement(
      'div',
      { class: 'code-slider' },
      createElement('span', {}, name),
      small,
      slider,
      value,
      lock,
    ),
    refresh,
    locked,
  };
}
