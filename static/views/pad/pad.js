// The latent explorer: a plane of the latent space, and the image decoded under the pointer while it moves.

import { Navigation, KEYS } from '../../map/navigation.js';
import { lasso } from '../../map/lasso.js';
import { listeners, queryIn, radioGroup } from '../../dom/dom.js';
import { imageGrid } from '../../map/image_grid.js';

/**
 * @import { ViewProps } from '../../index.js'
 * @import { PlaneMapData } from '../../map/latent_plane.js'
 */

const GESTURES =
  'Move over the map and the image follows; drag, and the point stays where you let go. Two fingers, or the wheel '
  + 'with Ctrl or once you have clicked: closer and further away. Shift and drag, or two fingers: move the map. '
  + 'Shaded places are far from every code.';
const LASSO = 'L: the lasso, in which Enter sets a corner, Enter again closes it and Escape ends it.';

/** @param {ViewProps<PlaneMapData>} props */
export default function pad({ parentElement, data, model, setStateValue }) {
  const root = queryIn(parentElement)('.pad');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  let backdrop = 'points';
  const grid = imageGrid(model.batch, model, () => navigation.redraw('map'));
  const polygon = lasso($('.lasso'), {
    redraw: () => navigation.redraw('over'),
    close: (corners) =>
      setStateValue(
        'lasso',
        corners.map((corner) => rounded(corner, 5)),
      ),
    toggle(active) {
      if (active) polygon.draw([]);
      else polygon.close([]);
    },
  });
  const navigation = new Navigation(root, model, signal, {
    name: 'Latent explorer',
    describeDistance,
    stop: (point) => setStateValue('point', rounded(point, 6)),
    backdrop({ view, planeMap, label, stage }) {
      if (backdrop === 'decoded images') grid.request(view, planeMap, label, stage.clientWidth, stage.clientHeight);
      return { backdrop, imageGrid: grid };
    },
    lasso: polygon,
  });

  on($('.lasso'), 'click', () => polygon.setActive(!polygon.active()));
  on($('.zoom-in'), 'click', () => navigation.controls.zoom(1.5));
  on($('.zoom-out'), 'click', () => navigation.controls.zoom(1 / 1.5));
  on($('.reset-view'), 'click', navigation.controls.resetView);
  radioGroup($('.backdrop'), ['points', 'density', 'decoded images'], backdrop, (name) => {
    backdrop = name;
    navigation.redraw('map', 'over');
  });
  $('.gestures').textContent = GESTURES;
  $('.keys').textContent = `${KEYS}; ${LASSO}`;
  $('.lasso').setAttribute('aria-pressed', 'false');
  update(data);

  /** @param {PlaneMapData} next */
  function update(next) {
    if (navigation.update(next)) polygon.clear();
    grid.clear();
  }
  function close() {
    navigation.close();
    stop();
    grid.close();
  }
  return { update, restyle: () => navigation.restyle(), close };
}

/** @param {number[]} values @param {number} digits */
const rounded = (values, digits) => values.map((value) => +value.toPrecision(digits));

/** @type {import('../../map/readout.js').DescribeDistance} */
function describeDistance(zone, times) {
  if (times < 0.95) return `${zone}: closer to the nearest code than codes usually are to each other`;
  if (times < 1.5) return `${zone}: as close to the nearest code as codes usually are to each other`;
  const many = times.toFixed(times < 10 ? 1 : 0);
  return `${zone}: ${many} times as far from the nearest code as codes usually are from each other`;
}
