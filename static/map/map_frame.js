// What the latent map and the latent explorer share around their points: how they are drawn, the legend, the lasso, and
// the state of all that in the page's address.

import { queryIn, radioGroup, listenUntil } from '../dom/dom.js';
import { numbersOf, numbersText } from '../dom/view_state.js';
import { simplify } from './lasso.js';
import { legend } from './legend.js';
import { saveMenu } from './saving/save_menu.js';

/**
 * @import { ViewState, Values } from '../dom/view_state.js'
 * @import { Theme } from '../dom/theme.js'
 * @import { Lasso } from './lasso.js'
 * @import { PlaneMap } from './latent_plane.js'
 * @import { PointMap } from './points.js'
 * @import { SavedMap } from './saving/save_menu.js'
 * @import { Point, Viewport } from './viewport.js'
 *
 * @typedef {Object} FramedMap
 * @property {() => Viewport} view
 * @property {() => PlaneMap | PointMap} map
 * @property {Lasso} lasso
 * @property {() => void} redraw
 * @property {string[]} backdrops
 * @property {(name: string) => string} [backdropLabel] what stands on its button
 * @property {() => void} [hidden] other classes are hidden
 * @property {(values: Values, first: boolean) => void} apply what the address says of the rest
 * @property {() => SavedMap} saved what is saved as a picture
 */

const REST = 400; // milliseconds without movement until it counts as one step
const LASSO_TOLERANCE = 3; // half pixels

/** @param {Point} point @returns {Point} */
const same = (point) => point;

export class MapFrame {
  backdrop;
  names = true;
  large = false;
  lit = -1; // the class that the legend lights up
  places = true; // whether the address holds places on this map: not where it stands in for another
  #restTimer = 0;
  #applied = false;

  /**
   * Fills .legend, .all, .backdrop of `root`, and hears its buttons .names, .large and .save.
   * @param {HTMLElement} root
   * @param {AbortSignal} signal
   * @param {ViewState} state
   * @param {FramedMap} framed
   */
  constructor(root, signal, state, framed) {
    this.root = root;
    this.$ = queryIn(root);
    this.state = state;
    this.framed = framed;
    this.backdrop = framed.backdrops[0];
    this.legend = legend(root, signal, {
      hide: (hidden) => this.#hide(hidden),
      light: (label) => {
        this.lit = label;
        framed.redraw();
      },
    });
    this.#connect(signal);
    saveMenu(this.$('.save', HTMLDetailsElement), signal, framed.saved);
    state.listen((values) => this.apply(values), signal);
    signal.addEventListener('abort', () => clearTimeout(this.#restTimer));
  }

  /** @param {AbortSignal} signal */
  #connect(signal) {
    const on = listenUntil(signal);
    const { $, state } = this;
    on($('.names'), 'click', () => {
      this.#set({ names: !this.names });
      state.write({ names: this.names ? null : '0' });
    });
    on($('.large'), 'click', () => {
      this.#set({ large: !this.large });
      state.write({ large: this.large ? '1' : null });
    });
    this.#drawRadios();
  }

  #drawRadios() {
    const { backdrops, backdropLabel } = this.framed;
    /** @param {string} name */
    const choose = (name) => {
      this.#set({ backdrop: name });
      this.state.write({ background: name === backdrops[0] ? null : idOf(name) });
    };
    radioGroup(this.$('.backdrop'), backdrops, this.backdrop, choose, backdropLabel);
  }

  /** @param {Partial<{ backdrop: string, names: boolean, large: boolean }>} to */
  #set(to) {
    Object.assign(this, to);
    this.root.classList.toggle('large', this.large);
    this.$('.names').setAttribute('aria-pressed', String(this.names));
    this.$('.large').setAttribute('aria-pressed', String(this.large));
    this.framed.redraw();
  }

  /** @param {Set<number>} hidden */
  #hide(hidden) {
    this.#show(hidden);
    this.state.write({ hidden: hidden.size ? [...hidden].sort((a, b) => a - b).join(',') : null });
  }
  /** @param {Set<number>} hidden */
  #show(hidden) {
    this.framed.map().hidden = hidden;
    this.legend.set(hidden);
    this.framed.hidden?.();
    this.framed.redraw();
  }

  // Somebody has moved the map, or is about to have.
  moved() {
    clearTimeout(this.#restTimer);
    this.#restTimer = setTimeout(() => this.writePlaces(this.viewTexts()), REST);
  }

  /** @param {Record<string, string | null>} places */
  writePlaces(places) {
    if (this.places) this.state.write(places);
  }

  // Where the map has come to rest, as the address says it; the map itself goes to exactly there.
  /** @returns {Record<'zoom' | 'centre', string | null>} */
  viewTexts() {
    clearTimeout(this.#restTimer);
    const view = this.framed.view();
    if (view.whole) return { zoom: null, centre: null };
    const { zoom, centre } = view.rest;
    const texts = {
      zoom: String(+zoom.toPrecision(4)),
      centre: numbersText(view.oneDimensional ? centre.slice(0, 1) : centre, view.precision),
    };
    this.#goTo(texts, true);
    return texts;
  }

  /** @param {{ zoom?: string | null, centre?: string | null }} texts @param {boolean} atOnce */
  #goTo({ zoom, centre }, atOnce) {
    const view = this.framed.view();
    const [x, y = view.rest.centre[1]] = numbersOf(centre ?? undefined);
    if (zoom && centre) view.goTo({ zoom: Number(zoom), centre: [x, y] }, atOnce);
    else view.reset();
    this.framed.redraw();
  }

  // A lasso is closed, or gone: its text, and it is shown as that says.
  /** @param {Point[]} polygon @returns {string | null} */
  lassoText(polygon) {
    if (polygon.length < 3) return null;
    const { precision } = this.framed.view();
    const text = numbersText(simplify(polygon, LASSO_TOLERANCE * precision).flatMap(same), precision);
    this.framed.lasso.restore(pairs(text));
    return text;
  }

  // Another map is here: all that the address says of it counts at once.
  /** @param {{ classNames: string[], classCounts: ArrayLike<number> }} counted */
  fill(counted) {
    this.legend.fill(counted);
    this.#applied = false;
    this.apply(this.state.values);
  }

  // What the address says, wherever it differs from what is shown.
  /** @param {Values} values */
  apply(values) {
    const first = !this.#applied;
    this.#applied = true;
    clearTimeout(this.#restTimer);
    const { framed } = this;
    const { backdrops, lasso } = framed;
    const backdrop = backdrops.find((name) => idOf(name) === values.background) ?? backdrops[0];
    const another = backdrop !== this.backdrop;
    this.#set({ backdrop, names: values.names !== '0', large: values.large === '1' });
    if (another) this.#drawRadios();
    this.#show(new Set(values.hidden ? numbersOf(values.hidden) : []));
    if (!this.places) return;
    this.#goTo(values, first);
    const corners = pairs(values.lasso);
    if (String(corners) !== String(lasso.corners())) lasso.restore(corners);
    framed.apply(values, first);
  }

  /** @param {Theme} theme */
  restyle(theme) {
    this.legend.restyle(theme);
  }
}

/** @param {string} backdrop */
const idOf = (backdrop) => backdrop.replace('decoded ', '');

/** @param {string | undefined} text @returns {Point[]} */
function pairs(text) {
  const numbers = numbersOf(text);
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
}
