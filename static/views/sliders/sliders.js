// A slider for each number of a code, and the picture that the code decodes to while they are dragged.

import { copied } from '../../dom/clipboard.js';
import { anySeed, normal } from '../../twins/rng.js';
import { knobs } from './code_sliders.js';
import { floats, rows } from '../../net/base64.js';
import { choices, element, finder, frames, listeners } from '../../dom/dom.js';
import { paint } from '../../dom/image.js';

/**
 * @import { Given } from '../../index.js'
 * @import { KnobsData } from './code_sliders.js'
 *
 * @typedef {Object} Packed what ui/dragged.py sends beside the numbers' order; packed numbers are strings
 * @property {number} label as which codes are decoded
 * @property {{ name: string, code: string }[]} starts
 * @property {(string | null)[]} clouds [D], how far each start's code is spread
 * @property {string | null} prior [N, D], draws of one that the browser cannot draw from
 * @property {{ names: string[], means: string, spreads: string } | null} classes [N, D]
 *
 * @typedef {KnobsData & Packed} Data
 */

const CLOUD = 8; // pictures drawn from it

/** @param {Data} data @param {number} size */
function unpack(data, size) {
  const { starts, clouds, prior, classes, label } = data;
  const spread = classes && {
    names: classes.names,
    means: rows(classes.means, size),
    spreads: rows(classes.spreads, size),
  };
  return {
    label,
    starts: starts.map(({ name, code }, i) => ({ name, code: floats(code), cloud: clouds[i] && floats(clouds[i]) })),
    prior: prior && rows(prior, size),
    classes: spread,
  };
}

/** @param {Given<Data>} given */
export default function view({ parentElement, data, model }) {
  const root = finder(parentElement)('.sliders');
  const $ = finder(root);
  const { on, stop } = listeners();
  const screen = frames(draw);
  const draws = normal(anySeed());
  let given = unpack(data, model.size);
  let start = given.starts[0];
  const code = start.code.slice();
  const panel = knobs($('.numbers'), data, code, screen.ask);

  function draw() {
    paint($('.decoded', HTMLCanvasElement), model.decode(code, given.label), model.shape);
    const first = [...code.subarray(0, 8)].map((value) => value.toFixed(2)).join(', ');
    $('.decoded').setAttribute('aria-label', `Decoded from the code ${first}${code.length > 8 ? ', ...' : ''}`);
  }

  // Every number that is not locked is put where `value(i)` says.
  /** @param {(dimension: number) => number} value */
  function put(value) {
    panel.put(value);
    screen.ask();
  }

  // A cloud around a middle: one draw of it.
  /** @type {(middle: Float32Array, spread: Float32Array) => (dimension: number) => number} */
  const around = (middle, spread) => (i) => middle[i] + spread[i] * draws();

  function random() {
    if (!given.prior) return put(() => draws());
    const drawn = given.prior[Math.floor(Math.random() * given.prior.length)];
    return put((i) => drawn[i]);
  }

  /** @param {string} name */
  function begin(name) {
    start = given.starts.find((each) => each.name === name) ?? given.starts[0];
    put((i) => start.code[i]);
    $('.draw', HTMLButtonElement).disabled = !start.cloud;
    $('.cloud').hidden = true;
  }

  function cloud() {
    if (!start.cloud) return;
    $('.cloud').hidden = false;
    $('.cloud p').textContent =
      `${CLOUD} draws from the cloud of ${start.name}: to the model all of them mean that picture.`;
    const one = around(start.code, start.cloud);
    const drawn = new Float32Array(model.size);
    for (const [number, canvas] of $('.draws').querySelectorAll('canvas').entries()) {
      for (let i = 0; i < drawn.length; i++) drawn[i] = one(i);
      paint(canvas, model.decode(drawn, given.label), model.shape);
      canvas.setAttribute('aria-label', `Draw ${number + 1} from the cloud of ${start.name}`);
    }
  }

  function offer() {
    // what this model has
    $('.draw').hidden = !given.starts.some((each) => each.cloud);
    $('.class').hidden = !given.classes;
    $('select').replaceChildren(
      ...(given.classes?.names ?? []).map((name, i) => element('option', { value: i }, name)),
    );
    $('.draws').replaceChildren(
      ...Array.from({ length: CLOUD }, () => element('canvas', { class: 'picture', role: 'img' })),
    );
    choices(
      $('.starts'),
      given.starts.map((each) => each.name),
      start.name,
      begin,
    );
  }

  on($('.reset'), 'click', () => begin(start.name));
  on($('.prior'), 'click', random);
  on($('.one'), 'click', () => {
    const label = Number($('select', HTMLSelectElement).value);
    if (given.classes) put(around(given.classes.means[label], given.classes.spreads[label]));
  });
  on($('.draw'), 'click', cloud);
  on($('.copy'), 'click', () =>
    copied(
      JSON.stringify([...code].map((value) => +value.toPrecision(7))),
      $('textarea', HTMLTextAreaElement),
      $('.note'),
    ),
  );
  root.style.setProperty('--aspect', String(model.shape[2] / model.shape[1]));
  offer();
  begin(start.name);

  return {
    /** @param {Data} data */
    update(data) {
      const before = start.code;
      given = unpack(data, model.size);
      $('.cloud').hidden = true; // drawn of what was
      start = given.starts.find((each) => each.name === start.name) ?? given.starts[0];
      if (before.some((value, i) => value !== start.code[i])) begin(start.name); // another picture was chosen
      screen.ask();
    },
    dress() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
      panel.close();
      for (const filled of ['.starts > div', 'select', '.draws']) $(filled).replaceChildren();
      for (const shut of ['.cloud', 'textarea']) $(shut).hidden = true;
    },
  };
}
