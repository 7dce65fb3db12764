// Drawing for a model: each movement of the pen is made into a small picture, encoded, and decoded again.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // the same version
const [{ windowOn }, { unpack, shadow, written }, { scanner }, { sheetOn, KEYS }, { mse }] = await Promise.all(
  ['./plane.js', './places.js', './ink.js', './sheet.js', './metrics.js'].map(beside),
);
const [{ drawBack }, { drawTrail }, { paint }, { fill }, { lookOf, fillLegend }, { say }] = await Promise.all(
  ['./backdrop.js', './trail.js', './picture.js', './page.js', './look.js', '../replay/canvas.js'].map(beside),
);

const QUIET = 500; // milliseconds until what changed is said aloud

export default function draw({ parentElement, data, model }) {
  const root = parentElement.querySelector('.draw'), $ = (selector) => root.querySelector(selector);
  const leaves = new AbortController(), { signal } = leaves, scan = scanner(model.shape);
  let { fit, bits, errors } = data, places, view, look = null, asked = 0, closed = false, spoken = 0;
  let stale = new Set(), code = null;
  const sheet = sheetOn($('.sheet'), signal, {
    width: () => $('.pen').valueAsNumber / 100, drawn: () => ask('ink'), aimed: () => ask('sheet'), said: aloud,
  });

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
    if (now.has('map')) drawBack($('.map'), { look, view, places, behind: 'points' });
    const trails = sheet.strokes.map((stroke) => stroke.trail), at = code && shadow(places, code);
    drawTrail($('.over'), { look, view, flat: places.flat, trails, at });
  }

  function redraw() {
    const { strokes, drawing } = sheet;
    const given = scan(strokes, $('.centre').checked ? fit : null, bits), drawn = strokes.length > 0;
    const [seen, redrawn] = [$('.given'), $('.redrawn')];
    paint(seen, given, model.shape);
    const label = drawn ? model.guess(given) : 0;
    code = drawn ? model.encode(given, label).slice() : null;
    const picture = drawn ? model.decode(code, label) : given;
    paint(redrawn, picture, model.shape);
    if (drawing) drawing.trail.push(shadow(places, code));
    const words = drawn ? taken(label) + judged(mse(given, picture)) : 'Nothing is drawn yet.';
    const place = drawn ? written(places, ...shadow(places, code)) : 'no code yet';
    $('.words').textContent = words;
    say(seen, drawn ? 'Your drawing as the model is given it' : 'Nothing drawn yet');
    say(redrawn, drawn ? `What the model makes of the code at ${place}` : 'Nothing drawn yet');
    say($('.map'), `Map of ${places.count.toLocaleString('en')} test pictures; the code of the drawing: ${place}`);
    if (!drawing) aloud(`${drawn ? `Code: ${place}. ` : ''}${words}`);
  }

  // A model that is told the class is told the one that fits best.
  const taken = (label) => (model.classes ? `Taken for ${places.classes[label]}. ` : '');

  // How well it is redrawn, against the errors of test pictures: the median, and what 9 of 10 and 99 of 100 stay below.
  function judged(error) {
    const [usual, most, nearlyAll] = errors, number = `Squared error ${error.toFixed(4)} per pixel`;
    if (error <= usual) return `${number}, less than for half of the test pictures.`;
    if (error <= most) return `${number}, as usual for test pictures (half of them stay below ${usual.toFixed(4)}).`;
    const share = error <= nearlyAll ? '9 of 10' : '99 of 100';
    return `${number}, more than for ${share} test pictures: this model has hardly seen such a drawing.`;
  }

  function aloud(words) {
    clearTimeout(spoken);
    spoken = setTimeout(() => { $('.heard').textContent = words; }, QUIET);
  }

  const listen = (target, name, call) => target.addEventListener(name, call, { signal });
  listen($('.undo'), 'click', sheet.undo);
  listen($('.clear'), 'click', sheet.clear);
  listen($('.centre'), 'change', () => ask('ink'));
  listen($('.pen'), 'input', () => fill($('.pen')));
  const sizes = new ResizeObserver(() => ask('sheet', 'map'));
  for (const each of [$('.sheet'), $('.stage')]) sizes.observe(each);

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
  $('.pen').value = 100 * data.pen;
  $('.centre').checked = true;
  $('.sheet').setAttribute('aria-label', 'Drawing pad');
  fill($('.pen'));
  update(data);

  return {
    update, dress,
    close() {
      closed = true;
      cancelAnimationFrame(asked);
      clearTimeout(spoken);
      sizes.disconnect();
      leaves.abort();
    },
  };
}
