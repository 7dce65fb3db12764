// The time machine: every snapshot of a training is here at once, so a slider moves four panels without asking anybody.

import { drawLosses, heightOfLosses } from './losses.js';
import { drawMap } from './map.js';
import { drawManifold, drawPairs, heightOfPairs } from './images.js';
import { finder } from '../../dom/dom.js';

/**
 * @import { Component, Table } from '../../index.js'
 * @import { Look } from '../../dom/theme.js'
 * @import { Area, Range } from '../../map/viewport.js'
 *
 * @typedef {{ key: string, head: Head, blob: Table }} Data what ui/replay.py sends
 * @typedef {Record<'train' | 'validation', (number | null)[]>} Curves a number for each epoch of the losses
 *
 * @typedef {Object} Head what aecore/replay.py says of its pieces
 * @property {number[]} epochs of the snapshots
 * @property {string[]} names of the axes; the second is empty on a line
 * @property {Area} span of the map
 * @property {(number[] | null)[]} areas of the manifolds: left, right, bottom and top, in shares of the map
 * @property {number} count of points
 * @property {string[]} classes
 * @property {number[]} shape of the pairs: how many, channels, height, width
 * @property {{ epochs: number[], parts: Record<string, Curves> }} losses
 * @property {Pieces} pieces where each begins and how long it is; bytes
 *
 * @typedef {Object} Pieces
 * @property {Range} points
 * @property {Range} labels
 * @property {Range} originals
 * @property {Range[]} manifolds
 * @property {Range[]} reconstructions
 *
 * @typedef {Object} Decoded the pictures that are here so far
 * @property {ImageBitmap | null} originals
 * @property {ImageBitmap[]} manifolds
 * @property {ImageBitmap[]} reconstructions
 *
 * @typedef {Head & Decoded & { points: Uint16Array, labels: Uint8Array, close: () => void }} Film
 */

const WHOLE = 6000; // milliseconds for playing it all
const EACH = 500; // milliseconds, at most, for one step
const TRIANGLE = 'M3 1.5v13l11-6.5z';
const BARS = 'M3 2h4v12H3zM9 2h4v12H9z';
/** @type {('manifolds' | 'reconstructions')[]} */
const KINDS = ['manifolds', 'reconstructions'];
const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** @param {Component<Data>} component */
export default function replay({ parentElement, data }) {
  const root = finder(parentElement)('.replay');
  let player = mount(root, data);
  return {
    /** @param {Data} given */
    update(given) {
      if (given.key === data.key) return;
      data = given;
      player.close();
      player = mount(root, data);
    },
    dress: () => player.dress(),
    close: () => player.close(),
  };
}

