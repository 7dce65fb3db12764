// The latent pad: a plane of the latent space, and the picture of the place under the pointer while it moves.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // the same version
const [{ walking, KEYS }, { choices }, { mosaicOf }] = await Promise.all(
  ['./walking.js', './page.js', './mosaic.js'].map(beside),
);

const GESTURES = 'Move over the map and the picture follows; drag, and the point stays where you let go. Two fingers, '
  + 'or the wheel with Ctrl or once you have clicked: closer and further away. Shift and drag, or two fingers: move the '
  + 'map. Shaded places are far from every code.';
const LASSO = 'L: the lasso, in which Enter sets a corner, Enter again closes it and Escape ends it.';

export default function pad({ parentElement, data, model, setStateValue }) {
  const root = parentElement.querySelector('.pad'), $ = (selector) => root.querySelector(selector);
  const leaves = new AbortController(), { signal } = leaves;
  let lasso = [], lassoing = false, behind = 'points'; // corners in units of the plane
  const mosaic = mosaicOf(model.crowd, model, () => walk.ask('map'));

  const walk = walking(root, model, signal, {
    name: 'Latent pad', told,
    rested: (point) => setStateValue('point', point.map((value) => +value.toPrecision(6))),
    back({ view, places, label, stage }) {
      if (behind === 'pictures') mosaic.want(view, places, label, stage.clientWidth, stage.clientHeight);
      return { behind, mosaic };
    },
    lasso: { on: () => lassoing, arm, corners: () => lasso, draw, enclose },
  });

  function told(where, times) {
    const far = times < 0.95 ? 'closer to the nearest code than codes usually are to each other'
      : times < 1.5 ? 'as close to the nearest code as codes usually are to each other'
      : `${times.toFixed(times < 10 ? 1 : 0)} times as far from the nearest code as codes usually are from each other`;
    return `${where}: ${far}`;
  }

  function draw(corners) {
    lasso = corners;
    walk.ask('over');
  }
  function enclose(polygon) {
    draw(polygon);
    setStateValue('polygon', polygon.map((corner) => corner.map((value) => +value.toPrecision(5))));
  }
  function arm(on) {
    lassoing = on;
    $('.lasso').setAttribute('aria-pressed', on);
    if (on) draw([]);
    else enclose([]);
  }

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
  $('.lasso').setAttribute('aria-pressed', false);
  update(data);

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
