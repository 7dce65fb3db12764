// The map of all codes: dots to move about, tell apart by class, point at and lasso. What is chosen goes to the page.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // the same version
const [{ windowOn }, { gestures }, { steering }, { choices, element }] = await Promise.all(
  ['./plane.js', './gestures.js', './keys.js', './page.js'].map(beside),
);
const [{ unpack, nearest, named, summary, journey }, { drawBack }, { drawMarks }, { paint }, { lookOf }, { get }] = await Promise.all(
  ['./dots.js', './backdrop.js', './marks.js', './picture.js', './look.js', './models.js'].map(beside),
);
const { say } = await beside('../replay/canvas.js');

const calm = matchMedia('(prefers-reduced-motion: reduce)');
const JOURNEY = 700; // milliseconds in which points go from one map to the next
const QUIET = 400; // milliseconds without a change until it is said aloud
const GESTURES = 'Drag: move the map (on a touch screen, tap it first). Two fingers, or the wheel with Ctrl or once you '
  + 'have clicked: closer and further away. Click: see the picture below.';
const KEYS = 'Arrows move the cross, with Shift further; Home: the middle; Enter: the picture nearest to it; + and −: '
  + 'closer and further away; 0: the whole map; L: the lasso, in which Enter sets a corner, Enter again closes it and '
  + 'Escape ends it.';

