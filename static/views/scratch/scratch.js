// A scratch on an image: what is painted over a sample goes through the model at every movement of the brush, and the
// reconstruction, the squared errors and the score follow. Without a model the page is sent what was painted.

import { rasteriser } from '../../drawing/strokes.js';
import { drawingPad, KEYS } from '../../drawing/drawing_pad.js';
import { mse } from '../../twins/metrics.js';
import { bytesOf, unpack } from '../../net/packing.js';
import { drawHeatMap, GRADIENT } from '../../dom/heat_map.js';
import { drawImage } from '../../dom/image.js';
import { announcer, fillTrack, frames, listeners, queryIn, radioGroup } from '../../dom/dom.js';
import { setLabel } from '../../dom/canvas.js';
import { afterRest, stateOf } from '../../dom/view_state.js';
import { general } from '../../twins/modality.js';

/**
 * @import { ComponentProps } from '../../index.js'
 * @import { Model } from '../../net/models.js'
 * @import { Stroke } from '../../drawing/strokes.js'
 * @import { Pieces, Table } from '../../net/packing.js'
 *
 * @typedef {Object} Data what ui/views/anomalies/scratch.py sends
 * @property {Pieces} pieces
 * @property {Table} blob the pieces `image` and `calibration`: rising scores of normal samples
 * @property {number[]} shape
 * @property {number} cut the score above which there is an alarm
 * @property {string} cut_name what that is
 * @property {number} usual_error the brightest of the heat map
 * @property {'dark' | 'light'} tone of the brush at first
 */

const STOP_DELAY = 500; // milliseconds after the brush was lifted until the page is given the image
const USUAL_BRUSH = 6; // percent of the image
/** @type {Record<string, number>} */
const TONES = { dark: 0, light: 1 };
const NEVER = 1e29; // a threshold as high as this is above all scores
const SCRATCH = [0.2, 0.75, 0.8, 0.3]; // of the image: from left and top to right and bottom

/** @param {ComponentProps<Data> & { model: Model | null }} props */
export default function scratch({ parentElement, data, model, setStateValue }) {
  const root = queryIn(parentElement)('.scratch');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const address = stateOf('scratch');
  const speaker = announcer($('.live-region'));
  const brush = $('.brush', HTMLInputElement);
  const screen = frames((_, layers) => render(layers));
  const pad = drawingPad($('.drawing-pad', HTMLCanvasElement), signal, {
    penWidth: () => brush.valueAsNumber / 100,
    change: () => screen.request('strokes'),
    cursorMove: () => screen.request('pad'),
    announce: speaker.announce,
  });
  /** @type {WeakMap<Stroke, number>} */
  const tones = new WeakMap(); // 0 black, 1 white
  /** @type {string} */
  let tone = data.tone;
  let painter = painterOf(data);
  let timer = 0;

  /** @param {Set<string>} layers */
  function render(layers) {
    pad.renderCursor();
    if (!layers.has('strokes')) return;
    for (const each of pad.strokes) if (!tones.has(each)) tones.set(each, TONES[tone]);
    const painted = painter.paint(pad.strokes, (stroke) => tones.get(stroke) ?? 0);
    const count = pad.strokes.length;
    drawImage($('.painted', HTMLCanvasElement), painted, data.shape);
    setLabel(
      $('.painted'),
      count ? `The image with ${count} ${count === 1 ? 'stroke' : 'strokes'} on it` : 'The image',
    );
    if (model) showResult(model, painted);
    else sendLater(count ? painted : null);
  }

  /** @param {Model} model @param {Float32Array} painted */
  function showResult(model, painted) {
    const made = reconstruct(model, painted);
    const errors = pixelErrors(painted, made, data.shape);
    drawImage($('.reconstruction', HTMLCanvasElement), made, data.shape);
    setLabel($('.reconstruction'), 'What the model makes of it');
    drawHeatMap($('.heat', HTMLCanvasElement), errors, data.usual_error, data.shape);
    setLabel($('.heat'), describeErrors(errors, data));
    const score = mse(painted, made);
    const alarm = score > data.cut;
    $('.alarm').textContent = alarm ? 'Alarm.' : 'No alarm.';
    $('.alarm').classList.toggle('on', alarm);
    $('.score').textContent = describeScore(score, painter.before(model), painter.calibration, data);
    if (!pad.currentStroke) speaker.announce(`${$('.alarm').textContent} ${$('.score').textContent}`);
  }

  /** @param {Float32Array | null} painted */
  function sendLater(painted) {
    clearTimeout(timer);
    if (pad.currentStroke) return;
    timer = setTimeout(
      () => setStateValue('image', painted && Array.from(painted, (value) => Math.round(255 * value))),
      STOP_DELAY,
    );
  }

  // The address holds how one paints, not what.
  function save() {
    address.write({
      brush: brush.valueAsNumber === USUAL_BRUSH ? null : brush.value,
      tone: tone === data.tone ? null : tone,
    });
  }

  /** @param {import('../../dom/view_state.js').Values} values */
  function restore(values) {
    brush.value = values.brush ?? String(USUAL_BRUSH);
    tone = values.tone in TONES ? values.tone : data.tone;
    fillTrack(brush);
    radioGroup($('.tones'), Object.keys(TONES), tone, (name) => {
      tone = name;
      save();
    });
  }

  function showData() {
    const [, high, wide] = data.shape;
    root.style.setProperty('--aspect', String(wide / high));
    $('.scale i').style.background = GRADIENT;
    $('.limit').textContent = `\u2265 ${general(data.usual_error, 2)}`;
    for (const each of root.querySelectorAll('.made, .verdict')) each.toggleAttribute('hidden', !model);
    screen.request('strokes');
  }

  function connect() {
    const [left, top, right, bottom] = SCRATCH;
    on($('.add'), 'click', () => pad.add([[left, top], [right, bottom]])); // prettier-ignore
    on($('.undo'), 'click', pad.undo);
    on($('.clear'), 'click', pad.clear);
    on(brush, 'input', () => fillTrack(brush));
    on(brush, 'change', afterRest(save, signal));
    address.listen(restore, signal);
    $('.keys').textContent = KEYS;
    const sizes = new ResizeObserver(() => screen.request('pad'));
    sizes.observe($('.drawing-pad'));
    return sizes;
  }

  const sizes = connect();
  restore(address.values);
  showData();

  return {
    /** @param {Data} next */
    update(next) {
      const other = painterOf(next);
      if (!same(other.image, painter.image)) pad.clear();
      [data, painter] = [next, other];
      showData();
    },
    restyle() {}, // nothing but CSS has colours
    close() {
      clearTimeout(timer);
      screen.stop();
      speaker.stop();
      sizes.disconnect();
      stop();
      $('.tones div').replaceChildren();
    },
  };
}

