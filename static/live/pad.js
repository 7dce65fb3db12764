// The latent pad: a plane of the latent space, and the picture of the place under the pointer while it moves.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // the same version
const [{ windowOn }, { gestures }, { steering }, { choices }] = await Promise.all(
  ['./plane.js', './gestures.js', './keys.js', './page.js'].map(beside),
);
const { unpack, lifted, nearest, zone, needle, written, WORDS } = await beside('./places.js');
const [{ drawBack }, { drawOver }, { mosaicOf }, { paint }, { lookOf, fillLegend }] = await Promise.all(
  ['./backdrop.js', './overlay.js', './mosaic.js', './picture.js', './look.js'].map(beside),
);

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const QUIET = 400; // milliseconds without a key until the page is told, and between two things said aloud
const GESTURES = 'Move over the map and the picture follows; drag, and the point stays where you let go. Two fingers, '
  + 'or the wheel with Ctrl or once you have clicked: closer and further away. Shift and drag, or two fingers: move the '
  + 'map. Shaded places are far from every code.';
const KEYS = 'Arrows move the point, with Shift further; Home: the middle; + and −: closer and further away; 0: the '
  + 'whole map; L: the lasso, in which Enter sets a corner, Enter again closes it and Escape ends it.';

export default function pad({ parentElement, data, model, setStateValue }) {
  const root = parentElement.querySelector('.pad'), $ = (selector) => root.querySelector(selector);
  const stage = $('.stage'), leaves = new AbortController(), { signal } = leaves;
  let places, view, label, code, look = null, asked = 0, changed = new Set();
  let point = [0, 0], hover = null, lasso = [], lassoing = false, behind = 'points'; // places in units of the plane
  let quiet = 0, spoken = 0, closed = false;
  const mosaic = mosaicOf(model.crowd, model, () => ask('map'));

  function ask(...what) {
    for (const each of what) changed.add(each);
    if (!closed) asked ||= requestAnimationFrame(frame);
  }

  function frame(now) {
    asked = 0;
    if (view.step(now, calm.matches)) ask('map', 'over');
    const stale = changed;
    changed = new Set(asked ? ['map', 'over'] : []);
    if (stale.has('map')) {
      if (behind === 'pictures') mosaic.want(view, places, label, stage.clientWidth, stage.clientHeight);
      drawBack($('.map'), { look, view, places, behind, mosaic });
    }
    if (stale.has('point')) redraw();
    if (!stale.size) return;
    const near = nearest(places, ...(hover ?? point));
    drawOver($('.over'), { look, view, places, point, hover, lasso, near });
  }

  // The picture of the place, and where that place is.
  function redraw() {
    const [x, y] = hover ?? point;
    paint($('.picture'), model.decode(lifted(places, x, y, code), label), model.shape);
    const near = nearest(places, x, y), words = told(near);
    $('.place').textContent = written(places, x, y);
    $('.zones b').style.left = `${100 * needle(places, near.distance)}%`;
    $('.words').textContent = words;
    $('.near').textContent = `Nearest test picture: ${classOf(near)}`;
    $('.picture').setAttribute('aria-label', `The picture decoded at ${written(places, x, y)}`);
    if (!hover) stage.setAttribute('aria-label', `Latent pad. ${said(near)}`);
  }

  function told({ distance }) {
    const times = distance / places.typical, where = WORDS[zone(places, distance)];
    const far = times < 0.95 ? 'closer to the nearest code than codes usually are to each other'
      : times < 1.5 ? 'as close to the nearest code as codes usually are to each other'
      : `${times.toFixed(times < 10 ? 1 : 0)} times as far from the nearest code as codes usually are from each other`;
    return `${where[0].toUpperCase() + where.slice(1)}: ${far}`;
  }
  const said = (near) =>
    `${written(places, ...point)}. ${WORDS[zone(places, near.distance)]}. Nearest test picture: ${classOf(near)}.`;
  const classOf = ({ row }) => places.classes[places.labels[row]];

  function speak() { // not more than a listener can follow
    clearTimeout(spoken);
    spoken = setTimeout(() => { $('.heard').textContent = said(nearest(places, ...point)); }, QUIET);
  }

  function move(to, tell = true) {
    point = view.inside(...to);
    hover = null;
    if (tell) speak();
    ask('point', 'over');
  }
  const send = () => setStateValue('point', point.map((value) => +value.toPrecision(6)));

  function enclose(polygon) {
    lasso = polygon;
    ask('over');
    setStateValue('polygon', polygon.map((corner) => corner.map((value) => +value.toPrecision(5))));
  }
  function arm(on) {
    lassoing = on;
    $('.lasso').setAttribute('aria-pressed', on);
    lasso = [];
    if (on) ask('over');
    else enclose([]);
  }

  // By keys: the page hears of it once they rest.
  function steer(to) {
    move(to);
    view.follow(...point);
    ask('map');
    clearTimeout(quiet);
    quiet = setTimeout(send, QUIET);
  }
  function draw(corners) {
    lasso = corners;
    ask('over');
  }

  const middle = () => places.span.map(([low, high]) => (low + high) / 2);
  function zoom(times) {
    view.enlarge(times, ...(view.flat ? [view.across(point[0]), 0.5] : [view.across(point[0]), view.down(point[1])]));
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
    lassoing: () => lassoing,
    hover(at) { hover = at; ask('point', 'over'); },
    move, send,
    restore(to) { move(to, false); },
    point: () => point,
    pan(...by) { view.pan(...by); ask('map', 'over'); },
    enlarge(...by) { view.enlarge(...by); ask('map', 'over'); },
    draw, enclose,
  });
  stage.addEventListener('keydown', steering({
    view: () => view, place: () => point, step: 0.01, middle, move: steer, zoom, whole,
    lassoing: () => lassoing, arm, lasso: () => lasso, draw, enclose,
  }), { signal });
  const click = (selector, call) => $(selector).addEventListener('click', call, { signal });
  click('.lasso', () => arm(!lassoing));
  click('.closer', () => zoom(1.5));
  click('.further', () => zoom(1 / 1.5));
  click('.whole', whole);
  choices($('.behind'), ['points', 'density', 'pictures'], behind, (name) => {
    behind = name;
    ask('map', 'over');
  });
  const sizes = new ResizeObserver(() => ask('map', 'over'));
  sizes.observe(stage);
  $('.gestures').textContent = GESTURES;
  $('.keys').textContent = KEYS;
  $('.lasso').setAttribute('aria-pressed', false);
  update(data);

  function update(given) {
    const moved = given.key !== places?.key;
    places = { ...unpack(given.head, given.blob.getChild('blob').get(0)), key: given.key };
    label = given.label;
    if (moved) {
      view = windowOn(places);
      code = new Float32Array(places.origin.length);
      point = view.inside(...middle());
      [hover, lasso] = [null, []];
      stage.classList.toggle('line', places.flat);
    }
    mosaic.forget();
    ask('map', 'point', 'over');
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
    leaves.abort();
    mosaic.close();
  }
  return { update, dress, close };
}