export default function map({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector('.map'), $ = (selector) => root.querySelector(selector);
  const stage = $('.stage'), leaves = new AbortController(), { signal } = leaves;
  let places = null, view, model = null, look = null, asked = 0, changed = new Set(), spoken = 0, closed = false;
  let hover = null, cross = [0, 0], keyed = false, seen = -1, chosen = -1; // places of the plane; points by number
  let told = null; // the point that words and picture are about; null when they have to be made anew
  let lasso = [], lassoing = false, behind = 'points', travels = null, began = 0;

  function ask(...what) {
    for (const each of what) changed.add(each);
    if (!closed) asked ||= requestAnimationFrame(frame);
  }

  function frame(now) {
    asked = 0;
    if (view.step(now, calm.matches)) ask('map', 'over');
    if (travels) travel(now);
    const stale = changed;
    changed = new Set(asked ? ['map', 'over'] : []);
    if (stale.has('map')) drawBack($('.dots'), { look, view, places, behind });
    if (stale.has('over')) point();
    drawMarks($('.over'), { look, view, places, seen, chosen, lasso, aim: keyed && !hover ? cross : null });
  }

  // All points on their way from the last map to this one: slowly at first and at the end.
  function travel(now) {
    began ||= now;
    const share = calm.matches ? 1 : Math.min(1, (now - began) / JOURNEY);
    travels(share * share * (3 - 2 * share));
    if (share === 1) travels = null;
    ask('map', 'over');
  }

  // What is looked at: the point nearest to the mouse, or to the cross; else the chosen one.
  function point() {
    const at = hover ?? (keyed ? cross : null);
    seen = at ? nearest(places, view, at) : -1;
    const which = seen >= 0 ? seen : chosen, words = which >= 0 ? named(places, which) : nothing();
    if (which === told) return;
    told = which;
    $('.found').textContent = words;
    stage.setAttribute('aria-label', `Map of codes. ${words}`);
    decode(which, words);
    if (!hover && which >= 0) aloud(words);
  }
  const nothing = () => (places.hidden.size < places.classes.length
    ? 'Point at the map to see which picture lies there.' : 'All classes are hidden.');

  function decode(at, words) {
    const code = at >= 0 && model ? places.codeOf(at) : null;
    $('.picture').style.visibility = code ? 'visible' : 'hidden'; // it keeps its room
    say($('.picture'), code ? `Decoded from the code of ${words}` : 'No picture');
    if (code) paint($('.picture'), model.decode(code, places.labels[at]), model.shape);
  }

  function aloud(words) { // not more than a listener can follow
    clearTimeout(spoken);
    spoken = setTimeout(() => { $('.heard').textContent = words; }, QUIET);
  }

  // The page hears of a row or of a lasso, and of what is hidden in it: never of points.
  function tell(what) {
    setStateValue('asked', what && { of: places.key, hidden: [...places.hidden], ...what });
  }
  function pick(at) {
    lasso = [];
    chosen = nearest(places, view, at);
    ask('over');
    tell(chosen >= 0 ? { row: places.rows[chosen] } : null);
  }
  function enclose(polygon) {
    lasso = polygon;
    chosen = -1;
    ask('over');
    tell(polygon.length > 2 ? { polygon: polygon.map((corner) => corner.map((value) => +value.toPrecision(6))) } : null);
  }
  function arm(on) {
    lassoing = on;
    $('.lasso').setAttribute('aria-pressed', on);
    stage.classList.toggle('lassoing', on);
    hover = null;
    if (!on && lasso.length) enclose([]);
    ask('over');
  }

  function hide(classes) {
    places.hidden = new Set(classes);
    told = null;
    $('.all').textContent = places.hidden.size ? 'Show all' : 'Hide all';
    for (const button of root.querySelectorAll('.legend button')) {
      button.setAttribute('aria-pressed', !places.hidden.has(Number(button.value)));
    }
    if (places.hidden.has(places.labels[chosen])) chosen = -1;
    ask('map', 'over');
    if (lasso.length > 2) enclose(lasso);
  }
  function toggle(label) {
    const hidden = new Set(places.hidden);
    if (!hidden.delete(label)) hidden.add(label);
    hide(hidden);
  }

  function aim(at) {
    cross = view.inside(...at);
    [keyed, hover] = [true, null];
    view.follow(...cross);
    ask('map', 'over');
  }
  function draw(corners) {
    lasso = corners;
    ask('over');
  }

  const middle = () => [(view.edges[0] + view.edges[1]) / 2, (view.edges[2] + view.edges[3]) / 2];
  function zoom(times) {
    view.enlarge(times, ...(keyed ? [view.across(cross[0]), view.down(cross[1])] : []));
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
    hover(at) { hover = at; ask('over'); },
    pan(...by) { [hover, keyed] = [null, false]; view.pan(...by); ask('map', 'over'); },
    enlarge(...by) { view.enlarge(...by); ask('map', 'over'); },
    draw, pick, enclose,
  });
  const listen = (target, name, call) => target.addEventListener(name, call, { signal });
  listen(stage, 'keydown', steering({
    view: () => view, place: () => cross, step: 0.02, middle, move: aim, zoom, whole,
    lassoing: () => lassoing, arm, lasso: () => lasso, draw, enclose, enter: () => pick(cross),
  }));
  listen(stage, 'focus', () => { if (stage.matches(':focus-visible')) aim(cross); });
  listen(stage, 'blur', () => { keyed = false; ask('over'); });
  listen(stage, 'pointerdown', () => { keyed = false; });
  listen($('.lasso'), 'click', () => arm(!lassoing));
  listen($('.closer'), 'click', () => zoom(1.5));
  listen($('.further'), 'click', () => zoom(1 / 1.5));
  listen($('.whole'), 'click', whole);
  listen($('.all'), 'click', () => hide(places.hidden.size ? [] : places.classes.keys()));
  listen($('.legend'), 'click', ({ target }) => {
    const button = target.closest('button');
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

  function update(given) {
    if (given.key !== places?.key) lay(given);
    say($('.dots'), summary(places, given.what));
    $('.picture').hidden = !given.decoder || !places.pieces.codes;
    if (given.decoder) get(given.decoder).then(receive);
    told = null;
    ask('map', 'over');
  }

  function lay({ key, head, blob, splits }) {
    const before = places;
    places = { ...unpack(head, blob.getChild('blob').get(0), splits), key };
    view = windowOn(places);
    [travels, began] = [journey(before, places), 0];
    [hover, seen, chosen, lasso, cross] = [null, -1, -1, [], middle()];
    stage.classList.toggle('line', places.flat);
    if (before?.classes.join() === places.classes.join()) places.hidden = before.hidden;
    $('.legend').replaceChildren(...places.classes.map((name, at) => {
      const count = element('small', {}, places.counts[at].toLocaleString('en'));
      const button = element('button', { type: 'button', class: 'button', value: at }, element('i'));
      button.append(element('span', {}, name), count);
      return element('li', {}, button);
    }));
    hide(places.hidden);
    if (look) dress();
  }

  function receive(found) {
    model = found;
    told = null;
    ask('over');
  }

  function dress() {
    look = lookOf(root);
    root.querySelectorAll('.legend i').forEach((mark, at) => {
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
