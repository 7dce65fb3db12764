// A map that one walks on by mouse, finger or keys, the picture decoded where one stands, and how far that is from the
// data: what the pad and the first screen share.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // the same version
const [{ windowOn }, { gestures }, { steering }] = await Promise.all(
  ['./plane.js', './gestures.js', './keys.js'].map(beside),
);
const { unpack, lifted, nearest, zone, needle, written, WORDS } = await beside('./places.js');
const [{ drawBack }, { drawOver }, { paint }, { lookOf, fillLegend }] = await Promise.all(
  ['./backdrop.js', './overlay.js', './picture.js', './look.js'].map(beside),
);

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const QUIET = 400; // milliseconds without a key until the walk counts as over, and between two things said aloud
export const KEYS = 'Arrows move the point, with Shift further; Home: the middle; + and −: closer and further away; 0: the '
  + 'whole map';

/**
 * What somebody adds to the walking; each has a default that does nothing.
 * @typedef {Object} More
 * @property {string} [name] of the map, for whoever cannot see it
 * @property {(where: string, times: number) => string} [told] how far a place is from the data: one of WORDS, and how many
 *   times as far from its nearest code as codes usually are
 * @property {() => { behind: string }} [back] what to draw behind the point (backdrop.js)
 * @property {(drawn: { view: any, look: any, places: any, hover: any }) => void} [painted] all is drawn
 * @property {() => void} [touched] somebody has moved, by hand
 * @property {(point: [number, number]) => void} [rested] and lets go
 * @property {any} [lasso] { on(), arm(on), corners(), draw(corners), enclose(corners) }
 */
const ALONE = {
  name: 'Map', told: (where) => where, back: () => ({ behind: 'points' }), painted() {}, touched() {}, rested() {},
  lasso: { on: () => false, arm() {}, corners: () => [], draw() {}, enclose() {} },
};

/**
 * Fills .stage with its canvases .map and .over, .picture, .place, .zones, .words, .near, .legend and .heard of `root`.
 * @param {HTMLElement} root @param {import('./models.js').Model} model @param {AbortSignal} signal @param {More} more
 */
export function walking(root, model, signal, more) {
  const $ = (selector) => root.querySelector(selector), stage = $('.stage'), on = { ...ALONE, ...more }, { lasso } = on;
  let places, view, label, look = null, asked = 0, changed = new Set(), quiet = 0, spoken = 0, closed = false;
  let point = [0, 0], exact = null, hover = null, code; // places in units of the plane

  function ask(...what) {
    for (const each of what) changed.add(each);
    if (!closed) asked ||= requestAnimationFrame(frame);
  }

  function frame(now) {
    asked = 0;
    if (view.step(now, calm.matches)) ask('map', 'over');
    const stale = changed;
    changed = new Set(asked ? ['map', 'over'] : []);
    if (stale.has('map')) drawBack($('.map'), { look, view, places, ...on.back({ view, places, label, stage }) });
    if (stale.has('point')) redraw();
    if (!stale.size) return;
    const near = nearest(places, ...(hover ?? point));
    drawOver($('.over'), { look, view, places, point, hover, lasso: lasso.corners(), near });
    on.painted({ look, view, places, hover });
  }

  // The picture of the place, and where that place is.
  function redraw() {
    const [x, y] = hover ?? point, near = nearest(places, x, y), where = WORDS[zone(places, near.distance)];
    const z = hover || !exact ? lifted(places, x, y, code) : exact;
    paint($('.picture'), model.decode(z, label), model.shape);
    $('.place').textContent = written(places, x, y);
    $('.zones b').style.left = `${100 * needle(places, near.distance)}%`;
    $('.words').textContent = on.told(where[0].toUpperCase() + where.slice(1), near.distance / places.typical);
    $('.near').textContent = `Nearest test picture: ${classOf(near)}`;
    $('.picture').setAttribute('aria-label', `The picture decoded at ${written(places, x, y)}`);
    if (!hover) stage.setAttribute('aria-label', `${on.name}. ${said(near)}`);
  }

  const said = (near) =>
    `${written(places, ...point)}. ${WORDS[zone(places, near.distance)]}. Nearest test picture: ${classOf(near)}.`;
  const classOf = ({ row }) => places.classes[places.labels[row]];

  function speak(words) { // not more than a listener can follow
    clearTimeout(spoken);
    spoken = setTimeout(() => { $('.heard').textContent = words ?? said(nearest(places, ...point)); }, QUIET);
  }

  // `given`: the code to decode there, when somebody knows it better than its shadow on the plane tells.
  function move(to, { aloud = true, given = null } = {}) {
    point = view.inside(...to);
    exact = given;
    hover = null;
    if (aloud) speak();
    ask('point', 'over');
  }

  function byHand(to, aloud) {
    on.touched();
    move(to, { aloud });
  }

  // By keys: it counts as over once they rest.
  function steer(to) {
    byHand(to);
    view.follow(...point);
    ask('map');
    clearTimeout(quiet);
    quiet = setTimeout(() => on.rested(point), QUIET);
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
    pan(...by) { view.pan(...by); ask('map', 'over'); },
    enlarge(...by) { view.enlarge(...by); ask('map', 'over'); },
    draw: lasso.draw, enclose: lasso.enclose,
  });
  stage.addEventListener('keydown', steering({
    view: () => view, place: () => point, step: 0.01, middle, move: steer, zoom, whole,
    lassoing: lasso.on, arm: lasso.arm, lasso: lasso.corners, draw: lasso.draw, enclose: lasso.enclose,
  }), { signal });
  const sizes = new ResizeObserver(() => ask('map', 'over'));
  sizes.observe(stage);

  // The page's data (ui/live.py, `placed`); whether they are another map's. `start` is where the point stands first.
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
    ask, move, speak, zoom, whole, update, dress, close,
    get point() { return point; }, get places() { return places; }, get look() { return look; },
  };
}
