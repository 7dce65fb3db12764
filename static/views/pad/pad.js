// The latent pad: a plane of the latent space, and the picture of the place under the pointer while it moves.

import { walking, KEYS } from '../../map/navigation.js';
import { choices, finder } from '../../dom/dom.js';
import { mosaicOf } from '../../map/image_grid.js';

/**
 * @import { Given } from '../../index.js'
 * @import { PlacesData } from '../../map/latent_plane.js'
 * @import { Place } from '../../map/viewport.js'
 */

const GESTURES =
  'Move over the map and the picture follows; drag, and the point stays where you let go. Two fingers, or the wheel '
  + 'with Ctrl or once you have clicked: closer and further away. Shift and drag, or two fingers: move the map. '
  + 'Shaded places are far from every code.';
const LASSO = 'L: the lasso, in which Enter sets a corner, Enter again closes it and Escape ends it.';

/** @param {Given<PlacesData>} given */
export default function pad({ parentElement, data, model, setStateValue }) {
  const root = finder(parentElement)('.pad');
  const $ = finder(root);
  const leaves = new AbortController();
  const { signal } = leaves;
  /** @type {Place[]} */
  let lasso = []; // corners in units of the plane
  let lassoing = false;
  let behind = 'points';
  const mosaic = mosaicOf(model.crowd, model, () => walk.ask('map'));

  const walk = walking(root, model, signal, {
    name: 'Latent pad',
    told,
    rested: (point) =>
      setStateValue(
        'point',
        point.map((value) => +value.toPrecision(6)),
      ),
    back({ view, places, label, stage }) {
      if (behind === 'pictures') mosaic.want(view, places, label, stage.clientWidth, stage.clientHeight);
      return { behind, mosaic };
    },
    lasso: { on: () => lassoing, arm, corners: () => lasso, draw, enclose },
  });

  /** @param {string} where @param {number} times */
  function told(where, times) {
    if (times < 0.95) return `${where}: closer to the nearest code than codes usually are to each other`;
    if (times < 1.5) return `${where}: as close to the nearest code as codes usually are to each other`;
    const many = times.toFixed(times < 10 ? 1 : 0);
    return `${where}: ${many} times as far from the nearest code as codes usually are from each other`;
  }

  /** @param {Place[]} corners */
  function draw(corners) {
    lasso = corners;
    walk.ask('over');
  }
  /** @param {Place[]} polygon */
  function enclose(polygon) {
    draw(polygon);
    setStateValue(
      'polygon',
      polygon.map((corner) => corner.map((value) => +value.toPrecision(5))),
    );
  }
  /** @param {boolean} on */
  function arm(on) {
    lassoing = on;
    $('.lasso').setAttribute('aria-pressed', String(on));
    if (on) draw([]);
    else enclose([]);
  }

  /** @param {string} selector @param {() => void} call */
  const click = (selector, call) => $(selector).addEventListener('click', call, { signal });
  click('.lasso', () => arm(!lassoing));
  click('.closer', () => walk.zoom(1.5));
  click('.further', () => walk.zoom(1 / 1.5));
  click('.whole', walk.whole);
  choices($('.behind'), ['points', 'density', 'pictures'], behind, (name) => {
    behind = name;
    walk.ask('map', 'over');
  });
  $('.gestures').textContent = GESTURES;
  $('.keys').textContent = `${KEYS}; ${LASSO}`;
  $('.lasso').setAttribute('aria-pressed', 'false');
  update(data);

  /** @param {PlacesData} given */
  function update(given) {
    if (walk.update(given)) lasso = [];
    mosaic.forget();
  }

  function close() {
    walk.close();
    leaves.abort();
    mosaic.close();
  }
  return { update, dress: walk.dress, close };
}
