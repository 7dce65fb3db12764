// Interpolation between the codes of two samples, and between their values, while it is dragged or played.

import { bytesOf, unpack } from '../../net/packing.js';
import { fillTrack, frames, listeners, queryIn, reducedMotion, setPlaying } from '../../dom/dom.js';
import { NOUNS } from '../../twins/modality.js';
import { INTERPOLATIONS, lerp } from '../../twins/paths.js';
import { aspectOf, drawSample, withWords } from '../../dom/render.js';
import { afterRest, stateOf } from '../../dom/view_state.js';

/**
 * @import { Pieces, Table } from '../../net/packing.js'
 *
 * @typedef {Object} Data what ui/views/live_decoding.py sends
 * @property {string} interpolation a name among INTERPOLATIONS
 * @property {number} class_label as which codes are decoded
 * @property {Pieces} pieces `codes` and `images` of both ends
 * @property {Table} blob
 */

const START = 0.5; // how far along it is at first
const DURATION = 2500; // milliseconds from one end to the other

/** @param {Data} data */
function unpackData({ interpolation, class_label: label, pieces, blob }) {
  const { codes, images } = unpack(pieces, bytesOf(blob));
  return { interpolate: INTERPOLATIONS[interpolation], label, codes, images };
}

/** @param {import('../../index.js').ViewProps<Data>} props */
export default function interpolation({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.interpolation');
  const $ = queryIn(root);
  const button = $('.play');
  const slider = $('input[type="range"]', HTMLInputElement);
  const loop = $('.loop', HTMLInputElement);
  const code = new Float32Array(model.codeSize);
  const faded = new Float32Array(model.shape.reduce((a, b) => a * b));
  const noun = NOUNS[model.modality.kind];
  const { on, signal, stop } = listeners();
  const address = stateOf('interpolation');
  const screen = frames(frame);
  let state = unpackData(data);
  let at = START;
  let playing = false;
  let forward = true;
  let before = 0;

  /** @param {number} now */
  function frame(now) {
    // a hidden tab gets no frames, and the first frame may have begun before the button was pressed
    if (playing) advance(Math.max(0, Math.min(now - before, 100)));
    before = now;
    draw(reducedMotion.matches && playing ? Math.round(10 * at) / 10 : at);
    if (playing) screen.request();
  }

  /** @param {number} passed */
  function advance(passed) {
    at = Math.min(1, Math.max(0, at + ((forward ? 1 : -1) * passed) / DURATION));
    if (forward ? at < 1 : at > 0) return;
    if (loop.checked)
      forward = !at; // there and back, without a jump
    else play(false);
  }

  /** @param {number} share */
  function draw(share) {
    const words = updateProgress(share);
    const { interpolate, label, codes, images } = state;
    const decoded = model.decode(interpolate(codes[0], codes[1], share, code), label);
    lerp(images[0], images[1], share, faded);
    drawSample($('.codes', HTMLCanvasElement), decoded, model);
    drawSample($('.pixels', HTMLCanvasElement), faded, model);
    $('.codes').setAttribute('aria-label', withWords(`Decoded from the code ${words}`, decoded, model));
    $('.pixels').setAttribute('aria-label', withWords(`Cross-fade of the ${noun.value}s ${words}`, faded, model));
  }

  /** @param {number} share */
  function updateProgress(share) {
    // at once, for a screen reader reads it with the new value
    const whole = `${Math.round(100 * share)} %`;
    slider.value = String(100 * share);
    fillTrack(slider);
    slider.setAttribute('aria-valuetext', whole);
    $('output').textContent = whole;
    return `${whole} of the way`;
  }

  /** @param {boolean} wanted */
  function play(wanted) {
    playing = wanted;
    setPlaying(button, wanted);
    if (!wanted) return save();
    if (at >= 1 && !loop.checked) at = 0;
    forward = at < 1;
    before = performance.now();
    screen.request();
  }

  // The address says where it stands; the way there is none of its steps.
  function save() {
    address.write({ position: at === START ? null : String(+(100 * at).toFixed(1)), loop: loop.checked ? '1' : null });
  }

  /** @param {import('../../dom/view_state.js').Values} values */
  function restore(values) {
    loop.checked = values.loop === '1';
    const asked = values.position === undefined ? START : Number(values.position) / 100;
    if (Math.abs(asked - at) < 1e-3 && !playing) return;
    setPlaying(button, (playing = false));
    at = asked;
    updateProgress(at);
    screen.request();
  }

  on(button, 'click', () => play(!playing));
  on(loop, 'change', save);
  on(slider, 'input', () => {
    at = slider.valueAsNumber / 100;
    setPlaying(button, (playing = false));
    updateProgress(at);
    screen.request();
  });
  on(slider, 'change', afterRest(save, signal)); // when it is let go
  root.style.setProperty('--aspect', String(aspectOf(model)));
  nameParts($('.of-values'), slider, noun);
  setPlaying(button, false);
  address.listen(restore, signal);
  restore(address.values);
  screen.request();

  return {
    /** @param {Data} data */
    update(data) {
      state = unpackData(data);
      screen.request();
    },
    restyle() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
    },
  };
}

/** @param {HTMLElement} caption @param {HTMLElement} slider @param {NOUNS['image']} noun */
function nameParts(caption, slider, { one, value }) {
  caption.textContent = `${value[0].toUpperCase()}${value.slice(1)} interpolation (cross-fade)`;
  slider.setAttribute('aria-label', `How far from the first ${one} to the second`);
}
