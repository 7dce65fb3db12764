// The map of all codes: dots to move about, tell apart by class, point at and lasso. What is chosen goes to the page.

import { windowOn } from '../../map/viewport.js';
import { gestures } from '../../dom/gestures.js';
import { steering } from '../../dom/keys.js';
import { choices, element, finder } from '../../dom/dom.js';
import { unpack, nearest, named, summary, journey } from '../../map/points.js';
import { drawBack } from '../../map/backdrop.js';
import { drawMarks } from '../../map/marks.js';
import { paint } from '../../dom/image.js';
import { lookOf } from '../../dom/theme.js';
import { get } from '../../net/models.js';
import { say } from '../../dom/canvas.js';

/**
 * @import { Dots, DotsHead, Splits } from '../../map/points.js'
 * @import { Component, Table } from '../../index.js'
 * @import { Look } from '../../dom/theme.js'
 * @import { Model } from '../../net/models.js'
 * @import { Place, Viewport } from '../../map/viewport.js'
 *
 * @typedef {Object} Data what ui/maps.py sends
 * @property {string} key another one for another map
 * @property {DotsHead} head
 * @property {Table} blob
 * @property {Splits} splits whose rows follow each other
 * @property {string} what is shown, in words
 * @property {string | null} decoder the key of the model that decodes the codes
 */

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const JOURNEY = 700; // milliseconds in which points go from one map to the next
const QUIET = 400; // milliseconds without a change until it is said aloud
const GESTURES =
  'Drag: move the map (on a touch screen, tap it first). Two fingers, or the wheel with Ctrl or once you '
  + 'have clicked: closer and further away. Click: see the picture below.';
const KEYS =
  'Arrows move the cross, with Shift further; Home: the middle; Enter: the picture nearest to it; + and −: '
  + 'closer and further away; 0: the whole map; L: the lasso, in which Enter sets a corner, Enter again closes it and '
  + 'Escape ends it.';