// --- What is computed ---------------------------------------------------------------------------------------------

// An image, what becomes of it under the brush, and what the model made of it before.
/** @param {Data} data */
function painterOf({ pieces, blob, shape }) {
  const { image, calibration } = unpack(pieces, bytesOf(blob));
  const rasterise = rasteriser(shape);
  const painted = new Float32Array(image.length);
  /** @type {number | null} */
  let before = null;
  return {
    image,
    calibration,
    /** @param {Model} model the score of the image without a stroke */
    before: (model) => (before ??= mse(image, reconstruct(model, image))),
    /** @param {Stroke[]} strokes @param {(stroke: Stroke) => number} toneOf */
    paint(strokes, toneOf) {
      painted.set(image);
      const size = shape[1] * shape[2];
      for (let first = 0, next; first < strokes.length; first = next) {
        const tone = toneOf(strokes[first]);
        for (next = first; next < strokes.length && toneOf(strokes[next]) === tone;) next++;
        const cover = rasterise(strokes.slice(first, next), null, false);
        for (let i = 0; i < painted.length; i++) painted[i] += cover[i % size] * (tone - painted[i]);
      }
      return painted;
    },
  };
}

// As LoadedModel.reconstruct: clipped to what can be shown.
/** @param {Model} model @param {Float32Array} x */
function reconstruct(model, x) {
  const label = model.inferLabel(x);
  return model.decode(model.encode(x, label), label).map((value) => Math.min(1, Math.max(0, value)));
}

// Squared errors of the pixels [high * wide], mean over the channels.
/** @param {Float32Array} x @param {Float32Array} made @param {number[]} shape */
function pixelErrors(x, made, [channels, high, wide]) {
  const errors = new Float32Array(high * wide);
  for (let i = 0; i < x.length; i++) errors[i % errors.length] += (x[i] - made[i]) ** 2 / channels;
  return errors;
}

/** @param {Float32Array} one @param {Float32Array} other */
const same = (one, other) => one.length === other.length && one.every((value, at) => value === other[at]);

// --- Words ----------------------------------------------------------------------------------------------------------

/** @param {Float32Array} errors @param {Data} data */
function describeErrors(errors, { shape: [, , wide], usual_error: limit }) {
  const at = errors.indexOf(Math.max(...errors));
  const beyond = errors.filter((error) => error > limit).length;
  return (
    `Heat map of squared errors. The largest, ${general(errors[at], 2)}, is in row ${Math.floor(at / wide)}, column `
    + `${at % wide}. ${beyond} of ${errors.length} pixels have more than ${general(limit, 2)}.`
  );
}

/** @param {number} score @param {number} before @param {Float32Array} calibration @param {Data} data */
function describeScore(score, before, calibration, { cut, cut_name: cutName }) {
  let below = 0;
  while (below < calibration.length && calibration[below] < score) below++;
  const share = ((100 * below) / calibration.length).toFixed(1);
  const limit = cut < NEVER ? cut.toFixed(4) : 'beyond all scores';
  return (
    `Mean squared error ${score.toFixed(4)}; ${cutName} ${limit}. Higher than ${share} % of normal validation images; `
    + `without the brush it is ${before.toFixed(4)}.`
  );
}
