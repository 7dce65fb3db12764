// The map of all codes: a scatter plot to pan and zoom, filter by class, point at and lasso.

import { announcer, frames, listeners, queryIn, radioGroup, reducedMotion } from '../../dom/dom.js';
import { setLabel } from '../../dom/canvas.js';
import { drawImage } from '../../dom/image.js';
import { readTheme } from '../../dom/theme.js';
import { drawBackdrop } from '../../map/backdrop.js';
import { lasso } from '../../map/lasso.js';
import { mapControls } from '../../map/map_controls.js';
import { drawMarks } from '../../map/marks.js';
import { unpack, nearestPoint, describePoint, describeMap, transition } from '../../map/points.js';
import { viewport } from '../../map/viewport.js';
import { bytesOf } from '../../net/packing.js';
import { get } from '../../net/models.js';
import { classFilter } from './class_filter.js';

/**
 * @import { Theme } from '../../dom/theme.js'
 * @import { ComponentProps } from '../../index.js'
 * @import { PointMap, PointMapHead, Splits } from '../../map/points.js'
 * @import { Point, Viewport } from '../../map/viewport.js'
 * @import { Table } from '../../net/packing.js'
 * @import { Model } from '../../net/models.js'
 *
 * @typedef {Object} Data what ui/views/latent_map.py sends
 * @property {string} key another one for another map
 * @property {PointMapHead} head
 * @property {Table} blob
 * @property {Splits} splits whose rows follow each other
 * @property {string} title of the map
 * @property {string | null} decoder_key of the model that decodes the codes
 */

const TRANSITION_TIME = 700; // milliseconds in which points go from one map to the next
const GESTURES =
  'Drag: move the map (on a touch screen, tap it first). Two fingers, or the wheel with Ctrl or once you '
  + 'have clicked: closer and further away. Click: see the image below.';
const KEYS =
  'Arrows move the cross, with Shift further; Home: the middle; Enter: the image nearest to it; + and −: '
  + 'closer and further away; 0: the whole map; L: the lasso, in which Enter sets a corner, Enter again closes it and '
  + 'Escape ends it.';

/** @param {ComponentProps<Data>} props */
export default function map(props) {
  return new MapView(props);
}

class MapView {
  /** @type {Viewport} */
  #view;
  /** @type {PointMap & { key: string }} */
  #pointMap;
  /** @type {Model | null} */
  #model = null;
  /** @type {Theme} */
  #theme;
  #backdrop = 'points';
  /** @type {Point | null} */
  #hover = null;
  /** @type {Point} */
  #crosshair = [0, 0];
  #byKeys = false; // whether the crosshair is used
  #hovered = -1; // these two are points by number
  #selected = -1;
  /** @type {number | null} */
  #described = null; // the point that text and image are about; null when they have to be made anew
  /** @type {((share: number) => void) | null} */
  #transition = null;
  #transitionStart = 0;

