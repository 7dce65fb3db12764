// The latent explorer: a plane of the latent space, and the sample decoded under the pointer while it moves.

import { Navigation, KEYS } from '../../map/navigation.js';
import { BACKDROPS } from '../../map/backdrop.js';
import { lasso } from '../../map/lasso.js';
import { MapFrame } from '../../map/map_frame.js';
import { listeners, queryIn } from '../../dom/dom.js';
import { numbersOf, numbersText, stateOf } from '../../dom/view_state.js';
import { imageGrid } from '../../map/image_grid.js';
import { NOUNS } from '../../twins/modality.js';

/**
 * @import { ViewProps } from '../../index.js'
 * @import { PlaneMapData } from '../../map/latent_plane.js'
 * @import { FramedMap } from '../../map/map_frame.js'
 * @import { BackdropContext } from '../../map/navigation.js'
 * @import { Point } from '../../map/viewport.js'
 *
 * @typedef {PlaneMapData & { title?: string, file_name?: string }} Data what ui/views/latent_explorer.py sends: what a
 *   saved picture is called, too
 */

/** @param {string} noun */
const gestures = (noun) =>
  `Move over the map and the ${noun} follows; drag, and the point stays where you let go. Two fingers, or the wheel `
  + 'with Ctrl or once you have clicked: closer and further away. Shift and drag, or two fingers: move the map. '
  + 'Shaded places are far from every code.';
const LASSO = 'L: the lasso, in which Enter sets a corner, Enter again closes it and Escape ends it.';

/** @param {ViewProps<Data>} props */
export default function pad({ parentElement, data, model }) {
  const root = queryIn(parentElement)('.pad');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const state = stateOf('pad');
  const grid = imageGrid(model.batch, model, () => navigation.redraw('map'));
  const polygon = lasso($('.lasso'), {
    redraw: () => navigation.redraw('over'),
    close: (corners) => frame.writePlaces({ lasso: frame.lassoText(corners) }),
    toggle: toggleLasso,
  });
  /** @type {Navigation} */
  const navigation = new Navigation(root, model, signal, {
    name: 'Latent explorer',
    describeDistance,
    stop: dropPoint,
    moved: () => frame.moved(),
    restyle: (theme) => frame.restyle(theme),
    backdrop: requestImages,
    lasso: polygon,
  });
  /** @type {MapFrame} */
  const frame = new MapFrame(root, signal, state, framed());

  /** @returns {FramedMap} */
  function framed() {
    return {
      view: () => navigation.view,
      map: () => navigation.planeMap,
      lasso: polygon,
      redraw: () => navigation.redraw('map', 'over'),
      backdrops: BACKDROPS,
      backdropLabel: (name) => name.replace('images', NOUNS[model.modality.kind].many),
      apply: ({ at }, first) => movePoint(at ? numbersOf(at) : navigation.centre, first),
      saved,
    };
  }

  /** @param {boolean} active */
  function toggleLasso(active) {
    if (active) polygon.draw([]);
    else if (polygon.corners().length) polygon.close([]);
  }

  /** @param {BackdropContext} context */
  function requestImages({ view, planeMap, label, stage }) {
    const { backdrop, names, large, lit } = frame;
    if (backdrop === 'decoded images') grid.request(view, planeMap, label, stage.clientWidth, stage.clientHeight);
    return { backdrop, imageGrid: grid, names, large, lit };
  }

  // The point as the address says it.
  /** @param {Point} point */
  const pointText = (point) =>
    numbersText(navigation.planeMap.oneDimensional ? point.slice(0, 1) : point, navigation.view.precision);

  // It is let go: the address says where, and there it stays.
  function dropPoint() {
    const text = pointText(navigation.point);
    const moved = text !== pointText(navigation.centre);
    movePoint(moved ? numbersOf(text) : navigation.centre, true);
    state.write({ at: moved ? text : null, ...frame.viewTexts() });
  }

  /** @param {number[]} to @param {boolean} silent */
  function movePoint([x, y = 0], silent) {
    const [left, up] = navigation.point;
    if (x !== left || (y !== up && !navigation.planeMap.oneDimensional))
      navigation.moveTo([x, y], { announce: !silent });
  }

  function saved() {
    const { theme, view, planeMap: map, stage, point } = navigation;
    const { backdrop, names, large, lit } = frame;
    return {
      title: data.title ?? 'Latent explorer',
      fileName: data.file_name ?? 'latent-explorer',
      drawing: { theme, view, map, backdrop, imageGrid: grid, names, large, lit },
      width: stage.clientWidth,
      height: stage.clientHeight,
      drawOver: navigation.drawOver.bind(navigation),
      lasso: polygon.corners(),
      point,
    };
  }

  function connect() {
    on($('.lasso'), 'click', () => polygon.setActive(!polygon.active()));
    on($('.zoom-in'), 'click', () => navigation.controls.zoom(1.5));
    on($('.zoom-out'), 'click', () => navigation.controls.zoom(1 / 1.5));
    on($('.reset-view'), 'click', navigation.controls.resetView);
    $('.gestures').textContent = gestures(NOUNS[model.modality.kind].one);
    $('.keys').textContent = `${KEYS}; ${LASSO}`;
    $('.lasso').setAttribute('aria-pressed', 'false');
  }
  connect();
  update(data);

  /** @param {Data} next */
  function update(next) {
    data = next;
    const another = navigation.update(next);
    grid.clear();
    if (!another) return;
    const { classNames, labels } = navigation.planeMap;
    const classCounts = new Uint32Array(classNames.length);
    for (const label of labels) classCounts[label]++;
    frame.fill({ classNames, classCounts });
  }
  function close() {
    navigation.close();
    stop();
    grid.close();
  }
  return { update, restyle: () => navigation.restyle(), close };
}

/** @type {import('../../map/readout.js').DescribeDistance} */
function describeDistance(zone, times) {
  if (times < 0.95) return `${zone}: closer to the nearest code than codes usually are to each other`;
  if (times < 1.5) return `${zone}: as close to the nearest code as codes usually are to each other`;
  const many = times.toFixed(times < 10 ? 1 : 0);
  return `${zone}: ${many} times as far from the nearest code as codes usually are from each other`;
}
