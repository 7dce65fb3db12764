// The way from one picture to another, decoded while it is dragged or played.

import { floats } from '../../net/base64.js';
import { fill, finder, frames, listeners } from '../../dom/dom.js';
import { PATHS, linear } from '../../twins/paths.js';
import { paint } from '../../dom/image.js';

/**
 * @typedef {Object} Data what ui/dragged.py sends; packed numbers are strings
 * @property {string} path a name among PATHS
 * @property {number} label as which codes are decoded
 * @property {string[]} codes of both ends
 * @property {string[]} pictures
 */

const WAY = 2500; // milliseconds from one end to the other
const TRIANGLE = 'M3 1.5v13l11-6.5z';
const BARS = 'M3 2h4v12H3zM9 2h4v12H9z';
const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** @param {Data} data */
const unpack = (data) => ({
  path: PATHS[data.path],
  label: data.label,
  codes: data.codes.map(floats),
  pictures: data.pictures.map(floats),
});

/** @param {import('../../index.js').Given<Data>} given */
export default function view({ parentElement, data, model }) {
  const root = finder(parentElement)('.interpolation');
  const $ = finder(root);
  const button = $('.play');
  const slider = $('input[type="range"]', HTMLInputElement);
  const loop = $('.loop', HTMLInputElement);
  const code = new Float32Array(model.size);
  const faded = new Float32Array(model.shape.reduce((a, b) => a * b));
  const { on, stop } = listeners();
  const screen = frames(frame);
  let given = unpack(data);
  let at = 0.5;
  let playing = false;
  let forward = true;
  let before = 0;

  /** @param {number} now */
  function frame(now) {
    // a hidden tab gets no frames, and the first frame may have begun before the button was pressed
    if (playing) walk(Math.max(0, Math.min(now - before, 100)));
    before = now;
    draw(calm.matches && playing ? Math.round(10 * at) / 10 : at);
    if (playing) screen.ask();
  }

  /** @param {number} passed */
  function walk(passed) {
    at = Math.min(1, Math.max(0, at + ((forward ? 1 : -1) * passed) / WAY));
    if (forward ? at < 1 : at > 0) return;
    if (loop.checked)
      forward = !at; // there and back, without a jump
    else play(false);
  }

  /** @param {number} share */
  function draw(share) {
    const words = tell(share);
    const { path, label, codes, pictures } = given;
    paint($('.codes', HTMLCanvasElement), model.decode(path(codes[0], codes[1], share, code), label), model.shape);
    paint($('.pixels', HTMLCanvasElement), linear(pictures[0], pictures[1], share, faded), model.shape);
    $('.codes').setAttribute('aria-label', `Decoded from the code ${words}`);
    $('.pixels').setAttribute('aria-label', `Cross-fade of the pixels ${words}`);
  }

  /** @param {number} share */
  function tell(share) {
    // at once, for a screen reader reads it with the new value
    const whole = `${Math.round(100 * share)} %`;
    slider.value = String(100 * share);
    fill(slider);
    slider.setAttribute('aria-valuetext', whole);
    $('output').textContent = whole;
    return `${whole} of the way`;
  }

  /** @param {boolean} wanted */
  function play(wanted) {
    playing = wanted;
    $('.play span').textContent = wanted ? 'Pause' : 'Play';
    $('.play path', SVGElement).setAttribute('d', wanted ? BARS : TRIANGLE);
    if (!wanted) return;
    if (at >= 1 && !loop.checked) at = 0;
    forward = at < 1;
    before = performance.now();
    screen.ask();
  }

  on(button, 'click', () => play(!playing));
  on(slider, 'input', () => {
    at = slider.valueAsNumber / 100;
    play(false);
    tell(at);
    screen.ask();
  });
  root.style.setProperty('--aspect', String(model.shape[2] / model.shape[1]));
  play(false);
  screen.ask();

  return {
    /** @param {Data} data */
    update(data) {
      given = unpack(data);
      screen.ask();
    },
    dress() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
    },
  };
}
