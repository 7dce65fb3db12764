// The time machine: every snapshot of a training is here at once, so a slider moves four panels without asking anybody.

import { drawLosses, lossesHeight } from './losses.js';
import { drawMap } from './map.js';
import { drawManifold, drawPairs, pairsHeight } from './images.js';
import { frames, listeners, queryIn, reducedMotion, setPlaying } from '../../dom/dom.js';
import { readTheme, fillLegend } from '../../dom/theme.js';
import { afterRest, stateOf } from '../../dom/view_state.js';
import { bytesOf } from '../../net/packing.js';
import { unpack } from './recording.js';

/**
 * @import { ComponentProps } from '../../index.js'
 * @import { Table } from '../../net/packing.js'
 * @import { Theme } from '../../dom/theme.js'
 * @import { Head } from './recording.js'
 *
 * @typedef {import('../../twins/modality.js').Modality['kind']} Kind of the samples
 * @typedef {{ key: string, kind: Kind, head: Head, blob: Table }} Data what ui/views/replay.py sends
 */

const PLAY_TIME = 6000; // milliseconds for playing it all
const MAX_STEP_TIME = 500; // milliseconds, at most, for one step

/** @param {ComponentProps<Data>} props */
export default function replay({ parentElement, data }) {
  const root = queryIn(parentElement)('.replay');
  let player = createPlayer(root, data);
  return {
    /** @param {Data} next */
    update(next) {
      if (next.key === data.key) return;
      data = next;
      player.close();
      player = createPlayer(root, data);
    },
    restyle: () => player.restyle(),
    close: () => player.close(),
  };
}

/** @param {HTMLElement} root @param {Data} data */
function createPlayer(root, { kind, head, blob }) {
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const address = stateOf('replay');
  const button = $('.play', HTMLButtonElement);
  const slider = $('.bar input', HTMLInputElement);
  const when = $('.when');
  const recording = unpack(head, bytesOf(blob), kind, () => screen.request());
  const last = head.epochs.length - 1;
  let at = last; // between two snapshots while it plays
  let playing = false;
  let before = 0;
  /** @type {Theme} */
  let theme;

  const screen = frames(frame);

  /** @param {number} now */
  function frame(now) {
    if (playing) {
      // a hidden tab gets no frames, and the first frame may have begun before the button was pressed
      const passed = Math.max(0, Math.min(now - before, 100));
      before = now;
      at = Math.min(last, at + passed / Math.min(MAX_STEP_TIME, PLAY_TIME / last));
      if (at >= last) play(false);
      else screen.request();
    }
    draw();
  }

  /** @param {number} step */
  function updateTime(step) {
    // at once, for a screen reader reads it with the new value
    const text = `after ${head.epochs[step]} of ${head.epochs[last]} epochs`;
    if (when.textContent !== text) {
      slider.value = String(step);
      slider.style.setProperty('--done', `${(100 * step) / (last || 1)}%`);
      slider.setAttribute('aria-valuetext', text);
      when.textContent = text;
    }
    return text;
  }

  function draw() {
    const step = Math.floor(at);
    const between = reducedMotion.matches ? 0 : at - step;
    const text = updateTime(step);
    drawMap($('.map', HTMLCanvasElement), theme, recording, step, between, text);
    drawManifold($('.manifold', HTMLCanvasElement), recording, step, text);
    drawPairs($('.pairs', HTMLCanvasElement), recording, step, text);
    drawLosses($('.losses', HTMLCanvasElement), theme, recording, step, between, text);
  }

  /** @param {boolean} wanted */
  function play(wanted) {
    playing = wanted;
    setPlaying(button, wanted);
    before = performance.now();
    if (wanted && at >= last) at = 0;
    if (!wanted) save();
    updateTime(Math.floor(at));
    screen.request();
  }

  // The address says after which epoch it stands; the last one, where it begins, is not said.
  function save() {
    at = Math.floor(at);
    address.write({ epoch: at === last ? null : String(head.epochs[at]) });
  }

  // To the snapshot nearest to the epoch that the address names.
  /** @param {import('../../dom/view_state.js').Values} values */
  function restore({ epoch }) {
    const far = head.epochs.map((each) => Math.abs(each - Number(epoch)));
    const step = epoch === undefined ? last : far.indexOf(Math.min(...far));
    if (step === at && !playing) return;
    at = step;
    setPlaying(button, (playing = false));
    updateTime(at);
    screen.request();
  }

  function restyle() {
    theme = readTheme(root);
    fillLegend($('.legend'), head.class_names, theme);
    screen.request();
  }

  function onInput() {
    at = slider.valueAsNumber;
    updateTime(at);
    setPlaying(button, (playing = false));
    screen.request();
  }
  function resize() {
    for (const name of ['.map', '.manifold']) $(name).style.height = `${$(name).clientWidth}px`;
    $('.pairs').style.height = `${pairsHeight(recording, $('.pairs').clientWidth)}px`;
    $('.losses').style.height = `${lossesHeight(recording)}px`;
    screen.request();
  }

  function connect() {
    $('.codes-title').textContent = `Codes of test ${recording.noun.many}`;
    $('.loss-title').textContent = `Loss (nats per ${recording.noun.one})`;
    slider.max = String(last);
    slider.value = String(last);
    slider.disabled = button.disabled = !last;
    on(button, 'click', () => play(!playing));
    on(slider, 'input', onInput);
    on(slider, 'change', afterRest(save, signal)); // when it is let go
    const sizes = new ResizeObserver(resize);
    sizes.observe($('.panels'));
    return sizes;
  }

  const sizes = connect();
  setPlaying(button, false);
  updateTime(last);
  address.listen(restore, signal);
  restore(address.values);
  resize();

  function close() {
    screen.stop();
    sizes.disconnect();
    stop();
    recording.close();
  }
  return { restyle, close };
}
