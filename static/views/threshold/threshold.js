// The threshold of an anomaly score: a line over the scores of normal and odd samples, and what it is worth while it is
// dragged. Nothing goes to the page before it is let go.

import { confusion, countAbove, falseAlarmRate, precision, precisionAt, recall } from '../../twins/anomaly.js';
import { bytesOf, unpack } from '../../net/packing.js';
import { setLabel } from '../../dom/canvas.js';
import { announcer, frames, listeners, listenUntil, queryIn } from '../../dom/dom.js';
import { readTheme } from '../../dom/theme.js';
import { afterRest, stateOf } from '../../dom/view_state.js';
import { curvesOf, drawCurves, drawPoints } from './curves.js';
import { amount, percent } from './figures.js';
import { drawHistogram, drawThreshold } from './histogram.js';
import { bentScale, evenScale, isSkewed } from './scale.js';
import { calculator, showDay } from './use.js';

/**
 * @import { Scores, Use } from '../../twins/anomaly.js'
 * @import { ComponentProps } from '../../index.js'
 * @import { Pieces, Table } from '../../net/packing.js'
 * @import { Values } from '../../dom/view_state.js'
 * @import { Groups } from './histogram.js'
 * @import { Scale } from './scale.js'
 *
 * @typedef {Object} Data what ui/views/anomalies/threshold.py sends
 * @property {Pieces} pieces `calibration`, `normal` and `odd`: scores, rising; `..._ranks`: see twins/anomaly.js
 * @property {Table} blob
 * @property {Record<keyof Groups, number>} counts of all scores
 * @property {string} score its title
 * @property {number | null} cut of the rule; null where it never alarms, or always
 * @property {boolean} always
 * @property {string} promise what may be expected of that
 * @property {string} by_hand what is to be said of another
 * @property {Use} use as at first
 */

const STEP = 0.005; // of the width, that an arrow key moves the line
const LEAP = 10; // times as far, with Shift
const DIGITS = 6; // of a threshold that is set by hand
/** @type {Record<string, number>} */
const MOVES = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -LEAP, PageUp: LEAP };

/** @param {Data} data */
function read(data) {
  const arrays = unpack(data.pieces, bytesOf(data.blob));
  /** @param {keyof Groups} name @returns {Scores} */
  const group = (name) => ({ values: arrays[name], ranks: arrays[`${name}_ranks`], count: data.counts[name] });
  /** @type {Groups} */
  const groups = { calibration: group('calibration'), normal: group('normal'), odd: group('odd') };
  const all = Object.values(groups);
  return {
    data,
    groups,
    ruleCut: data.cut ?? (data.always ? -Infinity : Infinity),
    skewed: isSkewed(groups.calibration, all),
    even: evenScale(all),
    bent: bentScale(groups.calibration, all),
  };
}

