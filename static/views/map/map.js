// The map of all codes: a scatter plot to pan and zoom, filter by class, point at and lasso.

import { frames, listeners, queryIn, reducedMotion } from '../../dom/dom.js';
import { stateOf } from '../../dom/view_state.js';
import { setLabel } from '../../dom/canvas.js';
import { readTheme } from '../../dom/theme.js';
import { BACKDROPS, drawBackdrop } from '../../map/backdrop.js';
import { lasso } from '../../map/lasso.js';
import { mapControls } from '../../map/map_controls.js';
import { MapFrame } from '../../map/map_frame.js';
import { drawMarks } from '../../map/marks.js';
import { unpack, nearestPoint, describeMap, transition } from '../../map/points.js';
import { viewport } from '../../map/viewport.js';
import { bytesOf } from '../../net/packing.js';
import { get } from '../../net/models.js';
import { pointCard } from './point_card.js';

/**
 * @import { Theme } from '../../dom/theme.js'
 * @import { Values } from '../../dom/view_state.js'
 * @import { ComponentProps } from '../../index.js'
 * @import { Backdrop } from '../../map/backdrop.js'
 * @import { Marks } from '../../map/marks.js'
 * @import { PointMap, PointMapHead, Splits } from '../../map/points.js'
 * @import { Point, Viewport } from '../../map/viewport.js'
 * @import { SavedMap } from '../../map/saving/save_menu.js'
 * @import { Table } from '../../net/packing.js'
 *
 * @typedef {Object} Data what ui/views/latent_map.py sends
 * @property {string} key another one for another map
 * @property {PointMapHead} head
 * @property {Table} blob
 * @property {Splits} splits whose rows follow each other
 * @property {import('../../twins/modality.js').Modality['kind']} kind of the samples
 * @property {string} title of the map
 * @property {string} caption of a saved picture, and its file's name
 * @property {string} file_name
 * @property {boolean} stands_in for a map that is still computed
 * @property {string | null} decoder_key of the model that decodes the codes
 */