/** @param {HTMLElement} root @param {Data} data */
function mount(root, { head, blob }) {
  const $ = finder(root);
  const button = $('.play', HTMLButtonElement);
  const slider = $('.bar input', HTMLInputElement);
  const when = $('.when');
  const film = unpack(head, blob.getChild('blob').get(0), () => ask());
  const last = head.epochs.length - 1;
  let at = last; // between two snapshots while it plays
  let playing = false;
  let before = 0;
  let asked = 0;
  /** @type {Look} */
  let look;

  const ask = () => {
    asked ||= requestAnimationFrame(frame);
  };

  /** @param {number} now */
  function frame(now) {
    asked = 0;
    if (playing) {
      // a hidden tab gets no frames, and the first frame may have begun before the button was pressed
      const passed = Math.max(0, Math.min(now - before, 100));
      before = now;
      at = Math.min(last, at + passed / Math.min(EACH, WHOLE / last));
      if (at >= last) play(false);
      else ask();
    }
    draw();
  }

  /** @param {number} step */
  function tell(step) {
    // at once, for a screen reader reads it with the new value
    const words = `after ${head.epochs[step]} of ${head.epochs[last]} epochs`;
    if (when.textContent !== words) {
      slider.value = String(step);
      slider.style.setProperty('--done', `${(100 * step) / (last || 1)}%`);
      slider.setAttribute('aria-valuetext', words);
      when.textContent = words;
    }
    return words;
  }

  function draw() {
    const step = Math.floor(at);
    const between = calm.matches ? 0 : at - step;
    const words = tell(step);
    drawMap($('.map', HTMLCanvasElement), look, film, step, between, words);
    drawManifold($('.manifold', HTMLCanvasElement), film, step, words);
    drawPairs($('.pairs', HTMLCanvasElement), film, step, words);
    drawLosses($('.losses', HTMLCanvasElement), look, film, step, between, words);
  }

  /** @param {boolean} on */
  function play(on) {
    playing = on;
    $('.play span').textContent = on ? 'Pause' : 'Play';
    $('.play path', SVGElement).setAttribute('d', on ? BARS : TRIANGLE);
    before = performance.now();
    if (on && at >= last) at = 0;
    tell(Math.floor(at));
    ask();
  }

  function dress() {
    const style = getComputedStyle(root);
    /** @param {string} name */
    const named = (name) => style.getPropertyValue(`--st-${name}`).trim();
    look = {
      text: named('text-color'),
      line: named('border-color'),
      accent: named('primary-color'),
      ground: named('background-color'),
      font: named('font'),
      classes: named('chart-categorical-colors').split(','),
    };
    $('.legend').replaceChildren(
      ...head.classes.map((name, at) => {
        const item = document.createElement('li');
        const mark = document.createElement('i');
        mark.style.background = look.classes[at];
        item.append(mark, name);
        return item;
      }),
    );
    ask();
  }

  function press() {
    play(!playing);
  }
  function move() {
    at = slider.valueAsNumber;
    tell(at);
    if (playing) play(false);
    ask();
  }
  function fit() {
    for (const name of ['.map', '.manifold']) $(name).style.height = `${$(name).clientWidth}px`;
    $('.pairs').style.height = `${heightOfPairs(film, $('.pairs').clientWidth)}px`;
    $('.losses').style.height = `${heightOfLosses(film)}px`;
    ask();
  }

  slider.max = String(last);
  slider.value = String(last);
  slider.disabled = button.disabled = !last;
  button.addEventListener('click', press);
  slider.addEventListener('input', move);
  const sizes = new ResizeObserver(fit);
  sizes.observe($('.panels'));
  play(false);
  fit();

  function close() {
    cancelAnimationFrame(asked);
    asked = -1; // nothing is drawn any more
    sizes.disconnect();
    button.removeEventListener('click', press);
    slider.removeEventListener('input', move);
    film.close();
  }
  return { dress, close };
}

// What Python packed (aecore/replay.py): numbers at once, pictures as soon as the browser has decoded them.
/** @param {Head} head @param {Uint8Array<ArrayBuffer>} bytes @param {() => void} ready */
function unpack(head, bytes, ready) {
  /** @param {Range} place */
  const piece = ([start, length]) => bytes.slice(start, start + length); // a copy: typed arrays need it aligned
  let closed = false;
  /** @type {Film} */
  const film = {
    ...head,
    points: new Uint16Array(piece(head.pieces.points).buffer), // [snapshots, count, 2], 0..65535
    labels: piece(head.pieces.labels),
    originals: null,
    manifolds: [],
    reconstructions: [],
    close() {
      closed = true;
      for (const bitmap of [film.originals, ...film.manifolds, ...film.reconstructions]) bitmap?.close();
    },
  };
  /** @param {Range} place @param {(bitmap: ImageBitmap) => void} keep */
  const decode = (place, keep) =>
    createImageBitmap(new Blob([piece(place)])).then((bitmap) => {
      if (closed) {
        bitmap.close();
        return;
      }
      keep(bitmap);
      ready();
    });
  decode(head.pieces.originals, (bitmap) => {
    film.originals = bitmap;
  });
  for (let at = head.epochs.length - 1; at >= 0; at--) {
    // the last one is shown first
    for (const kind of KINDS) {
      decode(head.pieces[kind][at], (bitmap) => {
        film[kind][at] = bitmap;
      });
    }
  }
  return film;
}
