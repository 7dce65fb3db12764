// Latent sliders: one for each dimension of a code, and the image that it decodes to while they are dragged.

import { copyText } from '../../dom/clipboard.js';
import { randomSeed, normal } from '../../twins/rng.js';
import { codeSliders } from './code_sliders.js';
import { floats, rows } from '../../net/base64.js';
import { radioGroup, createElement, queryIn, frames, listeners } from '../../dom/dom.js';
import { drawImage } from '../../dom/image.js';

/**
 * @import { ViewProps } from '../../index.js'
 * @import { CodeSlidersData } from './code_sliders.js'
 *
 * @typedef {Object} SamplingData what ui/views/live_decoding.py sends for drawing codes; packed numbers are strings
 * @property {number} label as which codes are decoded
 * @property {{ name: string, code: string }[]} starts
 * @property {(string | null)[]} clouds [D], how far each start's code is spread
 * @property {string | null} prior [N, D], draws of one that the browser cannot draw from
 * @property {{ names: string[], means: string, spreads: string } | null} classes [N, D]
 *
 * @typedef {CodeSlidersData & SamplingData} Data
 */

const SAMPLES = 8; // images of the posterior

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

/** @param {ViewProps<Data>} props */
export default function sliders({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.sliders');
  const $ = queryIn(root);
  const { on, stop } = listeners();
  const screen = frames(draw);
  const randomNormal = normal(randomSeed());
  let state = unpack(data, model.size);
  let start = state.starts[0];
  const code = start.code.slice();
  const panel = codeSliders($('.dimensions'), data, code, screen.request);

  function draw() {
    drawImage($('.decoded', HTMLCanvasElement), model.decode(code, state.label), model.shape);
    const first = [...code.subarray(0, 8)].map((value) => value.toFixed(2)).join(', ');
    $('.decoded').setAttribute('aria-label', `Decoded from the code ${first}${code.length > 8 ? ', ...' : ''}`);
  }

  // Every number that is not locked is put where `value(i)` says.
  /** @param {(dimension: number) => number} value */
  function setCode(value) {
    panel.setValues(value);
    screen.request();
  }

  // One draw of a diagonal Gaussian.
  /** @type {(middle: Float32Array, spread: Float32Array) => (dimension: number) => number} */
  const gaussianSampler = (middle, spread) => (i) => middle[i] + spread[i] * randomNormal();

  function samplePrior() {
    if (!state.prior) return setCode(() => randomNormal());
    const drawn = state.prior[Math.floor(Math.random() * state.prior.length)];
    return setCode((i) => drawn[i]);
  }

  /** @param {string} name */
  function startFrom(name) {
    start = state.starts.find((each) => each.name === name) ?? state.starts[0];
    setCode((i) => start.code[i]);
    $('.draw', HTMLButtonElement).disabled = !start.cloud;
    $('.posterior').hidden = true;
  }

  function samplePosterior() {
    if (!start.cloud) return;
    $('.posterior').hidden = false;
    $('.posterior p').textContent =
      `${SAMPLES} draws from the cloud of ${start.name}: to the model all of them mean that picture.`;
    const one = gaussianSampler(start.code, start.cloud);
    const drawn = new Float32Array(model.size);
    for (const [number, canvas] of $('.samples').querySelectorAll('canvas').entries()) {
      for (let i = 0; i < drawn.length; i++) drawn[i] = one(i);
      drawImage(canvas, model.decode(drawn, state.label), model.shape);
      canvas.setAttribute('aria-label', `Draw ${number + 1} from the cloud of ${start.name}`);
    }
  }

  function buildControls() {
    // what this model has
    $('.draw').hidden = !state.starts.some((each) => each.cloud);
    $('.class').hidden = !state.classes;
    $('select').replaceChildren(
      ...(state.classes?.names ?? []).map((name, i) => createElement('option', { value: i }, name)),
    );
    $('.samples').replaceChildren(
      ...Array.from({ length: SAMPLES }, () => createElement('canvas', { class: 'image', role: 'img' })),
    );
    radioGroup(
      $('.starts'),
      state.starts.map((each) => each.name),
      start.name,
      startFrom,
    );
  }

  on($('.reset'), 'click', () => startFrom(start.name));
  on($('.prior'), 'click', samplePrior);
  on($('.class-sample'), 'click', () => {
    const label = Number($('select', HTMLSelectElement).value);
    if (state.classes) setCode(gaussianSampler(state.classes.means[label], state.classes.spreads[label]));
  });
  on($('.draw'), 'click', samplePosterior);
  on($('.copy'), 'click', () =>
    copyText(
      JSON.stringify([...code].map((value) => +value.toPrecision(7))),
      $('textarea', HTMLTextAreaElement),
      $('.note'),
    ),
  );
  root.style.setProperty('--aspect', String(model.shape[2] / model.shape[1]));
  buildControls();
  startFrom(start.name);

  return {
    /** @param {Data} data */
    update(data) {
      const before = start.code;
      state = unpack(data, model.size);
      $('.posterior').hidden = true; // drawn of what was
      start = state.starts.find((each) => each.name === start.name) ?? state.starts[0];
      if (before.some((value, i) => value !== start.code[i])) startFrom(start.name); // another picture was chosen
      screen.request();
    },
    restyle() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
      panel.close();
      for (const filled of ['.starts > div', 'select', '.samples']) $(filled).replaceChildren();
      for (const shut of ['.posterior', 'textarea']) $(shut).hidden = true;
    },
  };
}