class Threshold {
  /** @param {HTMLElement} root @param {Data} data */
  constructor(root, data) {
    this.root = root;
    this.$ = queryIn(root);
    this.line = this.$('.line', HTMLInputElement);
    this.field = this.$('#cut', HTMLInputElement);
    this.bent = this.$('#bent', HTMLInputElement);
    this.theme = readTheme(root);
    const { signal, stop } = listeners();
    this.stop = stop;
    this.address = stateOf('threshold');
    this.speaker = announcer(this.$('.live-region'));
    this.screen = frames((_, layers) => this.#draw(layers));
    this.sizes = new ResizeObserver(() => this.screen.request('scores', 'curves'));
    this.use = calculator(root, data.use, signal, {
      onInput: () => this.screen.request('curves'),
      onChange: (changes) => this.address.write(changes),
    });
    this.save = afterRest(() => this.#save(), signal);
    this.state = read(data);
    this.cut = this.state.ruleCut;
    this.byHand = false;
    this.#connect(signal);
    this.address.listen((values) => this.#restore(values), signal);
    this.#restore(this.address.values);
    for (const canvas of root.querySelectorAll('canvas')) this.sizes.observe(canvas);
  }

  /** @param {AbortSignal} signal */
  #connect(signal) {
    const on = listenUntil(signal);
    on(this.line, 'input', () => this.#set(this.scale.toValue(this.line.valueAsNumber)));
    on(this.line, 'change', this.save);
    on(this.line, 'keydown', (event) => this.#press(event));
    on(this.field, 'input', () => {
      if (Number.isFinite(this.field.valueAsNumber)) this.#set(this.field.valueAsNumber, this.field);
    });
    on(this.field, 'change', this.save);
    on(this.$('.rule'), 'click', () => {
      this.address.write({ cut: null });
      this.#restore(this.address.values);
    });
    on(this.bent, 'change', () => {
      this.address.write({ tails: this.bent.checked ? null : 'even' });
      this.screen.request('scores');
      this.#place();
    });
  }

  // Where scores lie: with logarithmic tails where they reach far, unless somebody does not want that.
  /** @returns {Scale} */
  get scale() {
    return this.state.skewed && this.bent.checked ? this.state.bent : this.state.even;
  }

  /** @param {Values} values */
  #restore(values) {
    this.bent.checked = values.tails !== 'even';
    this.use.restore(values);
    this.cut = 'cut' in values ? Number(values.cut) : this.state.ruleCut;
    this.byHand = 'cut' in values;
    this.#place();
    this.screen.request('scores', 'curves');
  }

  // The threshold is set by hand. `typed` is the field that says so, which is left as it is.
  /** @param {number} cut @param {HTMLInputElement} [typed] */
  #set(cut, typed) {
    this.cut = +cut.toPrecision(DIGITS);
    this.byHand = true;
    this.#place(typed);
    this.screen.request();
    this.speaker.announce(() => this.#words());
  }

  // Line and field stand where the threshold is.
  /** @param {HTMLInputElement} [typed] */
  #place(typed) {
    const share = Math.min(1, Math.max(0, this.scale.toShare(this.cut)));
    this.line.value = String(share);
    if (typed) return;
    this.field.value = Number.isFinite(this.cut) ? String(+this.cut.toPrecision(DIGITS)) : '';
    this.field.placeholder = this.cut > 0 ? 'never' : 'always';
  }

  #save() {
    if (!this.byHand) return;
    this.address.write({ cut: String(this.cut) });
    this.#place();
  }

  /** @param {KeyboardEvent} event */
  #press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ends = { Home: 0, End: 1 }[event.key];
    const move = MOVES[event.key];
    if (ends === undefined && move === undefined) return;
    event.preventDefault();
    const now = Math.min(1, Math.max(0, this.scale.toShare(this.cut)));
    const to = ends ?? Math.min(1, Math.max(0, now + STEP * move * (event.shiftKey ? LEAP : 1)));
    this.#set(this.scale.toValue(to));
    this.save();
  }

