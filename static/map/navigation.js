// Navigation of a plane map by mouse, finger or keys, with a readout of the point where one is: what the latent pad and
// the first screen share.

import { announcer, frames, queryIn, reducedMotion } from '../dom/dom.js';
import { readTheme, fillLegend } from '../dom/theme.js';
import { bytesOf } from '../net/packing.js';
import { drawBackdrop } from './backdrop.js';
import { NO_LASSO } from './lasso.js';
import { unpack, unproject, nearestCode } from './latent_plane.js';
import { mapControls } from './map_controls.js';
import { drawOverlay } from './overlay.js';
import { describe, readout } from './readout.js';
import { viewport } from './viewport.js';

const STOP_DELAY = 400; // milliseconds without a key until moving by keys counts as over
export const KEYS =
  'Arrows move the point, with Shift further; Home: the middle; + and −: closer and further away; 0: the '
  + 'whole map';

/**
 * @import { Theme } from '../dom/theme.js'
 * @import { Size } from '../dom/canvas.js'
 * @import { Model } from '../net/models.js'
 * @import { Backdrop } from './backdrop.js'
 * @import { Lasso } from './lasso.js'
 * @import { PlaneMap, PlaneMapData } from './latent_plane.js'
 * @import { DescribeDistance } from './readout.js'
 * @import { Point, Viewport } from './viewport.js'
 *
 * @typedef {{ view: Viewport, planeMap: PlaneMap, label: number, stage: HTMLElement }} BackdropContext
 * @typedef {{ theme: Theme, view: Viewport, planeMap: PlaneMap, hover: Point | null }} DrawContext
 *
 * @typedef {Object} NavigationHandlers each has a default that does nothing
 * @property {string} name of the map, for whoever cannot see it
 * @property {DescribeDistance} describeDistance
 * @property {(context: BackdropContext) => Partial<Backdrop> & { backdrop: string }} backdrop what to draw behind
 *   the point (backdrop.js)
 * @property {(drawn: DrawContext) => void} draw all else is drawn
 * @property {() => void} move somebody has moved the point, by hand
 * @property {(point: Point) => void} stop and lets go
 * @property {() => void} moved the map was moved, or is on its way
 * @property {((theme: Theme) => void) | null} restyle the theme may be another; null: the legend is a plain one
 * @property {Lasso} lasso
 */

/** @type {NavigationHandlers} */
const DEFAULTS = {
  name: 'Map',
  describeDistance: (zone) => zone,
  backdrop: () => ({ backdrop: 'points' }),
  draw() {},
  move() {},
  stop() {},
  moved() {},
  restyle: null,
  lasso: NO_LASSO,
};

export class Navigation {
  /** @type {PlaneMap & { key: string }} */
  planeMap;
  /** @type {Theme} */
  theme;
  /** @type {Point} */
  point = [0, 0]; // in units of the plane, as `hover`
  /** @type {Viewport} */
  #view;
  #label = 0;
  /** @type {Point | null} */
  #hover = null;
  /** @type {Float32Array | null} */
  #exact = null; // the code to decode at the point, when somebody knows it better than its projection tells
  /** @type {Float32Array} */
  #code; // that of the point or of `hover`
  #stopTimer = 0;

  /**
   * Fills .stage with its canvases .map and .over, .legend, .live-region and what readout.js fills, all of `root`.
   * @param {HTMLElement} root
   * @param {Model} model
   * @param {AbortSignal} signal
   * @param {Partial<NavigationHandlers>} handlers
   */
  constructor(root, model, signal, handlers) {
    this.root = root;
    this.$ = queryIn(root);
    this.stage = this.$('.stage');
    this.model = model;
    this.on = { ...DEFAULTS, ...handlers };
    this.frames = frames((now, layers) => this.#draw(now, layers));
    this.announcer = announcer(this.$('.live-region'));
    this.readout = readout(root, model, this.on.describeDistance);
    this.controls = this.#connect(signal);
  }

  /** @param {AbortSignal} signal */
  #connect(signal) {
    const { stage, on } = this;
    const map = {
      stage,
      lasso: on.lasso,
      step: 0.01,
      view: () => this.#view,
      redraw: () => this.redraw('map', 'over'),
      position: () => this.point,
      centre: () => this.centre,
      moveTo: (/** @type {Point} */ to) => this.#moveByKeys(to),
      fixed: () => this.point,
      moved: on.moved,
    };
    return mapControls(signal, map, {
      dragMode: 'point',
      locate: (across, down) => this.#view.clamp(this.#view.dataX(across), this.#view.dataY(down)),
      hover: (at) => this.#setHover(at),
      moveTo: (to) => this.#moveByHand(to),
      drop: () => on.stop(this.point),
      cancelDrag: (to) => this.#moveByHand(to, false),
    });
  }

