// A map that one walks on by mouse, finger or keys, the picture decoded where one stands, and how far that is from the
// data: what the pad and the first screen share.

import { windowOn } from './viewport.js';
import { gestures } from '../dom/gestures.js';
import { steering } from '../dom/keys.js';
import { unpack, lifted, nearest, zone, needle, written, WORDS } from './latent_plane.js';
import { drawBack } from './backdrop.js';
import { drawOver } from './overlay.js';
import { paint } from '../dom/image.js';
import { lookOf, fillLegend } from '../dom/theme.js';
import { finder } from '../dom/dom.js';

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const QUIET = 400; // milliseconds without a key until the walk counts as over, and between two things said aloud
export const KEYS =
  'Arrows move the point, with Shift further; Home: the middle; + and −: closer and further away; 0: the '
  + 'whole map';

/**
 * @import { Look } from '../dom/theme.js'
 * @import { Model } from '../net/models.js'
 * @import { Mosaic } from './image_grid.js'
 * @import { Neighbour, Places, PlacesData } from './latent_plane.js'
 * @import { Place, Viewport } from './viewport.js'
 *
 * @typedef {Object} Lasso
 * @property {() => boolean} on
 * @property {(on: boolean) => void} arm
 * @property {() => Place[]} corners
 * @property {(corners: Place[]) => void} draw shows one that is still open
 * @property {(corners: Place[]) => void} enclose closes it
 *
 * @typedef {{ view: Viewport, places: Places, label: number, stage: HTMLElement }} Seen
 * @typedef {{ look: Look, view: Viewport, places: Places, hover: Place | null }} Painted
 *
 * @typedef {Object} More what somebody adds to the walking; each has a default that does nothing
 * @property {string} name of the map, for whoever cannot see it
 * @property {(where: string, times: number) => string} told how far a place is from the data: one of WORDS, and how
 *   many times as far from its nearest code as codes usually are
 * @property {(seen: Seen) => { behind: string, mosaic?: Mosaic }} back what to draw behind the point (backdrop.js)
 * @property {(painted: Painted) => void} painted all is drawn
 * @property {() => void} touched somebody has moved, by hand
 * @property {(point: Place) => void} rested and lets go
 * @property {Lasso} lasso
 */

/** @type {More} */
const ALONE = {
  name: 'Map',
  told: (where) => where,
  back: () => ({ behind: 'points' }),
  painted() {},
  touched() {},
  rested() {},
  lasso: { on: () => false, arm() {}, corners: () => [], draw() {}, enclose() {} },
};

/**
 * Fills .stage with its canvases .map and .over, .picture, .place, .zones, .words, .near, .legend and .heard of `root`.
 * @param {HTMLElement} root
 * @param {Model} model
 * @param {AbortSignal} signal
 * @param {Partial<More>} more
 */
