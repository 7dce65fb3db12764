// Drawing for a model: at each movement of the pen the drawing is rasterised, encoded, and decoded again.

import { viewport } from '../../map/viewport.js';
import { unpack, project, formatPoint } from '../../map/latent_plane.js';
import { rasteriser } from '../../drawing/strokes.js';
import { drawingPad, KEYS } from '../../drawing/drawing_pad.js';
import { bytesOf } from '../../net/packing.js';
import { mse } from '../../twins/metrics.js';
import { drawBackdrop } from '../../map/backdrop.js';
import { drawTrail } from '../../map/trail.js';
import { drawImage } from '../../dom/image.js';
import { announcer, fillTrack, frames, listeners, queryIn } from '../../dom/dom.js';
import { readTheme, fillLegend } from '../../dom/theme.js';
import { setLabel } from '../../dom/canvas.js';
import { afterRest, stateOf } from '../../dom/view_state.js';
import { codePanel } from './code_panel.js';

/**
 * @import { ViewProps } from '../../index.js'
 * @import { Preprocessing } from '../../drawing/strokes.js'
 * @import { Theme } from '../../dom/theme.js'
 * @import { PlaneMap, PlaneMapData } from '../../map/latent_plane.js'
 * @import { Viewport } from '../../map/viewport.js'
 * @import { VoteData } from './code_panel.js'
 *
 * @typedef {PlaneMapData & Preprocessing & VoteData & { error_quantiles: number[] }} Data ui/views/drawing.py sends
 */

const ANNOUNCEMENT_DELAY = 500; // milliseconds until what changed is said aloud

/** @param {ViewProps<Data>} props */
export default function draw({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.draw');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const rasterise = rasteriser(model.shape);
  const address = stateOf('draw');
  /** @type {PlaneMap} */
  let planeMap;
  /** @type {Viewport} */
  let view;
  let { preprocess, counts_dots: countsDots, error_quantiles: errorQuantiles } = data;
  /** @type {Theme} */
  let theme;
  /** @type {Float32Array | null} */
  let code = null;
  const pen = $('.pen', HTMLInputElement);
  const centre = $('.centre', HTMLInputElement);
  const screen = frames((_, layers) => render(layers));
  const speaker = announcer($('.live-region'), ANNOUNCEMENT_DELAY);
  const numbers = codePanel(root, signal);
  const pad = drawingPad($('.drawing-pad', HTMLCanvasElement), signal, {
    penWidth: () => pen.valueAsNumber / 100,
    change: () => screen.request('strokes'),
    cursorMove: () => screen.request('pad'),
    announce: speaker.announce,
  });

  /** @param {Set<string>} layers */
  function render(layers) {
    if (layers.has('strokes')) reconstruct();
    if (layers.has('strokes') || layers.has('pad')) pad.render(theme);
    if (layers.has('map'))
      drawBackdrop($('.map', HTMLCanvasElement), { theme, view, map: planeMap, backdrop: 'points' });
    const trails = pad.strokes.map((stroke) => stroke.trail);
    const at = code && project(planeMap, code);
    drawTrail($('.over', HTMLCanvasElement), { theme, view, oneDimensional: planeMap.oneDimensional, trails, at });
  }

  function reconstruct() {
    const { strokes, currentStroke } = pad;
    const x = rasterise(strokes, centre.checked ? preprocess : null, countsDots);
    const empty = !strokes.length;
    const label = empty ? 0 : model.inferLabel(x);
    code = empty ? null : model.encode(x, label).slice();
    drawImage($('.model-input', HTMLCanvasElement), x, model.shape);
    const reconstruction = code ? model.decode(code, label) : x;
    drawImage($('.reconstruction', HTMLCanvasElement), reconstruction, model.shape);
    if (currentStroke && code) currentStroke.trail.push(project(planeMap, code));
    describe(
      empty ? 'Nothing is drawn yet.' : describeLabel(label) + describeError(mse(x, reconstruction), errorQuantiles),
    );
  }

  /** @param {string} result */
  function describe(result) {
    const empty = !code;
    const position = code ? formatPoint(planeMap, ...project(planeMap, code)) : 'no code yet';
    const count = planeMap.count.toLocaleString('en');
    $('.result').textContent = result;
    const vote = numbers.show(code, planeMap);
    setLabel($('.model-input'), empty ? 'Nothing drawn yet' : 'Your drawing as the model is given it');
    setLabel($('.reconstruction'), empty ? 'Nothing drawn yet' : `What the model makes of the code at ${position}`);
    setLabel($('.map'), `Map of ${count} test images; the code of the drawing: ${position}`);
    if (!pad.currentStroke) speaker.announce(empty ? result : `Code: ${position}. ${vote} ${result}`);
  }

  // A model that is told the class is told the one that fits best.
  /** @param {number} label */
  const describeLabel = (label) => (model.nClasses ? `Taken for ${planeMap.classNames[label]}. ` : '');

  function connect() {
    on($('.undo'), 'click', pad.undo);
    on($('.clear'), 'click', pad.clear);
    on(centre, 'change', () => {
      screen.request('strokes');
      save();
    });
    on(pen, 'input', () => fillTrack(pen));
    on(pen, 'change', afterRest(save, signal));
    address.listen(restore, signal);
    const sizes = new ResizeObserver(() => screen.request('pad', 'map'));
    for (const each of [$('.drawing-pad'), $('.stage')]) sizes.observe(each);
    return sizes;
  }

  const usualPen = () => String(Math.round(100 * data.pen_width));

  // The address holds how one draws, not what.
  function save() {
    address.write({ pen: pen.value === usualPen() ? null : pen.value, preprocess: centre.checked ? null : '0' });
  }

  /** @param {import('../../dom/view_state.js').Values} values */
  function restore(values) {
    pen.value = values.pen ?? usualPen();
    centre.checked = values.preprocess !== '0';
    fillTrack(pen);
    screen.request('strokes');
  }

  function initControls() {
    $('.keys').textContent = KEYS;
    $('.drawing-pad').setAttribute('aria-label', 'Drawing pad');
    restore(address.values);
  }

  /** @param {Data} next */
  function update(next) {
    ({ preprocess, counts_dots: countsDots, error_quantiles: errorQuantiles } = next);
    planeMap = unpack(next.head, bytesOf(next.blob));
    view = viewport(planeMap);
    numbers.update(next);
    $('.check').hidden = !preprocess;
    $('.check span').textContent = preprocess?.label ?? '';
    $('.stage').classList.toggle('line', planeMap.oneDimensional);
    screen.request('strokes', 'map');
  }

  function restyle() {
    theme = readTheme(root);
    fillLegend($('.legend'), planeMap.classNames, theme);
    screen.request('pad', 'map');
  }

  function close() {
    screen.stop();
    speaker.stop();
    sizes.disconnect();
    stop();
  }

  const sizes = connect();
  initControls();
  update(data);
  return { update, restyle, close };
}

// How good it is, by the errors of test images: the median, and what 9 of 10 and 99 of 100 stay below.
/** @param {number} error @param {number[]} quantiles */
function describeError(error, [median, p90, p99]) {
  const number = `MSE ${error.toFixed(4)} per pixel`;
  if (error <= median) return `${number}, less than for half of the test images.`;
  if (error <= p90) return `${number}, as usual for test images (half of them stay below ${median.toFixed(4)}).`;
  const share = error <= p99 ? '9 of 10' : '99 of 100';
  return `${number}, more than for ${share} test images: this model has hardly seen such a drawing.`;
}