  /** @param {ComponentProps<Data>} props */
  constructor({ parentElement, data, setStateValue }) {
    const { on, signal, stop } = listeners();
    this.root = queryIn(parentElement)('.map');
    this.$ = queryIn(this.root);
    this.stage = this.$('.stage');
    this.setStateValue = setStateValue;
    this.stopListening = stop;
    this.frames = frames((now, layers) => this.#draw(now, layers));
    this.announcer = announcer(this.$('.live-region'));
    this.filter = classFilter(this.root, signal, (hidden) => this.#hide(hidden));
    this.lasso = lasso(this.$('.lasso'), {
      redraw: () => this.frames.request('over'),
      close: (polygon) => this.#sendPolygon(polygon),
      toggle: (active) => this.#toggleLasso(active),
    });
    this.controls = this.#connect(on, signal);
    this.$('.gestures').textContent = GESTURES;
    this.$('.keys').textContent = KEYS;
    this.update(data);
  }

  /** @param {ReturnType<typeof listeners>['on']} on @param {AbortSignal} signal */
  #connect(on, signal) {
    const { $, stage, lasso } = this;
    const map = {
      stage,
      lasso,
      step: 0.02,
      view: () => this.#view,
      redraw: () => this.frames.request('map', 'over'),
      position: () => this.#crosshair,
      centre: () => this.#centre(),
      moveTo: (/** @type {Point} */ to) => this.#moveCrosshair(to),
      fixed: () => (this.#byKeys ? this.#crosshair : null),
      select: () => this.#select(this.#crosshair),
      panned: () => ([this.#hover, this.#byKeys] = [null, false]),
    };
    const controls = mapControls(signal, map, {
      dragMode: 'pan',
      locate: (across, down) => [this.#view.dataX(across), this.#view.dataY(down)],
      hover: (at) => this.#setHover(at),
      select: (at) => this.#select(at),
    });
    on(stage, 'focus', () => stage.matches(':focus-visible') && this.#moveCrosshair(this.#crosshair));
    on(stage, 'blur', () => {
      this.#byKeys = false;
      this.frames.request('over');
    });
    on(stage, 'pointerdown', () => {
      this.#byKeys = false;
    });
    on($('.lasso'), 'click', () => lasso.setActive(!lasso.active()));
    on($('.zoom-in'), 'click', () => controls.zoom(1.5));
    on($('.zoom-out'), 'click', () => controls.zoom(1 / 1.5));
    on($('.reset-view'), 'click', controls.resetView);
    radioGroup($('.backdrop'), ['points', 'density'], this.#backdrop, (name) => {
      this.#backdrop = name;
      this.frames.request('map');
    });
    return controls;
  }

  /** @param {number} now @param {Set<string>} layers */
  #draw(now, layers) {
    const { $ } = this;
    const [view, pointMap, theme] = [this.#view, this.#pointMap, this.#theme];
    const moves = [view.step(now, reducedMotion.matches), this.#movePoints(now)];
    if (moves.includes(true)) {
      for (const layer of ['map', 'over']) layers.add(layer);
      this.frames.request('map', 'over');
    }
    if (layers.has('map'))
      drawBackdrop($('.points', HTMLCanvasElement), { theme, view, map: pointMap, backdrop: this.#backdrop });
    if (layers.has('over')) this.#describe();
    drawMarks($('.over', HTMLCanvasElement), {
      theme,
      view,
      pointMap,
      hovered: this.#hovered,
      selected: this.#selected,
      lasso: this.lasso.corners(),
      crosshairAt: this.#byKeys && !this.#hover ? this.#crosshair : null,
    });
  }

  // All points on their way from the last map to this one, slowly at first and at the end; whether they were.
  /** @param {number} now */
  #movePoints(now) {
    if (!this.#transition) return false;
    this.#transitionStart ||= now;
    const share = reducedMotion.matches ? 1 : Math.min(1, (now - this.#transitionStart) / TRANSITION_TIME);
    this.#transition(share * share * (3 - 2 * share));
    if (share === 1) this.#transition = null;
    return true;
  }

  // The point nearest to the mouse, or to the crosshair; else the selected one.
  #describe() {
    const at = this.#hover ?? (this.#byKeys ? this.#crosshair : null);
    this.#hovered = at ? nearestPoint(this.#pointMap, this.#view, at) : -1;
    const point = this.#hovered >= 0 ? this.#hovered : this.#selected;
    if (point === this.#described) return;
    const text = point >= 0 ? describePoint(this.#pointMap, point) : this.#hint();
    this.#described = point;
    this.$('.description').textContent = text;
    this.stage.setAttribute('aria-label', `Map of codes. ${text}`);
    this.#decode(point, text);
    if (!this.#hover && point >= 0) this.announcer.announce(text);
  }

  #hint() {
    const { hidden, classNames } = this.#pointMap;
    return hidden.size < classNames.length
      ? 'Point at the map to see which image lies there.'
      : 'All classes are hidden.';
  }

  /** @param {number} point @param {string} text */
  #decode(point, text) {
    const model = this.#model;
    const code = point >= 0 && model ? this.#pointMap.code(point) : null;
    const image = this.$('.image', HTMLCanvasElement);
    image.style.visibility = code ? 'visible' : 'hidden'; // it keeps its room
    setLabel(image, code ? `Decoded from the code of ${text}` : 'No image');
    if (code && model) drawImage(image, model.decode(code, this.#pointMap.labels[point]), model.shape);
  }

  // The page hears of a row or of a polygon, and of what is hidden in it: never of points.
  /** @param {{ row: number } | { polygon: number[][] } | null} what */
  #send(what) {
    const { key, hidden } = this.#pointMap;
    this.setStateValue('selection', what && { map_key: key, hidden_classes: [...hidden], ...what });
  }
  /** @param {Point} at */
  #select(at) {
    this.lasso.draw([]);
    this.#selected = nearestPoint(this.#pointMap, this.#view, at);
    this.#send(this.#selected >= 0 ? { row: this.#pointMap.indices[this.#selected] } : null);
  }
  /** @param {Point[]} polygon */
  #sendPolygon(polygon) {
    this.#selected = -1;
    const rounded = polygon.map((corner) => corner.map((value) => +value.toPrecision(6)));
    this.#send(polygon.length > 2 ? { polygon: rounded } : null);
  }
  /** @param {boolean} active */
  #toggleLasso(active) {
    this.stage.classList.toggle('lassoing', active);
    this.#hover = null;
    if (!active && this.lasso.corners().length) this.lasso.close([]);
    this.frames.request('over');
  }

  /** @param {Set<number>} classes */
  #hide(classes) {
    const pointMap = this.#pointMap;
    pointMap.hidden = classes;
    this.#described = null;
    this.filter.set(classes);
    if (classes.has(pointMap.labels[this.#selected])) this.#selected = -1;
    this.frames.request('map', 'over');
    if (this.lasso.corners().length > 2) this.lasso.close(this.lasso.corners());
  }

  /** @param {Point | null} at */
  #setHover(at) {
    this.#hover = at;
    this.frames.request('over');
  }
  /** @param {Point} to */
  #moveCrosshair(to) {
    this.#crosshair = this.#view.clamp(...to);
    this.#byKeys = true;
    this.#hover = null;
    this.#view.panTo(...this.#crosshair);
    this.frames.request('map', 'over');
  }
  /** @returns {Point} */
  #centre() {
    const [left, right, bottom, top] = this.#view.edges;
    return [(left + right) / 2, (bottom + top) / 2];
  }

  /** @param {Data} data */
  update(data) {
    if (data.key !== this.#pointMap?.key) this.#replace(data);
    setLabel(this.$('.points'), describeMap(this.#pointMap, data.title));
    this.$('.image').hidden = !data.decoder_key || !this.#pointMap.hasCodes;
    if (data.decoder_key)
      get(data.decoder_key).then((model) => {
        [this.#model, this.#described] = [model, null];
        this.frames.request('over');
      });
    this.#described = null;
    this.frames.request('map', 'over');
  }

  /** @param {Data} data of another map */
  #replace({ key, head, blob, splits }) {
    /** @type {(PointMap & { key: string }) | undefined} */
    const before = this.#pointMap;
    const pointMap = { ...unpack(head, bytesOf(blob), splits), key };
    this.#pointMap = pointMap;
    this.#view = viewport(pointMap);
    [this.#transition, this.#transitionStart] = [transition(before, pointMap), 0];
    [this.#hover, this.#hovered, this.#selected, this.#crosshair] = [null, -1, -1, this.#centre()];
    this.lasso.clear();
    this.stage.classList.toggle('line', pointMap.oneDimensional);
    if (before && before.classNames.join() === pointMap.classNames.join()) pointMap.hidden = before.hidden;
    this.filter.fill(pointMap);
    this.#hide(pointMap.hidden);
    if (this.#theme) this.restyle();
  }

  restyle() {
    this.#theme = readTheme(this.root);
    this.filter.restyle(this.#theme);
    this.frames.request('map', 'over');
  }

  close() {
    this.frames.stop();
    this.announcer.stop();
    this.controls.stop();
    this.stopListening();
  }
}