export function walking(root, model, signal, more) {
  const $ = finder(root);
  const stage = $('.stage');
  const on = { ...ALONE, ...more };
  const { lasso } = on;
  /** @type {Places & { key: string }} */
  let places;
  /** @type {Viewport} */
  let view;
  let label = 0;
  /** @type {Look} */
  let look;
  let asked = 0;
  /** @type {Set<string>} */
  let changed = new Set();
  let quiet = 0;
  let spoken = 0;
  let closed = false;
  /** @type {Float32Array} */
  let code;
  /** @type {Place} */
  let point = [0, 0]; // in units of the plane, as `hover`
  /** @type {Float32Array | null} */
  let exact = null;
  /** @type {Place | null} */
  let hover = null;

  /** @param {...string} what */
  function ask(...what) {
    for (const each of what) changed.add(each);
    if (!closed) asked ||= requestAnimationFrame(frame);
  }

  /** @param {number} now */
  function frame(now) {
    asked = 0;
    if (view.step(now, calm.matches)) ask('map', 'over');
    const stale = changed;
    changed = new Set(asked ? ['map', 'over'] : []);
    if (stale.has('map'))
      drawBack($('.map', HTMLCanvasElement), { look, view, places, ...on.back({ view, places, label, stage }) });
    if (stale.has('point')) redraw();
    if (!stale.size) return;
    const near = nearest(places, ...(hover ?? point));
    drawOver($('.over', HTMLCanvasElement), { look, view, places, point, hover, lasso: lasso.corners(), near });
    on.painted({ look, view, places, hover });
  }

  // The picture of the place, and where that place is.
  function redraw() {
    const [x, y] = hover ?? point;
    const near = nearest(places, x, y);
    const where = WORDS[zone(places, near.distance)];
    const z = hover || !exact ? lifted(places, x, y, code) : exact;
    paint($('.picture', HTMLCanvasElement), model.decode(z, label), model.shape);
    $('.place').textContent = written(places, x, y);
    $('.zones b').style.left = `${100 * needle(places, near.distance)}%`;
    $('.words').textContent = on.told(where[0].toUpperCase() + where.slice(1), near.distance / places.typical);
    $('.near').textContent = `Nearest test picture: ${classOf(near)}`;
    $('.picture').setAttribute('aria-label', `The picture decoded at ${written(places, x, y)}`);
    if (!hover) stage.setAttribute('aria-label', `${on.name}. ${said(near)}`);
  }

  /** @param {Neighbour} near */
  const said = (near) =>
    `${written(places, ...point)}. ${WORDS[zone(places, near.distance)]}. Nearest test picture: ${classOf(near)}.`;
  /** @param {Neighbour} near */
  const classOf = ({ row }) => places.classes[places.labels[row]];

  /** @param {string} [words] */
  function speak(words) {
    // not more than a listener can follow
    clearTimeout(spoken);
    spoken = setTimeout(() => {
      $('.heard').textContent = words ?? said(nearest(places, ...point));
    }, QUIET);
  }

  // `given`: the code to decode there, when somebody knows it better than its shadow on the plane tells.
  /** @param {Place} to @param {{ aloud?: boolean, given?: Float32Array }} [how] */
  function move(to, { aloud = true, given } = {}) {
    point = view.inside(...to);
    exact = given ?? null;
    hover = null;
    if (aloud) speak();
    ask('point', 'over');
  }

  /** @param {Place} to @param {boolean} [aloud] */
  function byHand(to, aloud) {
    on.touched();
    move(to, { aloud });
  }

  // By keys: it counts as over once they rest.
  /** @param {Place} to */
  function steer(to) {
    byHand(to);
    view.follow(...point);
    ask('map');
    clearTimeout(quiet);
    quiet = setTimeout(() => on.rested(point), QUIET);
  }

  /** @type {() => Place} */
  const middle = () => {
    const [[left, right], [bottom, top]] = places.span;
    return [(left + right) / 2, (bottom + top) / 2];
  };
  /** @param {number} times */
  function zoom(times) {
    view.enlarge(times, view.across(point[0]), view.flat ? 0.5 : view.down(point[1]));
    ask('map', 'over');
  }
  function whole() {
    view.show();
    ask('map', 'over');
  }

  gestures(stage, signal, {
    at: (across, down) => view.inside(view.x(across), view.y(down)),
    free: (across, down) => [view.x(across), view.y(down)],
    drags: 'point',
    lassoing: lasso.on,
    hover(at) {
      if (at) on.touched();
      hover = at;
      ask('point', 'over');
    },
    move: (to) => byHand(to),
    send: () => on.rested(point),
    restore: (to) => byHand(to, false),
    point: () => point,
    pan(...by) {
      view.pan(...by);
      ask('map', 'over');
    },
    enlarge(...by) {
      view.enlarge(...by);
      ask('map', 'over');
    },
    draw: lasso.draw,
    enclose: lasso.enclose,
  });
  stage.addEventListener(
    'keydown',
    steering({
      view: () => view,
      place: () => point,
      step: 0.01,
      middle,
      move: steer,
      zoom,
      whole,
      lassoing: lasso.on,
      arm: lasso.arm,
      lasso: lasso.corners,
      draw: lasso.draw,
      enclose: lasso.enclose,
    }),
    { signal },
  );
  const sizes = new ResizeObserver(() => ask('map', 'over'));
  sizes.observe(stage);

  // The page's data (ui/live.py, `placed`); whether they are another map's. `start` is where the point stands first.
  /** @param {PlacesData & { start?: Place }} given */
  function update(given) {
    const another = given.key !== places?.key;
    places = { ...unpack(given.head, given.blob.getChild('blob').get(0)), key: given.key };
    label = given.label;
    if (another) {
      view = windowOn(places);
      code = new Float32Array(places.origin.length);
      move(given.start ?? middle(), { aloud: false });
      stage.classList.toggle('line', places.flat);
    }
    ask('map', 'point', 'over');
    return another;
  }

  function dress() {
    look = lookOf(root);
    fillLegend($('.legend'), places.classes, look);
    ask('map', 'point', 'over');
  }

  function close() {
    closed = true;
    cancelAnimationFrame(asked);
    clearTimeout(quiet);
    clearTimeout(spoken);
    sizes.disconnect();
  }
  return {
    ask,
    move,
    speak,
    zoom,
    whole,
    update,
    dress,
    close,
    get point() {
      return point;
    },
    get places() {
      return places;
    },
    get look() {
      return look;
    },
  };
}
