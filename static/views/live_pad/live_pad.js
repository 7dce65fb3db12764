// The live pad: the codes of some test images while a model learns, and the image decoded under the pointer by its newest
// weights. Point and pointer stay where they are on the screen when the codes below them move on.

import { drawBackdrop } from '../../map/backdrop.js';
import { formatPoint, unproject } from '../../map/latent_plane.js';
import { NO_LASSO } from '../../map/lasso.js';
import { crosshair, outlinedStroke } from '../../map/overlay.js';
import { nearestPoint, unpack } from '../../map/points.js';
import { viewport } from '../../map/viewport.js';
import { clearCanvas } from '../../dom/canvas.js';
import { announcer, createElement, frames, listeners, queryIn } from '../../dom/dom.js';
import { gestures } from '../../dom/gestures.js';
import { drawImage } from '../../dom/image.js';
import { keyboardMap } from '../../dom/keys.js';
import { readTheme } from '../../dom/theme.js';
import { float16ToFloat32 } from '../../net/models.js';
import { network } from '../../net/net.js';
import { bytesOf, rows, unpack as unpackPieces } from '../../net/packing.js';

/**
 * @import { ComponentProps } from '../../index.js'
 * @import { PointMapHead } from '../../map/points.js'
 * @import { Point } from '../../map/viewport.js'
 * @import { Head } from '../../net/net.js'
 * @import { Table } from '../../net/packing.js'
 *
 * @typedef {PointMapHead & { program: Head, epoch: number }} LiveHead what aecore/export/live_program.py, `pack`, says
 * @typedef {{ head: LiveHead, blob: Table }} Data
 */

const KEYS = 'Arrows move the point, with Shift further; Home: the middle.';
const STEP = 0.02; // how far an arrow goes, in shares of the pad
const POINT_RADIUS = 6; // pixels

/** @param {Data} data */
function read({ head, blob }) {
  const bytes = bytesOf(blob);
  const { weights, origin, axes } = unpackPieces(head.pieces, bytes);
  const map = unpack(head, bytes, []);
  return {
    map,
    epoch: head.epoch,
    plane: { origin: [...origin], axes: rows(axes, origin.length).map((axis) => [...axis]), axisNames: map.axisNames },
    net: network(head.program, float16ToFloat32(weights)),
    view: viewport(map),
    code: new Float32Array(origin.length),
  };
}

/** @param {ComponentProps<Data>} props */
export default function livePad({ parentElement, data }) {
  const root = queryIn(parentElement)('.live-pad');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const stage = $('.stage');
  const label = $('.as select', HTMLSelectElement);
  const screen = frames(draw);
  const speaker = announcer($('.live-region'));
  let theme = readTheme(root);
  let state = read(data);
  // in shares of the pad from its left and its top
  /** @type {Point} */
  let point = [0.5, 0.5];
  /** @type {Point | null} */
  let hover = null;

  /** @param {Point} at @returns {Point} */
  const onPlane = ([across, down]) => [state.view.dataX(across), state.view.dataY(down)];
  /** @param {number} share */
  const clamp = (share) => Math.min(1, Math.max(0, share));

  /** @param {Point} to */
  function moveTo([across, down]) {
    point = [clamp(across), clamp(down)];
    hover = null;
    speaker.announce(() => describe(point));
    screen.request('point');
  }

  gestures(stage, signal, {
    dragMode: 'point',
    lassoActive: () => false,
    locate: (across, down) => [across, down],
    locateFree: (across, down) => [across, down],
    position: () => point,
    moveTo,
    cancelDrag: moveTo,
    hover(at) {
      hover = at;
      screen.request('point');
    },
    pan() {},
    zoomBy() {},
    drawLasso() {},
    closeLasso() {},
  });
  const keys = keyboardMap({
    view: () => state.view,
    position: () => onPlane(point),
    step: STEP,
    centre: () => onPlane([0.5, 0.5]),
    moveTo: ([x, y]) => moveTo([state.view.screenX(x), state.map.oneDimensional ? 0.5 : state.view.screenY(y)]),
    zoom() {},
    resetView() {},
    lasso: NO_LASSO,
  });
  on(stage, 'keydown', keys);
  on(label, 'change', () => screen.request('point'));
  const sizes = new ResizeObserver(() => screen.request('map', 'point'));
  sizes.observe(stage);
  $('#live-pad-keys').textContent = KEYS;
  fillLabels();

  // A conditional model decodes a code as an image of a class.
  function fillLabels() {
    $('.as').hidden = !state.net.nClasses;
    if (!state.net.nClasses || label.options.length) return;
    label.replaceChildren(...state.map.classNames.map((name, at) => createElement('option', { value: at }, name)));
  }

  /** @param {Point} at */
  function describe(at) {
    const nearest = nearestPoint(state.map, state.view, onPlane(at));
    return `${formatPoint(state.plane, ...onPlane(at))}. Nearest code: ${state.map.classNames[state.map.labels[nearest]]}`;
  }

  /** @param {number} now @param {Set<string>} layers */
  function draw(now, layers) {
    state.view.setShape(stage.clientWidth, stage.clientHeight);
    if (layers.has('map')) {
      const { map, view } = state;
      drawBackdrop($('.map', HTMLCanvasElement), { theme, view, map, backdrop: 'points', names: true });
    }
    drawPoint();
    readPoint();
  }

  function drawPoint() {
    const { ctx, width, height } = clearCanvas($('.over', HTMLCanvasElement));
    const stroke = outlinedStroke(ctx, theme);
    const [x, y] = [point[0] * width, (state.map.oneDimensional ? 0.5 : point[1]) * height];
    ctx.fillStyle = theme.accent;
    ctx.beginPath();
    ctx.arc(x, y, POINT_RADIUS, 0, 7);
    ctx.fill();
    stroke(2, () => ctx.arc(x, y, POINT_RADIUS, 0, 7));
    if (hover) stroke(1.5, crosshair(ctx, [hover[0] * width, hover[1] * height]));
  }

  function readPoint() {
    const { map, net, plane, view, code, epoch } = state;
    const at = onPlane(hover ?? point);
    const place = formatPoint(plane, ...at);
    const image = $('.image', HTMLCanvasElement);
    drawImage(image, net.decode(unproject(plane, ...at, code), Number(label.value)), net.shape);
    image.setAttribute('aria-label', `The image decoded at ${place}`);
    $('.when').textContent = epoch ? `After ${epoch} ${epoch === 1 ? 'epoch' : 'epochs'}` : 'In the first epoch';
    $('.coordinates').textContent = place;
    $('.nearest').textContent = `Nearest code: ${map.classNames[map.labels[nearestPoint(map, view, at)]]}`;
    if (!hover) stage.setAttribute('aria-label', `Live decoder. ${describe(point)}`);
  }

  return {
    /** @param {Data} next */
    update(next) {
      state = read(next);
      fillLabels();
      screen.request('map', 'point');
    },
    restyle() {
      theme = readTheme(root);
      stage.classList.toggle('line', state.map.oneDimensional);
      screen.request('map', 'point');
    },
    close() {
      screen.stop();
      speaker.stop();
      sizes.disconnect();
      stop();
    },
  };
}