  get view() {
    return this.#view;
  }

  /** @param {...string} layers */
  redraw(...layers) {
    this.frames.request(...layers);
  }

  /** @param {number} now @param {Set<string>} layers */
  #draw(now, layers) {
    const { $, on, stage, theme, planeMap } = this;
    const [view, label, hover] = [this.#view, this.#label, this.#hover];
    view.setShape(stage.clientWidth, stage.clientHeight);
    if (view.step(now, reducedMotion.matches)) {
      for (const layer of ['map', 'over']) layers.add(layer);
      this.redraw('map', 'over');
    }
    if (layers.has('map')) {
      const backdrop = on.backdrop({ view, planeMap, label, stage });
      drawBackdrop($('.map', HTMLCanvasElement), { theme, view, map: planeMap, ...backdrop });
    }
    if (layers.has('point')) this.#readPoint();
    if (!layers.size) return;
    this.drawOver($('.over', HTMLCanvasElement));
    on.draw({ theme, view, planeMap, hover });
  }

  // All that lies above the backdrop; `size`: of a picture to save.
  /** @param {HTMLCanvasElement} canvas @param {Size} [size] */
  drawOver(canvas, size) {
    const { theme, planeMap, point, on } = this;
    const [view, hover] = [this.#view, this.#hover];
    const nearest = nearestCode(planeMap, ...(hover ?? point));
    drawOverlay(canvas, { theme, view, planeMap, point, hover, lasso: on.lasso.corners(), nearest, size });
  }

  #readPoint() {
    const { planeMap, point } = this;
    const at = this.#hover ?? point;
    const code = this.#hover || !this.#exact ? unproject(planeMap, ...at, this.#code) : this.#exact;
    this.readout(planeMap, at, code, this.#label);
    if (!this.#hover)
      this.stage.setAttribute('aria-label', `${this.on.name}. ${describe(planeMap, point, this.model)}`);
  }

  /** @param {string} [text] */
  announce(text) {
    this.announcer.announce(text ?? (() => describe(this.planeMap, this.point, this.model)));
  }

  // `code`: the exact one to decode there.
  /** @param {Point} to @param {{ announce?: boolean, code?: Float32Array }} [how] */
  moveTo(to, { announce = true, code } = {}) {
    this.point = this.#view.clamp(...to);
    this.#exact = code ?? null;
    this.#hover = null;
    if (announce) this.announce();
    this.redraw('point', 'over');
  }

  /** @param {Point} to @param {boolean} [announce] */
  #moveByHand(to, announce) {
    this.on.move();
    this.moveTo(to, { announce });
  }

  /** @param {Point} to */
  #moveByKeys(to) {
    this.#moveByHand(to);
    this.#view.panTo(...this.point);
    this.redraw('map');
    clearTimeout(this.#stopTimer);
    this.#stopTimer = setTimeout(() => this.on.stop(this.point), STOP_DELAY);
  }

  /** @param {Point | null} at */
  #setHover(at) {
    if (at) this.on.move();
    this.#hover = at;
    this.redraw('point', 'over');
  }

  // Where the point is at first.
  /** @returns {Point} */
  get centre() {
    const [[left, right], [bottom, top]] = this.planeMap.extent;
    return [(left + right) / 2, (bottom + top) / 2];
  }

  // The page's data (ui/widgets/live.py); whether they are another map's. `start` is where the point stands first.
  /** @param {PlaneMapData & { start?: Point }} given */
  update({ key, head, blob, class_label: label, start }) {
    const another = key !== this.planeMap?.key;
    const hidden = another ? new Set() : this.planeMap.hidden;
    this.planeMap = { ...unpack(head, bytesOf(blob)), key, hidden };
    this.#label = label;
    if (another) {
      this.#view = viewport(this.planeMap);
      this.#code = new Float32Array(this.planeMap.origin.length);
      this.moveTo(start ?? this.centre, { announce: false });
      this.stage.classList.toggle('line', this.planeMap.oneDimensional);
    }
    this.redraw('map', 'point', 'over');
    return another;
  }

  restyle() {
    this.theme = readTheme(this.root);
    if (this.on.restyle) this.on.restyle(this.theme);
    else fillLegend(this.$('.legend'), this.planeMap.classNames, this.theme);
    this.redraw('map', 'point', 'over');
  }

  close() {
    this.frames.stop();
    this.announcer.stop();
    this.controls.stop();
    clearTimeout(this.#stopTimer);
  }
}
