// Denoising: an image, its corruption, and the reconstruction, all while the corruption level is dragged.

import { CORRUPTIONS } from '../../twins/corruptions.js';
import { mse, psnr, ssim } from '../../twins/metrics.js';
import { bytesOf, unpack } from '../../net/packing.js';
import { formatNumber } from '../../dom/format.js';
import { radioGroup, fillTrack, queryIn, frames, listeners } from '../../dom/dom.js';
import { drawImage } from '../../dom/image.js';

/**
 * @import { NumberArray } from '../../net/matmul.js'
 *
 * @import { Pieces, Table } from '../../net/packing.js'
 *
 * @typedef {{ pieces: Pieces, blob: Table }} Data the piece `image` [C, H, W]
 */

const DECIMALS = [4, 2, 3]; // of MSE, PSNR, SSIM
/** @type {Record<string, string>} */
const LEVEL_HELP = {
  none: 'The image as it is.',
  gaussian: 'The standard deviation of the noise, 1 being black to white.',
  masking: 'The share of pixels that become black.',
  'salt-and-pepper': 'The share of pixels that become black or white.',
  dropout: 'The share of pixels that become black; the others become brighter.',
};

/** @param {Data} data @returns {Float32Array} */
const unpackImage = ({ pieces, blob }) => unpack(pieces, bytesOf(blob)).image;

/** @param {import('../../index.js').ViewProps<Data>} props */
export default function denoise({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.denoise');
  const $ = queryIn(root);
  const { on, stop } = listeners();
  const screen = frames(draw);
  const asked = readUrl();
  let { kind, seed } = asked;
  let clean = unpackImage(data);
  const slider = $('#corruption-level', HTMLInputElement);
  const again = $('.resample', HTMLButtonElement);
  const noisy = new Float32Array(clean.length);

  function draw() {
    CORRUPTIONS[kind](clean, model.shape, slider.valueAsNumber, seed, noisy);
    const label = model.inferLabel(noisy);
    const reconstruction = model.decode(model.encode(noisy, label), label);
    const images = { clean, noisy, reconstruction };
    for (const [name, image] of Object.entries(images)) drawImage($(`.${name}`, HTMLCanvasElement), image, model.shape);
    fillTable(
      root.querySelectorAll('tbody tr'),
      [noisy, reconstruction].map((image) => scores(clean, image, model.shape)),
    );
  }

  function updateControls() {
    const level = formatNumber(slider.valueAsNumber);
    const how = kind === 'none' ? 'no noise' : `${kind} noise, level ${level}`;
    fillTrack(slider);
    slider.disabled = again.disabled = kind === 'none';
    $('output').textContent = level;
    $('#meaning').textContent = LEVEL_HELP[kind];
    $('.clean').setAttribute('aria-label', 'Original');
    $('.noisy').setAttribute('aria-label', `Corrupted input: ${how}`);
    $('.reconstruction').setAttribute('aria-label', `Reconstruction: ${how}`);
    screen.request();
  }

  const saveToUrl = () => writeUrl({ corruption: kind, 'corruption-level': slider.value, seed });
  slider.value = String(asked.level);
  radioGroup($('.kinds'), Object.keys(CORRUPTIONS), kind, (name) => {
    kind = name;
    updateControls();
    saveToUrl();
  });
  on(slider, 'input', updateControls);
  on(slider, 'change', saveToUrl); // when it is let go
  on(again, 'click', () => {
    seed = (seed + 1) % 10000;
    updateControls();
    saveToUrl();
  });
  root.style.setProperty('--aspect', String(model.shape[2] / model.shape[1]));
  updateControls();

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

/** @param {NumberArray} clean @param {NumberArray} image @param {number[]} shape @returns {(number | null)[]} */
function scores(clean, image, shape) {
  return [mse(clean, image), psnr(clean, image), ssim(clean, image, shape)];
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

// The address holds the choice, so that a link shows the same; nobody is asked for that.
function readUrl() {
  const asked = new URLSearchParams(location.search);
  const kind = asked.get('corruption');
  /** @param {string} name @param {number} fallback @param {number} max */
  const number = (name, fallback, max) => Math.min(max, Math.max(0, Number(asked.get(name) ?? fallback) || 0));
  return {
    kind: kind !== null && Object.hasOwn(CORRUPTIONS, kind) ? kind : 'gaussian',
    level: number('corruption-level', 0.3, 1),
    seed: Math.floor(number('seed', 0, 9999)),
  };
}

/** @param {Record<string, string | number>} chosen */
function writeUrl(chosen) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(chosen)) address.searchParams.set(name, String(value));
  history.replaceState(history.state, '', address);
}
