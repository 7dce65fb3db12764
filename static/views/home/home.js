// The first screen: a map to move over, a drawing pad, one image that follows both, and a tour in steps on the map.

import { Navigation, KEYS } from '../../map/navigation.js';
import { drawingPad, KEYS as PEN_KEYS } from '../../drawing/drawing_pad.js';
import { tourPlayer } from '../../map/tour_player.js';
import { rasteriser } from '../../drawing/strokes.js';
import { drawTrail } from '../../map/trail.js';
import { project } from '../../map/latent_plane.js';
import { createElement, frames, listeners, queryIn, reducedMotion } from '../../dom/dom.js';
import { setLabel } from '../../dom/canvas.js';

/**
 * @import { ViewProps } from '../../index.js'
 * @import { Preprocessing } from '../../drawing/strokes.js'
 * @import { PlaneMapData } from '../../map/latent_plane.js'
 * @import { Point } from '../../map/viewport.js'
 *
 * @typedef {{ name: string, text: string, path: Point[], jumps: boolean }} Step of the tour
 * @typedef {{ start: Point, intro_path: Point[], steps: Step[], map_caption: string }} Tour the point begins at `start`
 * @typedef {PlaneMapData & Preprocessing & Tour} Data what ui/views/home.py sends
 */

const SVG = 'http://www.w3.org/2000/svg';
// A rail and what hangs on it, for each step: on 64 by 28; what is dashed is not there.
const STEP_ICONS = [
  [
    'M2 4h60M12 4v4M26 4v4M40 4v4M54 4v4',
    'M12 8l-5 4v9h10v-9zM26 8l-5 4v11h10v-11zM40 8l-5 4v13h10v-13zM54 8l-6 4v15h12v-15z',
    '',
  ],
  ['M2 4h60M18 1v6', 'M46 8l-6 4v13h12v-13z', 'M20 8c2 9 9 11 16 10m0 0l-4-3m4 3l-4 3'],
  ['M2 4h60M12 4v4M52 4v4', 'M12 8l-7 4v6h14v-6zM52 8l-4 4v15h8v-15z', 'M32 4v4l-6 4v11h12v-11l-6-4'],
  ['M2 4h60M6 4v4M13 4v4', 'M6 8l-3 4v9h6v-9zM13 8l-3 4v11h6v-11z', 'M50 4v4l-7 5v12h14v-12l-7-5'],
];

/** @param {ViewProps<Data>} props */
export default function home({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.home');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const rasterise = rasteriser(model.shape);
  let { preprocess, counts_dots: countsDots, pen_width: penWidth, steps } = data;
  let fromDrawing = false; // whether the image is what the drawing's code decodes to

  const navigation = new Navigation(root, model, signal, {
    name: 'Map of images',
    move: stopTour,
    draw({ theme, view, planeMap, hover }) {
      const trails = pad.strokes.map(({ trail }) => trail);
      drawTrail($('.trail', HTMLCanvasElement), {
        theme,
        view,
        oneDimensional: planeMap.oneDimensional,
        trails,
        at: null,
      });
      $('.image-title').textContent = fromDrawing && !hover ? 'Reconstruction of your drawing' : 'Decoded here';
    },
  });
  const tour = tourPlayer(
    (point) => navigation.moveTo(point, { announce: false }),
    () => navigation.announce(),
  );
  const pad = drawingPad($('.drawing-pad', HTMLCanvasElement), signal, {
    penWidth: () => penWidth,
    announce: (text) => navigation.announce(text),
    cursorMove: () => screen.request(),
    change() {
      stopTour();
      fromDrawing = true;
      screen.request();
    },
  });
  const screen = frames(() => {
    pad.render(navigation.theme);
    if (fromDrawing) encode();
  });

  // The pen has moved: the point goes where the drawing's code lies.
  function encode() {
    const { strokes, currentStroke } = pad;
    if (!strokes.length) {
      fromDrawing = false;
      setLabel($('.drawing-pad'), 'Drawing pad, empty');
      navigation.redraw('over');
      return;
    }
    const code = model.encode(rasterise(strokes, preprocess, countsDots), 0).slice();
    const point = project(navigation.planeMap, code);
    if (currentStroke) currentStroke.trail.push(point);
    navigation.moveTo(point, { announce: !currentStroke, code });
    setLabel($('.drawing-pad'), 'Drawing pad with your drawing');
  }

  // Whoever moves the point has it: nothing else leads it any more.
  function stopTour() {
    tour.stop();
    fromDrawing = false;
  }

  /** @param {number} number */
  function playStep(number) {
    stopTour();
    for (const [at, step] of [...$('.steps').children].entries()) step.ariaCurrent = at === number ? 'step' : null;
    $('.step-text').textContent = steps[number].text;
    navigation.controls.resetView();
    $('.pair').scrollIntoView({ block: 'nearest', behavior: reducedMotion.matches ? 'auto' : 'smooth' });
    tour.play(navigation.point, steps[number].path, steps[number].jumps);
  }

  /** @param {Step} step @param {number} number */
  function stepButton({ name, text }, number) {
    const button = createElement(
      'button',
      { type: 'button', class: 'button step' },
      stepIcon(STEP_ICONS[number]),
      createElement('strong', {}, `${number + 1} ${name}`),
      createElement('span', {}, text),
    );
    on(button, 'click', () => playStep(number));
    return button;
  }

  function connect() {
    on($('.clear'), 'click', pad.clear);
    document.addEventListener('visibilitychange', () => document.hidden && tour.stop(), { signal });
    const sizes = new ResizeObserver(() => screen.request());
    sizes.observe($('.drawing-pad'));
    return sizes;
  }

  function initTexts() {
    $('.map-keys').textContent = `On the map: ${KEYS}.`;
    $('.pen-keys').textContent = `On the sheet: ${PEN_KEYS}`;
    setLabel($('.drawing-pad'), 'Drawing pad, empty');
  }

  /** @param {Data} next */
  function update(next) {
    ({ preprocess, counts_dots: countsDots, pen_width: penWidth, steps } = next);
    $('.caption').textContent = next.map_caption;
    $('.steps').replaceChildren(...steps.map(stepButton));
    navigation.update(next);
    screen.request();
  }

  function restyle() {
    navigation.restyle();
    screen.request();
  }

  function close() {
    tour.stop();
    screen.stop();
    navigation.close();
    sizes.disconnect();
    stop();
  }

  const sizes = connect();
  initTexts();
  update(data);
  if (!reducedMotion.matches && !document.hidden) tour.play(data.start, data.intro_path);
  return { update, restyle, close };
}

/** @param {string[]} shape */
function stepIcon([rail, garments, absent]) {
  const image = document.createElementNS(SVG, 'svg');
  image.setAttribute('viewBox', '0 0 64 28');
  image.setAttribute('aria-hidden', 'true');
  for (const [name, path] of [
    ['rail', rail],
    ['garment', garments],
    ['absent', absent],
  ]) {
    const line = document.createElementNS(SVG, 'path');
    line.setAttribute('d', path);
    line.setAttribute('class', name);
    image.append(line);
  }
  return image;
}