/** @param {Component<Data>} component */
export default function map({ parentElement, data, setStateValue }) {
  const root = finder(parentElement)('.map');
  const $ = finder(root);
  const stage = $('.stage');
  const leaves = new AbortController();
  const { signal } = leaves;
  /** @type {Viewport} */
  let view;
  /** @type {Dots & { key: string }} */
  let places;
  /** @type {Model | null} */
  let model = null;
  /** @type {Look} */
  let look;
  let asked = 0;
  /** @type {Set<string>} */
  let changed = new Set();
  let spoken = 0;
  let closed = false;
  /** @type {Place | null} */
  let hover = null;
  /** @type {Place} */
  let cross = [0, 0];
  let keyed = false;
  let seen = -1; // these two are points by number
  let chosen = -1;
  /** @type {number | null} */
  let told = null; // the point that words and picture are about; null when they have to be made anew
  /** @type {Place[]} */
  let lasso = [];
  let lassoing = false;
  let behind = 'points';
  /** @type {((share: number) => void) | null} */
  let travels = null;
  let began = 0;

  /** @param {...string} what */
  function ask(...what) {
    for (const each of what) changed.add(each);
    if (!closed) asked ||= requestAnimationFrame(frame);
  }

  /** @param {number} now */
  function frame(now) {
    asked = 0;
    if (view.step(now, calm.matches)) ask('map', 'over');
    if (travels) travel(travels, now);
    const stale = changed;
    changed = new Set(asked ? ['map', 'over'] : []);
    if (stale.has('map')) drawBack($('.dots', HTMLCanvasElement), { look, view, places, behind });
    if (stale.has('over')) point();
    drawMarks($('.over', HTMLCanvasElement), {
      look,
      view,
      places,
      seen,
      chosen,
      lasso,
      aim: keyed && !hover ? cross : null,
    });
  }

  // All points on their way from the last map to this one: slowly at first and at the end.
  /** @param {(share: number) => void} step @param {number} now */
  function travel(step, now) {
    began ||= now;
    const share = calm.matches ? 1 : Math.min(1, (now - began) / JOURNEY);
    step(share * share * (3 - 2 * share));
    if (share === 1) travels = null;
    ask('map', 'over');
  }

  // What is looked at: the point nearest to the mouse, or to the cross; else the chosen one.
  function point() {
    const at = hover ?? (keyed ? cross : null);
    seen = at ? nearest(places, view, at) : -1;
    const which = seen >= 0 ? seen : chosen;
    const words = which >= 0 ? named(places, which) : nothing();
    if (which === told) return;
    told = which;
    $('.found').textContent = words;
    stage.setAttribute('aria-label', `Map of codes. ${words}`);
    decode(which, words);
    if (!hover && which >= 0) aloud(words);
  }
  const nothing = () =>
    places.hidden.size < places.classes.length
      ? 'Point at the map to see which picture lies there.'
      : 'All classes are hidden.';

  /** @param {number} at @param {string} words */
  function decode(at, words) {
    const code = at >= 0 && model ? places.codeOf(at) : null;
    const picture = $('.picture', HTMLCanvasElement);
    picture.style.visibility = code ? 'visible' : 'hidden'; // it keeps its room
    say(picture, code ? `Decoded from the code of ${words}` : 'No picture');
    if (code && model) paint(picture, model.decode(code, places.labels[at]), model.shape);
  }

  /** @param {string} words */
  function aloud(words) {
    // not more than a listener can follow
    clearTimeout(spoken);
    spoken = setTimeout(() => {
      $('.heard').textContent = words;
    }, QUIET);
  }

  // The page hears of a row or of a lasso, and of what is hidden in it: never of points.
  /** @param {{ row: number } | { polygon: number[][] } | null} what */
  function tell(what) {
    setStateValue('asked', what && { of: places.key, hidden: [...places.hidden], ...what });
  }
  /** @param {Place} at */
  function pick(at) {
    lasso = [];
    chosen = nearest(places, view, at);
    ask('over');
    tell(chosen >= 0 ? { row: places.rows[chosen] } : null);
  }
  /** @param {Place[]} polygon */
  function enclose(polygon) {
    lasso = polygon;
    chosen = -1;
    ask('over');
    tell(
      polygon.length > 2 ? { polygon: polygon.map((corner) => corner.map((value) => +value.toPrecision(6))) } : null,
    );
  }
  /** @param {boolean} on */
  function arm(on) {
    lassoing = on;
    $('.lasso').setAttribute('aria-pressed', String(on));
    stage.classList.toggle('lassoing', on);
    hover = null;
    if (!on && lasso.length) enclose([]);
    ask('over');
  }

  /** @param {Iterable<number>} classes */
  function hide(classes) {
    places.hidden = new Set(classes);
    told = null;
    $('.all').textContent = places.hidden.size ? 'Show all' : 'Hide all';
    for (const button of $('.legend').querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(!places.hidden.has(Number(button.value))));
    }
    if (places.hidden.has(places.labels[chosen])) chosen = -1;
    ask('map', 'over');
    if (lasso.length > 2) enclose(lasso);
  }
  /** @param {number} label */
  function toggle(label) {
    const hidden = new Set(places.hidden);
    if (!hidden.delete(label)) hidden.add(label);
    hide(hidden);
  }

  /** @param {Place} at */
  function aim(at) {
    cross = view.inside(...at);
    [keyed, hover] = [true, null];
    view.follow(...cross);
    ask('map', 'over');
  }
  /** @param {Place[]} corners */
  function draw(corners) {
    lasso = corners;
    ask('over');
  }

  /** @type {() => Place} */
  const middle = () => [(view.edges[0] + view.edges[1]) / 2, (view.edges[2] + view.edges[3]) / 2];
  /** @param {number} times */
  function zoom(times) {
    if (keyed) view.enlarge(times, view.across(cross[0]), view.down(cross[1]));
    else view.enlarge(times);
    ask('map', 'over');
  }
  function whole() {
    view.show();
    ask('map', 'over');
  }

  gestures(stage, signal, {
    at: (across, down) => [view.x(across), view.y(down)],
    free: (across, down) => [view.x(across), view.y(down)],
    drags: 'pan',
    lassoing: () => lassoing,
    hover(at) {
      hover = at;
      ask('over');
    },
    pan(...by) {
      [hover, keyed] = [null, false];
      view.pan(...by);
      ask('map', 'over');
    },
    enlarge(...by) {
      view.enlarge(...by);
      ask('map', 'over');
    },
    draw,
    pick,
    enclose,
  });
  /**
   * @template {keyof HTMLElementEventMap} Name
   * @param {HTMLElement} target
   * @param {Name} name
   * @param {(event: HTMLElementEventMap[Name]) => void} call
   */
  const listen = (target, name, call) => target.addEventListener(name, call, { signal });
  listen(
    stage,
    'keydown',
    steering({
      view: () => view,
      place: () => cross,
      step: 0.02,
      middle,
      move: aim,
      zoom,
      whole,
      lassoing: () => lassoing,
      arm,
      lasso: () => lasso,
      draw,
      enclose,
      enter: () => pick(cross),
    }),
  );
  listen(stage, 'focus', () => {
    if (stage.matches(':focus-visible')) aim(cross);
  });
  listen(stage, 'blur', () => {
    keyed = false;
    ask('over');
  });
  listen(stage, 'pointerdown', () => {
    keyed = false;
  });
  listen($('.lasso'), 'click', () => arm(!lassoing));
  listen($('.closer'), 'click', () => zoom(1.5));
  listen($('.further'), 'click', () => zoom(1 / 1.5));
  listen($('.whole'), 'click', whole);
  listen($('.all'), 'click', () => hide(places.hidden.size ? [] : places.classes.keys()));
  listen($('.legend'), 'click', ({ target }) => {
    const button = target instanceof Element && target.closest('button');
    if (button) toggle(Number(button.value));
  });
  choices($('.behind'), ['points', 'density'], behind, (name) => {
    behind = name;
    ask('map');
  });
  const sizes = new ResizeObserver(() => ask('map', 'over'));
  sizes.observe(stage);
  $('.gestures').textContent = GESTURES;
  $('.keys').textContent = KEYS;
  update(data);

  /** @param {Data} given */
  function update(given) {
    if (given.key !== places?.key) lay(given);
    say($('.dots'), summary(places, given.what));
    $('.picture').hidden = !given.decoder || !places.pieces.codes;
    if (given.decoder) get(given.decoder).then(receive);
    told = null;
    ask('map', 'over');
  }

  /** @param {Data} given */
  function lay({ key, head, blob, splits }) {
    /** @type {(Dots & { key: string }) | undefined} */
    const before = places;
    places = { ...unpack(head, blob.getChild('blob').get(0), splits), key };
    view = windowOn(places);
    [travels, began] = [journey(before, places), 0];
    [hover, seen, chosen, lasso, cross] = [null, -1, -1, [], middle()];
    stage.classList.toggle('line', places.flat);
    if (before && before.classes.join() === places.classes.join()) places.hidden = before.hidden;
    $('.legend').replaceChildren(
      ...places.classes.map((name, at) => {
        const count = element('small', {}, places.counts[at].toLocaleString('en'));
        const button = element('button', { type: 'button', class: 'button', value: at }, element('i'));
        button.append(element('span', {}, name), count);
        return element('li', {}, button);
      }),
    );
    hide(places.hidden);
    if (look) dress();
  }

  /** @param {Model} found */
  function receive(found) {
    model = found;
    told = null;
    ask('over');
  }

  function dress() {
    look = lookOf(root);
    $('.legend')
      .querySelectorAll('i')
      .forEach((mark, at) => {
        mark.style.background = look.classes[at % look.classes.length];
      });
    ask('map', 'over');
  }

  function close() {
    closed = true;
    cancelAnimationFrame(asked);
    clearTimeout(spoken);
    sizes.disconnect();
    leaves.abort();
  }
  return { update, dress, close };
}
