// Interpolation between the codes of two images, and between their pixels, while it is dragged or played.

import { floats } from '../../net/base64.js';
import { fillTrack, frames, listeners, queryIn, reducedMotion, setPlaying } from '../../dom/dom.js';
import { PATHS, linear } from '../../twins/paths.js';
import { drawImage } from '../../dom/image.js';

/**
 * @typedef {Object} Data what ui/views/live_decoding.py sends; packed numbers are strings
 * @property {string} path a name among PATHS
 * @property {number} label as which codes are decoded
 * @property {string[]} codes of both ends
 * @property {string[]} pictures
 */

const DURATION = 2500; // milliseconds from one end to the other

/** @param {Data} data */
const unpack = (data) => ({
  path: PATHS[data.path],
  label: data.label,
  codes: data.codes.map(floats),
  pictures: data.pictures.map(floats),
});

/** @param {import('../../index.js').ViewProps<Data>} props */
export default function interpolation({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.interpolation');
  const $ = queryIn(root);
  const button = $('.play');
  const slider = $('input[type="range"]', HTMLInputElement);
  const loop = $('.loop', HTMLInputElement);
  const code = new Float32Array(model.size);
  const faded = new Float32Array(model.shape.reduce((a, b) => a * b));
  const { on, stop } = listeners();
  const screen = frames(frame);
  let state = unpack(data);
  let at = 0.5;
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
    const { path, label, codes, pictures } = state;
    drawImage($('.codes', HTMLCanvasElement), model.decode(path(codes[0], codes[1], share, code), label), model.shape);
    drawImage($('.pixels', HTMLCanvasElement), linear(pictures[0], pictures[1], share, faded), model.shape);
    $('.codes').setAttribute('aria-label', `Decoded from the code ${words}`);
    $('.pixels').setAttribute('aria-label', `Cross-fade of the pixels ${words}`);
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
    if (!wanted) return;
    if (at >= 1 && !loop.checked) at = 0;
    forward = at < 1;
    before = performance.now();
    screen.request();
  }

  on(button, 'click', () => play(!playing));
  on(slider, 'input', () => {
    at = slider.valueAsNumber / 100;
    play(false);
    updateProgress(at);
    screen.request();
  });
  root.style.setProperty('--aspect', String(model.shape[2] / model.shape[1]));
  play(false);
  screen.request();

  return {
    /** @param {Data} data */
    update(data) {
      state = unpack(data);
      screen.request();
    },
    restyle() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
    },
  };
}
