// The first screen: a map to move over, a sheet to draw on, one picture that follows both, and a story told on the map.

import { walking, KEYS } from '../../map/navigation.js';
import { sheetOn, KEYS as PEN_KEYS } from '../../drawing/drawing_pad.js';
import { guide } from '../../map/tour_player.js';
import { scanner } from '../../drawing/strokes.js';
import { drawTrail } from '../../map/trail.js';
import { shadow } from '../../map/latent_plane.js';
import { element, finder, frames } from '../../dom/dom.js';
import { say } from '../../dom/canvas.js';

/**
 * @import { Given } from '../../index.js'
 * @import { Hand } from '../../drawing/strokes.js'
 * @import { PlacesData } from '../../map/latent_plane.js'
 * @import { Place } from '../../map/viewport.js'
 *
 * @typedef {{ name: string, says: string, way: Place[], leaps: boolean }} Step of the story
 * @typedef {{ start: Place, opening: Place[], steps: Step[], dots: string }} Story the point stands at `start` first
 * @typedef {PlacesData & Hand & Story} Data what ui/home.py sends
 */

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const SVG = 'http://www.w3.org/2000/svg';
// A rail and what hangs on it, for each step: on 64 by 28; what is dashed is not there.
const SHAPES = [
  [
    'M2 4h60M12 4v4M26 4v4M40 4v4M54 4v4',
    'M12 8l-5 4v9h10v-9zM26 8l-5 4v11h10v-11zM40 8l-5 4v13h10v-13zM54 8l-6 4v15h12v-15z',
    '',
  ],
  ['M2 4h60M18 1v6', 'M46 8l-6 4v13h12v-13z', 'M20 8c2 9 9 11 16 10m0 0l-4-3m4 3l-4 3'],
  ['M2 4h60M12 4v4M52 4v4', 'M12 8l-7 4v6h14v-6zM52 8l-4 4v15h8v-15z', 'M32 4v4l-6 4v11h12v-11l-6-4'],
  ['M2 4h60M6 4v4M13 4v4', 'M6 8l-3 4v9h6v-9zM13 8l-3 4v11h6v-11z', 'M50 4v4l-7 5v12h14v-12l-7-5'],
];

/** @param {Given<Data>} given */
export default function home({ parentElement, data, model }) {
  const root = finder(parentElement)('.home');
  const $ = finder(root);
  const leaves = new AbortController();
  const { signal } = leaves;
  const scan = scanner(model.shape);
  let { fit, bits, pen, steps } = data;
  let inked = false; // whether the picture is what the drawing's code decodes to

  const walk = walking(root, model, signal, {
    name: 'Map of pictures',
    touched: hold,
    painted({ look, view, places, hover }) {
      const trails = sheet.strokes.map(({ trail }) => trail);
      drawTrail($('.trail', HTMLCanvasElement), { look, view, flat: places.flat, trails, at: null });
      $('.whose').textContent = inked && !hover ? 'Your drawing, redrawn' : 'Decoded here';
    },
  });
  const lead = guide(
    (place) => walk.move(place, { aloud: false }),
    () => walk.speak(),
  );
  const sheet = sheetOn($('.sheet', HTMLCanvasElement), signal, {
    width: () => pen,
    said: walk.speak,
    aimed: () => paper.ask(),
    drawn() {
      hold();
      inked = true;
      paper.ask();
    },
  });
  const paper = frames(() => {
    sheet.paint(walk.look);
    if (inked) encode();
  });

  // The pen has moved: the point goes where the drawing's code lies.
  function encode() {
    const { strokes, drawing } = sheet;
    if (!strokes.length) {
      inked = false;
      say($('.sheet'), 'Drawing pad, empty');
      walk.ask('over');
      return;
    }
    const code = model.encode(scan(strokes, fit, bits), 0).slice();
    const place = shadow(walk.places, code);
    if (drawing) drawing.trail.push(place);
    walk.move(place, { aloud: !drawing, given: code });
    say($('.sheet'), 'Drawing pad with your drawing');
  }

  // Whoever moves the point has it: nothing else leads it any more.
  function hold() {
    lead.stop();
    inked = false;
  }

  /** @param {number} number */
  function tell(number) {
    hold();
    for (const [at, step] of [...$('.story').children].entries()) step.ariaCurrent = at === number ? 'step' : null;
    $('.telling').textContent = steps[number].says;
    walk.whole();
    $('.pair').scrollIntoView({ block: 'nearest', behavior: calm.matches ? 'auto' : 'smooth' });
    lead.lead(walk.point, steps[number].way, steps[number].leaps);
  }

  /** @param {Step} step @param {number} number */
  function card({ name, says }, number) {
    const button = element(
      'button',
      { type: 'button', class: 'button step' },
      shape(SHAPES[number]),
      element('strong', {}, `${number + 1} ${name}`),
      element('span', {}, says),
    );
    button.addEventListener('click', () => tell(number), { signal });
    return button;
  }

  $('.clear').addEventListener('click', sheet.clear, { signal });
  document.addEventListener('visibilitychange', () => document.hidden && lead.stop(), { signal });
  const sizes = new ResizeObserver(() => paper.ask());
  sizes.observe($('.sheet'));
  $('.map-keys').textContent = `On the map: ${KEYS}.`;
  $('.pen-keys').textContent = `On the sheet: ${PEN_KEYS}`;
  say($('.sheet'), 'Drawing pad, empty');
  update(data);
  if (!calm.matches && !document.hidden) lead.lead(data.start, data.opening);

  /** @param {Data} given */
  function update(given) {
    ({ fit, bits, pen, steps } = given);
    $('.dots').textContent = given.dots;
    $('.story').replaceChildren(...steps.map(card));
    walk.update(given);
    paper.ask();
  }

  function dress() {
    walk.dress();
    paper.ask();
  }

  function close() {
    lead.stop();
    paper.stop();
    walk.close();
    sizes.disconnect();
    leaves.abort();
  }
  return { update, dress, close };
}

/** @param {string[]} shape */
function shape([rail, garments, absent]) {
  const picture = document.createElementNS(SVG, 'svg');
  picture.setAttribute('viewBox', '0 0 64 28');
  picture.setAttribute('aria-hidden', 'true');
  for (const [name, path] of [
    ['rail', rail],
    ['garment', garments],
    ['absent', absent],
  ]) {
    const line = document.createElementNS(SVG, 'path');
    line.setAttribute('d', path);
    line.setAttribute('class', name);
    picture.append(line);
  }
  return picture;
}