const GESTURES =
  'Drag: move the map (on a touch screen, tap it first). Two fingers, or the wheel with Ctrl or once you '
  + 'have clicked: closer and further away. Point at the map to see which image lies there. Click: see that image.';
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
  /** @type {Data} */
  #data;
  /** @type {Theme} */
  #theme;
  /** @type {Point | null} */
  #hover = null;
  /** @type {Point} */
  #crosshair = [0, 0];
  #byKeys = false; // whether the crosshair is used
  #hovered = -1; // these two are points by number
  #selected = -1;
  /** @type {((now: number, calm: boolean) => boolean) | null} */
  #transition = null;

  /** @param {ComponentProps<Data>} props */
  constructor({ parentElement, data }) {
    const { on, signal, stop } = listeners();
    this.root = queryIn(parentElement)('.map');
    this.$ = queryIn(this.root);
    this.stage = this.$('.stage');
    this.stopListening = stop;
    this.frames = frames((now, layers) => this.#draw(now, layers));
    this.card = pointCard(this.root);
    this.lasso = lasso(this.$('.lasso'), {
      redraw: () => this.#redraw('over'),
      close: (polygon) => this.#closeLasso(polygon),
      toggle: (active) => this.#toggleLasso(active),
    });
    /** @type {MapFrame} */
    this.frame = new MapFrame(this.root, signal, stateOf('map'), {
      view: () => this.#view,
      map: () => this.#pointMap,
      lasso: this.lasso,
      redraw: () => this.#redraw('map', 'over'),
      backdrops: BACKDROPS.slice(0, 2),
      hidden: () => this.#hide(),
      apply: (values) => this.#apply(values),
      saved: () => this.#saved(),
    });
    this.controls = this.#connect(on, signal);
    this.update(data);
    for (const [name, text] of Object.entries({ '.gestures': GESTURES, '.keys': KEYS }))
      this.$(name).textContent = text.replaceAll('image', this.#pointMap.noun.one);
  }

  /** @param {ReturnType<typeof listeners>['on']} on @param {AbortSignal} signal */
  #connect(on, signal) {
    const { $, stage, lasso } = this;
    const map = {
      stage,
      lasso,
      step: 0.02,
      view: () => this.#view,
      redraw: () => this.#redraw('map', 'over'),
      position: () => this.#crosshair,
      centre: () => this.#view.rest.centre,
      moveTo: (/** @type {Point} */ to) => this.#moveCrosshair(to),
      fixed: () => (this.#byKeys ? this.#crosshair : null),
      select: () => this.#select(this.#crosshair),
      panned: () => ([this.#hover, this.#byKeys] = [null, false]),
      moved: () => this.frame.moved(),
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
      this.#redraw('over');
    });
    on(stage, 'pointerdown', () => void (this.#byKeys = false));
    on($('.lasso'), 'click', () => lasso.setActive(!lasso.active()));
    on($('.zoom-in'), 'click', () => controls.zoom(1.5));
    on($('.zoom-out'), 'click', () => controls.zoom(1 / 1.5));
    on($('.reset-view'), 'click', controls.resetView);
    return controls;
  }

  /** @param {...string} layers */
  #redraw(...layers) {
    this.frames.request(...layers);
  }

  /** @param {number} now @param {Set<string>} layers */
  #draw(now, layers) {
    const { $, stage } = this;
    this.#view.setShape(stage.clientWidth, stage.clientHeight);
    const calm = reducedMotion.matches;
    const moves = [this.#view.step(now, calm), this.#transition !== null];
    if (this.#transition && !this.#transition(now, calm)) this.#transition = null;
    if (moves.includes(true)) {
      for (const layer of ['map', 'over']) layers.add(layer);
      this.#redraw('map', 'over');
    }
    if (layers.has('map')) drawBackdrop($('.points', HTMLCanvasElement), this.#drawing());
    if (layers.has('over')) this.#describe();
    drawMarks($('.over', HTMLCanvasElement), this.#marks());
  }

  /** @returns {Backdrop} */
  #drawing() {
    const { backdrop, names, large, lit } = this.frame;
    const [view, map, theme] = [this.#view, this.#pointMap, this.#theme];
    return { theme, view, map, backdrop, lit, large, names: names && !this.#transition };
  }

  /** @returns {Marks} */
  #marks() {
    return {
      theme: this.#theme,
      view: this.#view,
      pointMap: this.#pointMap,
      hovered: this.#hovered,
      selected: this.#selected,
      lasso: this.lasso.corners(),
      crosshairAt: this.#byKeys && !this.#hover ? this.#crosshair : null,
    };
  }

  /** @returns {SavedMap} */
  #saved() {
    const [{ points }, selected] = [this.#pointMap, this.#selected];
    /** @type {Point | null} */
    const point = selected < 0 ? null : [points[2 * selected], points[2 * selected + 1]];
    return {
      title: this.#data.caption,
      fileName: this.#data.file_name,
      drawing: this.#drawing(),
      width: this.stage.clientWidth,
      height: this.stage.clientHeight,
      drawOver: (/** @type {HTMLCanvasElement} */ canvas, /** @type {Marks['size']} */ size) =>
        drawMarks(canvas, { ...this.#marks(), size, hovered: -1, crosshairAt: null }),
      lasso: this.lasso.corners(),
      point,
    };
  }

  // The point nearest to the mouse, or to the crosshair; else the selected one.
  #describe() {
    const at = this.#hover ?? (this.#byKeys ? this.#crosshair : null);
    this.#hovered = at ? nearestPoint(this.#pointMap, this.#view, at) : -1;
    const point = this.#hovered >= 0 ? this.#hovered : this.#selected;
    // the image stands in the corner away from it
    if (at) this.stage.classList.toggle('image-left', this.#view.screenX(at[0]) > 0.5);
    this.card.show(this.#pointMap, point, !this.#hover);
  }

  // The page hears of a row or of a polygon, never of points.
  /** @param {Point} at */
  #select(at) {
    this.lasso.draw([]);
    this.#selected = nearestPoint(this.#pointMap, this.#view, at);
    const row = this.#selected < 0 ? null : String(this.#pointMap.indices[this.#selected]);
    this.frame.writePlaces({ selected: row, lasso: null });
  }
  /** @param {Point[]} polygon */
  #closeLasso(polygon) {
    this.#selected = -1;
    this.frame.writePlaces({ selected: null, lasso: this.frame.lassoText(polygon) });
  }
  /** @param {boolean} active */
  #toggleLasso(active) {
    this.stage.classList.toggle('lassoing', active);
    this.#hover = null;
    if (!active && this.lasso.corners().length) this.lasso.close([]);
    this.#redraw('over');
  }

  // What the address says of this map alone: which point is selected.
  /** @param {Values} values */
  #apply({ selected }) {
    const point = selected === undefined ? -1 : this.#pointMap.indices.indexOf(Number(selected));
    this.#selected = point;
    this.#redraw('map', 'over');
  }

  // Other classes are hidden.
  #hide() {
    this.card.refresh();
    if (this.#pointMap.hidden.has(this.#pointMap.labels[this.#selected])) this.#selected = -1;
  }

  /** @param {Point | null} at */
  #setHover(at) {
    this.#hover = at;
    this.#redraw('over');
  }
  /** @param {Point} to */
  #moveCrosshair(to) {
    const edge = this.#view.edges[0];
    this.#crosshair = this.#view.clamp(...to);
    this.#byKeys = true;
    this.#hover = null;
    this.#view.panTo(...this.#crosshair);
    if (this.#view.edges[0] !== edge) this.frame.moved();
    this.#redraw('map', 'over');
  }

  /** @param {Data} data */
  update(data) {
    this.#data = data;
    if (data.key !== this.#pointMap?.key) this.#replace(data);
    setLabel(this.$('.points'), describeMap(this.#pointMap, data.title));
    this.$('.image').hidden = !data.decoder_key || !this.#pointMap.hasCodes;
    if (data.decoder_key)
      get(data.decoder_key).then((model) => {
        this.card.setModel(model);
        this.#redraw('over');
      });
    this.card.refresh();
    this.#redraw('map', 'over');
  }
  /** @param {Data} data of another map */
  #replace({ key, head, blob, splits, kind, stands_in: standsIn }) {
    const pointMap = { ...unpack(head, bytesOf(blob), splits, kind), key };
    this.#transition = transition(this.#pointMap, pointMap);
    this.#pointMap = pointMap;
    this.#view = viewport(pointMap);
    [this.#hover, this.#hovered, this.#selected, this.#crosshair] = [null, -1, -1, this.#view.rest.centre];
    this.stage.classList.toggle('line', pointMap.oneDimensional);
    this.frame.places = !standsIn;
    this.frame.fill(pointMap);
    if (this.#theme) this.restyle();
  }

  restyle() {
    this.#theme = readTheme(this.root);
    this.frame.restyle(this.#theme);
    this.#redraw('map', 'over');
  }

  close() {
    this.frames.stop();
    this.card.stop();
    this.controls.stop();
    this.stopListening();
  }
}
