// Latent sliders: one for each dimension of a code, and the sample that it decodes to while they are dragged.

import { copyText } from '../../dom/clipboard.js';
import { NOUNS } from '../../twins/modality.js';
import { randomSeed, normal } from '../../twins/rng.js';
import { codeSliders } from './code_sliders.js';
import { bytesOf, rows, unpack } from '../../net/packing.js';
import { radioGroup, createElement, queryIn, frames, listeners } from '../../dom/dom.js';
import { cellList } from '../../dom/cell_list.js';
import { aspectOf, drawSample, withWords } from '../../dom/render.js';
import { afterRest, stateOf } from '../../dom/view_state.js';
import { changesOf, applyChanges } from './code_text.js';

/**
 * @import { ViewProps } from '../../index.js'
 * @import { Pieces, Table } from '../../net/packing.js'
 *
 * @typedef {Object} Data what ui/views/live_decoding.py sends
 * @property {number} class_label as which codes are decoded
 * @property {number[]} order in which the dimensions stand
 * @property {string[]} starts names of codes to start from
 * @property {string[] | null} class_names null where codes need not tell the class
 * @property {Pieces} pieces `codes` and `posterior_stds` of the starts, `ranges` and `kl` of the dimensions,
 *   `prior_samples` [N, D] of a prior that the browser cannot sample from, `class_means` and `class_stds` [classes, D]
 * @property {Table} blob
 */

const SAMPLES = 8; // of the posterior

/** @param {Data} data @param {number} size */
function unpackData({ class_label: label, order, starts, class_names: classNames, pieces, blob }, size) {
  const arrays = unpack(pieces, bytesOf(blob));
  return {
    label,
    order,
    ranges: arrays.ranges,
    kl: arrays.kl,
    starts: starts.map((name, i) => {
      /** @type {{ name: string, code: Float32Array, std: Float32Array | null }} */
      const start = { name, code: arrays.codes[i], std: arrays.posterior_stds[i] };
      return start;
    }),
    priorSamples: arrays.prior_samples && rows(arrays.prior_samples, size),
    classes: classNames && {
      names: classNames,
      means: rows(arrays.class_means, size),
      stds: rows(arrays.class_stds, size),
    },
  };
}

/** @param {ViewProps<Data>} props */
export default function sliders({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.sliders');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const address = stateOf('sliders');
  const screen = frames(draw);
  const randomNormal = normal(randomSeed());
  const noun = NOUNS[model.modality.kind];
  const showCells = cellList($('.cells'), model.modality);
  let state = unpackData(data, model.codeSize);
  let start = state.starts[0];
  const code = start.code.slice();
  const panel = codeSliders($('.dimensions'), { ...state, noun }, code, screen.request, afterRest(save, signal));

  function draw() {
    const decoded = model.decode(code, state.label);
    drawSample($('.decoded', HTMLCanvasElement), decoded, model);
    showCells(decoded);
    const first = [...code.subarray(0, 8)].map((value) => value.toFixed(2)).join(', ');
    const label = `Decoded from the code ${first}${code.length > 8 ? ', ...' : ''}`;
    $('.decoded').setAttribute('aria-label', withWords(label, decoded, model));
  }

  // Every number that is not locked is put where `value(i)` says.
  /** @param {(dimension: number) => number} value */
  function setCode(value) {
    panel.setValues(value);
    screen.request();
  }

  // The address says which code it began with, and each number that is another; they become what it says.
  function save() {
    const z = changesOf(code, start.code);
    applyChanges(code, start.code, z);
    const first = start === state.starts[0];
    address.write({ start: first ? null : String(state.starts.indexOf(start)), z });
    panel.refresh();
    screen.request();
  }

  /** @param {import('../../dom/view_state.js').Values} values */
  function restore(values) {
    start = state.starts[Number(values.start ?? 0)] ?? state.starts[0];
    applyChanges(code, start.code, values.z);
    panel.refresh();
    updateStart();
    screen.request();
  }

  // One draw of a diagonal Gaussian.
  /** @type {(mean: Float32Array, std: Float32Array) => (dimension: number) => number} */
  const gaussianSampler = (mean, std) => (i) => mean[i] + std[i] * randomNormal();

  function samplePrior() {
    if (!state.priorSamples) return setCode(() => randomNormal());
    const drawn = state.priorSamples[Math.floor(Math.random() * state.priorSamples.length)];
    return setCode((i) => drawn[i]);
  }

  /** @param {string} name */
  function startFrom(name) {
    start = state.starts.find((each) => each.name === name) ?? state.starts[0];
    setCode((i) => start.code[i]);
    updateStart();
    save();
  }

  function updateStart() {
    for (const radio of root.querySelectorAll('input')) if (radio.value === start.name) radio.checked = true;
    $('.draw', HTMLButtonElement).disabled = !start.std;
    $('.posterior').hidden = true;
  }

  function samplePosterior() {
    if (!start.std) return;
    $('.posterior').hidden = false;
    $('.posterior p').textContent =
      `${SAMPLES} samples from the posterior q(z|x) of ${start.name}: to the model all of them mean that ${noun.one}.`;
    const one = gaussianSampler(start.code, start.std);
    const drawn = new Float32Array(model.codeSize);
    for (const [number, canvas] of $('.samples').querySelectorAll('canvas').entries()) {
      for (let i = 0; i < drawn.length; i++) drawn[i] = one(i);
      const decoded = model.decode(drawn, state.label);
      drawSample(canvas, decoded, model);
      const label = `Sample ${number + 1} from the posterior of ${start.name}`;
      canvas.setAttribute('aria-label', withWords(label, decoded, model));
    }
  }

  function buildControls() {
    // what this model has
    $('.prior').title = `A code drawn from the prior: where new ${noun.many} come from`;
    $('.draw').hidden = !state.starts.some((each) => each.std);
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

  function connect() {
    on($('.reset'), 'click', () => startFrom(start.name));
    on($('.prior'), 'click', () => {
      samplePrior();
      save();
    });
    on($('.class-sample'), 'click', () => {
      const label = Number($('select', HTMLSelectElement).value);
      if (state.classes) setCode(gaussianSampler(state.classes.means[label], state.classes.stds[label]));
      save();
    });
    on($('.draw'), 'click', samplePosterior);
    on($('.copy'), 'click', () =>
      copyText(
        JSON.stringify([...code].map((value) => +value.toPrecision(7))),
        $('textarea', HTMLTextAreaElement),
        $('.note'),
      ),
    );
  }

  root.style.setProperty('--aspect', String(aspectOf(model)));
  connect();
  buildControls();
  address.listen(restore, signal);
  restore(address.values);

  return {
    /** @param {Data} data */
    update(data) {
      state = unpackData(data, model.codeSize); // another sample was chosen
      restore(address.values);
    },
    restyle() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
      panel.close();
      for (const filled of ['.starts > div', 'select', '.samples', '.cells']) $(filled).replaceChildren();
      for (const shut of ['.posterior', 'textarea']) $(shut).hidden = true;
    },
  };
}
