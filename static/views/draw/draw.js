// Drawing for a model: each movement of the pen is made into a small picture, encoded, and decoded again.

import { windowOn } from '../../map/viewport.js';
import { unpack, shadow, written } from '../../map/latent_plane.js';
import { scanner } from '../../drawing/strokes.js';
import { sheetOn, KEYS } from '../../drawing/drawing_pad.js';
import { mse } from '../../twins/metrics.js';
import { drawBack } from '../../map/backdrop.js';
import { drawTrail } from '../../map/trail.js';
import { paint } from '../../dom/image.js';
import { fill, finder } from '../../dom/dom.js';
import { lookOf, fillLegend } from '../../dom/theme.js';
import { say } from '../../dom/canvas.js';

/**
 * @import { Given } from '../../index.js'
 * @import { Hand } from '../../drawing/strokes.js'
 * @import { Look } from '../../dom/theme.js'
 * @import { Places, PlacesData } from '../../map/latent_plane.js'
 * @import { Viewport } from '../../map/viewport.js'
 *
 * @typedef {PlacesData & Hand & { errors: number[] }} Data what ui/pad.py sends (`sheet`)
 */

const QUIET = 500; // milliseconds until what changed is said aloud

/** @param {Given<Data>} given */
export default function draw({ parentElement, data, model }) {
  const root = finder(parentElement)('.draw');
  const $ = finder(root);
  const leaves = new AbortController();
  const { signal } = leaves;
  const scan = scanner(model.shape);
  /** @type {Places} */
  let places;
  /** @type {Viewport} */
  let view;
  let { fit, bits, errors } = data;
  /** @type {Look} */
  let look;
  let asked = 0;
  let closed = false;
  let spoken = 0;
  /** @type {Set<string>} */
  let stale = new Set();
  /** @type {Float32Array | null} */
  let code = null;
  const pen = $('.pen', HTMLInputElement);
  const centre = $('.centre', HTMLInputElement);
  const sheet = sheetOn($('.sheet', HTMLCanvasElement), signal, {
    width: () => pen.valueAsNumber / 100,
    drawn: () => ask('ink'),
    aimed: () => ask('sheet'),
    said: aloud,
  });

  /** @param {...string} what */
  function ask(...what) {
    for (const each of what) stale.add(each);
    if (!closed) asked ||= requestAnimationFrame(frame);
  }

  function frame() {
    asked = 0;
    const now = stale;
    stale = new Set();
    if (now.has('ink')) redraw();
    if (now.has('ink') || now.has('sheet')) sheet.paint(look);
    if (now.has('map')) drawBack($('.map', HTMLCanvasElement), { look, view, places, behind: 'points' });
    const trails = sheet.strokes.map((stroke) => stroke.trail);
    const at = code && shadow(places, code);
    drawTrail($('.over', HTMLCanvasElement), { look, view, flat: places.flat, trails, at });
  }

  function redraw() {
    const { strokes, drawing } = sheet;
    const given = scan(strokes, centre.checked ? fit : null, bits);
    const drawn = strokes.length > 0;
    const [seen, redrawn] = [$('.given', HTMLCanvasElement), $('.redrawn', HTMLCanvasElement)];
    paint(seen, given, model.shape);
    const label = drawn ? model.guess(given) : 0;
    code = drawn ? model.encode(given, label).slice() : null;
    const picture = code ? model.decode(code, label) : given;
    paint(redrawn, picture, model.shape);
    if (drawing && code) drawing.trail.push(shadow(places, code));
    const words = drawn ? taken(label) + judged(mse(given, picture)) : 'Nothing is drawn yet.';
    const place = code ? written(places, ...shadow(places, code)) : 'no code yet';
    $('.words').textContent = words;
    say(seen, drawn ? 'Your drawing as the model is given it' : 'Nothing drawn yet');
    say(redrawn, drawn ? `What the model makes of the code at ${place}` : 'Nothing drawn yet');
    say($('.map'), `Map of ${places.count.toLocaleString('en')} test pictures; the code of the drawing: ${place}`);
    if (!drawing) aloud(`${drawn ? `Code: ${place}. ` : ''}${words}`);
  }

  // A model that is told the class is told the one that fits best.
  /** @param {number} label */
  const taken = (label) => (model.classes ? `Taken for ${places.classes[label]}. ` : '');

  // How well it is redrawn, against the errors of test pictures: the median, and what 9 of 10 and 99 of 100 stay below.
  /** @param {number} error */
  function judged(error) {
    const [usual, most, nearlyAll] = errors;
    const number = `Squared error ${error.toFixed(4)} per pixel`;
    if (error <= usual) return `${number}, less than for half of the test pictures.`;
    if (error <= most) return `${number}, as usual for test pictures (half of them stay below ${usual.toFixed(4)}).`;
    const share = error <= nearlyAll ? '9 of 10' : '99 of 100';
    return `${number}, more than for ${share} test pictures: this model has hardly seen such a drawing.`;
  }

  /** @param {string} words */
  function aloud(words) {
    clearTimeout(spoken);
    spoken = setTimeout(() => {
      $('.heard').textContent = words;
    }, QUIET);
  }

  /**
   * @template {keyof HTMLElementEventMap} Name
   * @param {HTMLElement} target
   * @param {Name} name
   * @param {(event: HTMLElementEventMap[Name]) => void} call
   */
  const listen = (target, name, call) => target.addEventListener(name, call, { signal });
  listen($('.undo'), 'click', sheet.undo);
  listen($('.clear'), 'click', sheet.clear);
  listen(centre, 'change', () => ask('ink'));
  listen(pen, 'input', () => fill(pen));
  const sizes = new ResizeObserver(() => ask('sheet', 'map'));
  for (const each of [$('.sheet'), $('.stage')]) sizes.observe(each);

  /** @param {Data} given */
  function update(given) {
    ({ fit, bits, errors } = given);
    places = unpack(given.head, given.blob.getChild('blob').get(0));
    view = windowOn(places);
    $('.check').hidden = !fit;
    $('.check span').textContent = fit?.why ?? '';
    $('.stage').classList.toggle('line', places.flat);
    ask('ink', 'map');
  }

  function dress() {
    look = lookOf(root);
    fillLegend($('.legend'), places.classes, look);
    ask('sheet', 'map');
  }

  $('.keys').textContent = KEYS;
  pen.value = String(100 * data.pen);
  centre.checked = true;
  $('.sheet').setAttribute('aria-label', 'Drawing pad');
  fill(pen);
  update(data);

  return {
    update,
    dress,
    close() {
      closed = true;
      cancelAnimationFrame(asked);
      clearTimeout(spoken);
      sizes.disconnect();
      leaves.abort();
    },
  };
}