  /** @param {Set<string>} layers */
  #draw(layers) {
    const { $, theme, state: { groups } } = this; // prettier-ignore
    if (layers.has('scores')) drawHistogram($('.scores', HTMLCanvasElement), theme, groups, this.scale);
    if (layers.has('curves')) this.#drawCurves();
    drawThreshold($('.over', HTMLCanvasElement), theme, this.scale.toShare(this.cut));
    const counts = confusion(groups.normal, groups.odd, this.cut);
    const [found, false_, right] = [recall(counts), falseAlarmRate(counts), precision(counts)];
    const own = precisionAt(this.use.use.baseRate, found, false_);
    drawPoints($('.roc .at', HTMLCanvasElement), theme, [[false_, found]]);
    drawPoints($('.pr .at', HTMLCanvasElement), theme, [
      [found, right],
      [found, own],
    ]);
    const cells = this.root.querySelectorAll('tbody td');
    [counts.truePositives, counts.falseNegatives, counts.falsePositives, counts.trueNegatives].forEach((count, i) => {
      cells[i].textContent = amount(count);
    });
    $('.recall').textContent = percent(found);
    $('.false-alarm-rate').textContent = percent(false_);
    $('.precision').textContent = percent(right);
    const { calibration } = groups;
    $('.calibrated').textContent = percent(countAbove(calibration, this.cut) / calibration.count);
    showDay(this.root, counts, this.use.use);
    this.#tell(found, false_);
  }

  #drawCurves() {
    const { $, theme, state: { groups } } = this; // prettier-ignore
    const { roc, mixed, own } = curvesOf(groups.normal, groups.odd, this.use.use.baseRate);
    const [first] = theme.classes;
    drawCurves(
      $('.roc .curve', HTMLCanvasElement),
      theme,
      ['false-alarm rate', 'recall'],
      [
        { points: [[0, 0], [1, 1]], colour: theme.text, dash: [1, 4] }, // prettier-ignore
        { points: roc, colour: first },
      ],
    );
    drawCurves(
      $('.pr .curve', HTMLCanvasElement),
      theme,
      ['recall', 'precision'],
      [
        { points: own, colour: theme.text, dash: [5, 3] },
        { points: mixed, colour: first },
      ],
    );
  }

  #words() {
    const counts = confusion(this.state.groups.normal, this.state.groups.odd, this.cut);
    return `${percent(recall(counts))} of the odd found, ${percent(falseAlarmRate(counts))} false alarms.`;
  }

  // What the drawings show, in words; and where the threshold comes from.
  /** @param {number} found @param {number} false_ */
  #tell(found, false_) {
    const { $, state: { groups, data, even } } = this; // prettier-ignore
    const cut = Number.isFinite(this.cut) ? String(+this.cut.toPrecision(DIGITS)) : this.cut > 0 ? 'never' : 'always';
    this.line.setAttribute('aria-valuetext', `${cut}: ${percent(found)} found, ${percent(false_)} false alarms`);
    setLabel(
      $('.scores'),
      `${data.score} of ${groups.calibration.count} calibration, ${groups.normal.count} normal and `
        + `${groups.odd.count} odd samples, from ${+even.low.toPrecision(3)} to ${+even.high.toPrecision(3)}; `
        + `alarms begin at ${cut}.`,
    );
    setLabel($('.roc .curve'), `ROC curve; here recall ${percent(found)} at a false-alarm rate of ${percent(false_)}.`);
    setLabel(
      $('.pr .curve'),
      `Precision-recall curves; here recall ${percent(found)} at a precision of ${$('.precision').textContent} in this `
        + `mix and ${$('.own-precision').textContent} at your base rate.`,
    );
    $('.origin').classList.toggle('hand', this.byHand);
    const origin = this.byHand ? data.by_hand : data.promise;
    if ($('.origin').textContent !== origin) $('.origin').textContent = origin;
    $('.rule', HTMLButtonElement).disabled = !this.byHand;
  }

  #fillLegend() {
    const { $, root, theme, state: { groups, skewed } } = this; // prettier-ignore
    const { normal, odd, calibration } = groups;
    root.style.setProperty('--first', theme.classes[0]);
    root.style.setProperty('--second', theme.classes[1]);
    const texts = [
      `normal, judged (${amount(normal.count)})`,
      `odd, judged (${amount(odd.count)})`,
      `normal, for calibration (${amount(calibration.count)})`,
    ];
    root.querySelectorAll('.legend span').forEach((span, i) => (span.textContent = texts[i]));
    $('.bent').hidden = !skewed;
    $('caption', HTMLTableCaptionElement).textContent = `${amount(normal.count + odd.count)} test samples`;
    $('.mix').textContent = `Precision in this mix (${percent(odd.count / (odd.count + normal.count))} odd)`;
  }

  /** @param {Data} data */
  update(data) {
    this.state = read(data);
    this.#fillLegend();
    this.#restore(this.address.values);
  }

  restyle() {
    this.theme = readTheme(this.root);
    this.#fillLegend();
    this.screen.request('scores', 'curves');
  }

  close() {
    this.screen.stop();
    this.speaker.stop();
    this.sizes.disconnect();
    this.stop();
  }
}

/** @param {ComponentProps<Data>} props */
export default function threshold({ parentElement, data }) {
  return new Threshold(queryIn(parentElement)('.threshold'), data);
}
