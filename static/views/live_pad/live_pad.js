// The live pad: the codes of some test samples while a model learns, and the sample decoded under the pointer by its
// newest weights. Point and pointer stay where they are on the screen when the codes below them move on.

import { drawBackdrop } from '../../map/backdrop.js';
import { formatPoint, unproject } from '../../map/latent_plane.js';
import { NO_LASSO } from '../../map/lasso.js';
import { crosshair, outlinedStroke } from '../../map/overlay.js';
import { nearestPoint, unpack } from '../../map/points.js';
import { viewport } from '../../map/viewport.js';
import { clearCanvas } from '../../dom/canvas.js';
import { announcer, createElement, frames, listeners, listenUntil, queryIn } from '../../dom/dom.js';
import { gestures } from '../../dom/gestures.js';
import { keyboardMap } from '../../dom/keys.js';
import { drawSample, withWords } from '../../dom/render.js';
import { readTheme } from '../../dom/theme.js';
import { float16ToFloat32 } from '../../net/models.js';
import { network } from '../../net/net.js';
import { bytesOf, rows, unpack as unpackPieces } from '../../net/packing.js';
import { NOUNS } from '../../twins/modality.js';

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

/** @param {number} share */
const clamp = (share) => Math.min(1, Math.max(0, share));

class LivePad {
  // in shares of the pad from its left and its top
  /** @type {Point} */
  point = [0.5, 0.5];
  /** @type {Point | null} */
  hover = null;

  /** @param {HTMLElement} root @param {Data} data */
  constructor(root, data) {
    const { on, signal, stop } = listeners();
    this.$ = queryIn(root);
    this.root = root;
    this.stage = this.$('.stage');
    this.label = this.$('.as select', HTMLSelectElement);
    this.screen = frames((now, layers) => this.#draw(layers));
    this.speaker = announcer(this.$('.live-region'));
    this.sizes = new ResizeObserver(() => this.screen.request('map'));
    this.stop = stop;
    this.theme = readTheme(root);
    this.state = read(data);
    this.#connect(signal);
    on(this.label, 'change', () => this.screen.request());
    this.sizes.observe(this.stage);
    this.$('#live-pad-keys').textContent = KEYS;
    this.#fillLabels();
  }

  /** @param {AbortSignal} signal */
  #connect(signal) {
    gestures(this.stage, signal, {
      dragMode: 'point',
      lassoActive: () => false,
      locate: (across, down) => [across, down],
      locateFree: (across, down) => [across, down],
      position: () => this.point,
      moveTo: (to) => this.#moveTo(to),
      cancelDrag: (to) => this.#moveTo(to),
      hover: (at) => {
        this.hover = at;
        this.screen.request();
      },
      pan() {},
      zoomBy() {},
      drawLasso() {},
      closeLasso() {},
    });
    const keys = keyboardMap({
      view: () => this.state.view,
      position: () => this.#onPlane(this.point),
      step: STEP,
      centre: () => this.#onPlane([0.5, 0.5]),
      moveTo: ([x, y]) => this.#moveTo(this.#onScreen(x, y)),
      zoom() {},
      resetView() {},
      lasso: NO_LASSO,
    });
    listenUntil(signal)(this.stage, 'keydown', keys);
  }

  /** @param {Point} at @returns {Point} */
  #onPlane([across, down]) {
    const { view } = this.state;
    return [view.dataX(across), view.dataY(down)];
  }

  /** @param {number} x @param {number} y @returns {Point} */
  #onScreen(x, y) {
    const { view, map } = this.state;
    return [view.screenX(x), map.oneDimensional ? 0.5 : view.screenY(y)];
  }

  /** @param {Point} to */
  #moveTo([across, down]) {
    this.point = [clamp(across), clamp(down)];
    this.hover = null;
    this.speaker.announce(() => this.#describe());
    this.screen.request();
  }

  // A conditional model decodes a code as a sample of a class.
  #fillLabels() {
    const { net, map } = this.state;
    this.$('.as').hidden = !net.nClasses;
    if (!net.nClasses || this.label.options.length) return;
    this.label.replaceChildren(...map.classNames.map((name, at) => createElement('option', { value: at }, name)));
  }

  /** @param {Point} at on the plane */
  #nearestClass(at) {
    const { map, view } = this.state;
    return map.classNames[map.labels[nearestPoint(map, view, at)]];
  }

  #describe() {
    const at = this.#onPlane(this.point);
    return `${formatPoint(this.state.plane, ...at)}. Nearest code: ${this.#nearestClass(at)}`;
  }

  /** @param {Set<string>} layers */
  #draw(layers) {
    const { $, stage, theme } = this;
    const { map, view } = this.state;
    view.setShape(stage.clientWidth, stage.clientHeight);
    if (layers.has('map'))
      drawBackdrop($('.map', HTMLCanvasElement), { theme, view, map, backdrop: 'points', names: true });
    this.#drawPoint();
    this.#readPoint();
  }

  #drawPoint() {
    const { theme, point, hover } = this;
    const { ctx, width, height } = clearCanvas(this.$('.over', HTMLCanvasElement));
    const stroke = outlinedStroke(ctx, theme);
    const [x, y] = [point[0] * width, (this.state.map.oneDimensional ? 0.5 : point[1]) * height];
    ctx.fillStyle = theme.accent;
    ctx.beginPath();
    ctx.arc(x, y, POINT_RADIUS, 0, 7);
    ctx.fill();
    stroke(2, () => ctx.arc(x, y, POINT_RADIUS, 0, 7));
    if (hover) stroke(1.5, crosshair(ctx, [hover[0] * width, hover[1] * height]));
  }

  #readPoint() {
    const { $, state, label } = this;
    const { net, plane, code, epoch } = state;
    const at = this.#onPlane(this.hover ?? this.point);
    const place = formatPoint(plane, ...at);
    const image = $('.image', HTMLCanvasElement);
    const decoded = net.decode(unproject(plane, ...at, code), Number(label.value));
    drawSample(image, decoded, net);
    const noun = NOUNS[net.modality.kind].one;
    image.setAttribute('aria-label', withWords(`The ${noun} decoded at ${place}`, decoded, net));
    $('.when').textContent = epoch ? `After ${epoch} ${epoch === 1 ? 'epoch' : 'epochs'}` : 'In the first epoch';
    $('.coordinates').textContent = place;
    $('.nearest').textContent = `Nearest code: ${this.#nearestClass(at)}`;
    if (!this.hover) this.stage.setAttribute('aria-label', `Live decoder. ${this.#describe()}`);
  }

  /** @param {Data} data */
  update(data) {
    this.state = read(data);
    this.#fillLabels();
    this.screen.request('map');
  }

  restyle() {
    this.theme = readTheme(this.root);
    this.screen.request('map');
  }

  close() {
    this.screen.stop();
    this.speaker.stop();
    this.sizes.disconnect();
    this.stop();
  }
}

/** @param {ComponentProps<Data>} props */
export default function livePad({ parentElement, data }) {
  return new LivePad(queryIn(parentElement)('.live-pad'), data);
}
