// Denoising: a sample, its corruption, and the reconstruction, all while the corruption level is dragged.

import { CORRUPTIONS } from '../../twins/corruptions.js';
import { mse, psnr, ssim } from '../../twins/metrics.js';
import { isBounded } from '../../twins/modality.js';
import { bytesOf, unpack } from '../../net/packing.js';
import { formatNumber } from '../../dom/format.js';
import { radioGroup, fillTrack, queryIn, frames, listeners } from '../../dom/dom.js';
import { aspectOf, drawSample, withWords } from '../../dom/render.js';
import { afterRest, stateOf } from '../../dom/view_state.js';

/**
 * @import { NumberArray } from '../../net/matmul.js'
 *
 * @import { Values } from '../../dom/view_state.js'
 * @import { Sampled } from '../../dom/render.js'
 * @import { Pieces, Table } from '../../net/packing.js'
 *
 * @typedef {{ pieces: Pieces, blob: Table }} Data the piece `image`: a sample
 */

const DECIMALS = [4, 2, 3]; // of MSE, PSNR, SSIM
/** @type {Record<string, string>} */
const LEVEL_HELP = {
  none: 'As it is.',
  gaussian: 'The standard deviation of the noise, 1 being black to white.',
  masking: 'The share of pixels that become black.',
  'salt-and-pepper': 'The share of pixels that become black or white.',
  dropout: 'The share of pixels that become black; the others become brighter.',
};
/** @type {Record<string, string>} */
const STANDARDISED_HELP = {
  none: 'The values as they are.',
  gaussian: 'The standard deviation of the noise, in standard deviations of the training data.',
  masking: 'The share of values put to the mean of the training data.',
  'salt-and-pepper': 'The share of values put to 2 standard deviations below or above the mean of the training data.',
  dropout: 'The share of values put to the mean of the training data; the others move away from it.',
};

/** @param {Data} data @returns {Float32Array} */
const unpackImage = ({ pieces, blob }) => unpack(pieces, bytesOf(blob)).image;

/** @param {import('../../index.js').ViewProps<Data>} props */
export default function denoise({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.denoise');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const address = stateOf('denoise');
  const screen = frames(draw);
  let { kind, level, seed } = stateFrom(address.values);
  let clean = unpackImage(data);
  /** @type {Record<string, string>} */
  let labels = {};
  const slider = $('#corruption-level', HTMLInputElement);
  const again = $('.resample', HTMLButtonElement);
  const noisy = new Float32Array(clean.length);
  const isImage = model.modality.kind === 'image';

  function draw() {
    CORRUPTIONS[kind](clean, model.modality, slider.valueAsNumber, seed, noisy);
    const label = model.inferLabel(noisy);
    const reconstruction = model.decode(model.encode(noisy, label), label);
    for (const [name, sample] of Object.entries({ clean, noisy, reconstruction })) {
      const canvas = $(`.${name}`, HTMLCanvasElement);
      drawSample(canvas, sample, model);
      canvas.setAttribute('aria-label', withWords(labels[name], sample, model));
    }
    fillTable(
      root.querySelectorAll('tbody tr'),
      [noisy, reconstruction].map((sample) => scores(clean, sample, model)),
    );
  }

  function updateControls() {
    const level = formatNumber(slider.valueAsNumber);
    const how = kind === 'none' ? 'no noise' : `${kind} noise, level ${level}`;
    fillTrack(slider);
    slider.disabled = again.disabled = kind === 'none';
    $('output').textContent = level;
    $('#meaning').textContent = (isBounded(model.modality) ? LEVEL_HELP : STANDARDISED_HELP)[kind];
    labels = { clean: 'Original', noisy: `Corrupted input: ${how}`, reconstruction: `Reconstruction: ${how}` };
    screen.request();
  }

  // The address holds the choice, so that a link shows the same and Back undoes it.
  function save() {
    const { kind: first, level, seed: firstSeed } = stateFrom({});
    address.write({
      corruption: kind === first ? null : kind,
      'corruption-level': slider.valueAsNumber === level ? null : slider.value,
      seed: seed === firstSeed ? null : String(seed),
    });
  }

  /** @param {Values} values */
  function restore(values) {
    ({ kind, level, seed } = stateFrom(values));
    slider.value = String(level);
    radioGroup($('.kinds'), Object.keys(CORRUPTIONS), kind, (name) => {
      kind = name;
      updateControls();
      save();
    });
    updateControls();
  }

  on(slider, 'input', updateControls);
  on(slider, 'change', afterRest(save, signal)); // when it is let go
  on(again, 'click', () => {
    seed = (seed + 1) % 10000;
    updateControls();
    save();
  });
  root.style.setProperty('--aspect', String(aspectOf(model)));
  // PSNR and SSIM are of images in [0, 1]
  for (const cell of root.querySelectorAll('tr > :nth-child(n + 3)')) cell.toggleAttribute('hidden', !isImage);
  address.listen(restore, signal);
  restore(address.values);

  return {
    /** @param {Data} data */
    update(data) {
      clean = unpackImage(data);
      screen.request();
    },
    restyle() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
      $('.kinds div').replaceChildren();
    },
  };
}

/** @param {NumberArray} clean @param {NumberArray} sample @param {Sampled} of @returns {(number | null)[]} */
function scores(clean, sample, { shape, modality }) {
  if (modality.kind !== 'image') return [mse(clean, sample), null, null];
  return [mse(clean, sample), psnr(clean, sample), ssim(clean, sample, shape)];
}

// Two rows of scores, the better of each column in bold.
/** @param {NodeListOf<Element>} rows @param {(number | null)[][]} scores */
function fillTable(rows, scores) {
  rows.forEach((row, i) =>
    row.querySelectorAll('td').forEach((cell, column) => {
      const [own, other] = [scores[i][column], scores[1 - i][column]];
      cell.textContent = own === null ? '–' : Number.isFinite(own) ? formatNumber(own, DECIMALS[column]) : '∞';
      if (own === null || other === null) cell.classList.remove('better');
      else cell.classList.toggle('better', column ? own > other : own < other); // the first is an error: less is better
    }),
  );
}

// What the address says, or what is there at first.
/** @param {Values} values */
function stateFrom({ corruption, 'corruption-level': level = '0.3', seed = '0' }) {
  const kind = corruption !== undefined && Object.hasOwn(CORRUPTIONS, corruption) ? corruption : 'gaussian';
  return { kind, level: Number(level), seed: Number(seed) };
}
