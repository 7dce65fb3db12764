// Drawing for a model: each movement of the pen is made into a small picture, encoded, and decoded again.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // the same version
const [{ windowOn }, { unpack, shadow, written }, { scanner, trace }, { mse }] = await Promise.all(
  ['./plane.js', './places.js', './ink.js', './metrics.js'].map(beside),
);
const [{ drawBack }, { drawTrail }, { paint }, { fill }, { lookOf, fillLegend }, { wiped, say }] = await Promise.all(
  ['./backdrop.js', './trail.js', './picture.js', './page.js', './look.js', '../replay/canvas.js'].map(beside),
);

const STEP = 0.02, LEAP = 0.08; // of the sheet, for an arrow key
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const QUIET = 500; // milliseconds until what changed is said aloud
const KEYS = 'Arrows move the pen, with Shift further; Space puts it down and lifts it; Backspace takes back a stroke; '
  + 'Delete clears the sheet.';

export default function draw({ parentElement, data, model }) {
  const root = parentElement.querySelector('.draw'), $ = (selector) => root.querySelector(selector);
  const sheet = $('.sheet'), leaves = new AbortController(), { signal } = leaves, scan = scanner(model.shape);
  let { fit, bits, errors } = data, places, view, look = null, asked = 0, closed = false, spoken = 0;
  let strokes = [], drawing = null, cursor = null, down = false, stale = new Set(), code = null;

  function ask(...what) {
    for (const each of what) stale.add(each);
    if (!closed) asked ||= requestAnimationFrame(frame);
  }

  function frame() {
    asked = 0;
    const now = stale;
    stale = new Set();
    if (now.has('ink')) redraw();
    if (now.has('ink') || now.has('sheet')) drawSheet();
    if (now.has('map')) drawBack($('.map'), { look, view, places, behind: 'points' });
    const trails = strokes.map((stroke) => stroke.trail), at = code && shadow(places, code);
    drawTrail($('.over'), { look, view, flat: places.flat, trails, at });
  }

  function drawSheet() {
    const { pen, width } = wiped(sheet);
    pen.save();
    pen.scale(width, width);
    pen.strokeStyle = '#fff'; // the data sets are white on black
    trace(pen, strokes);
    pen.restore();
    if (!strokes.length && !cursor) hint(pen, width);
    if (cursor) aim(pen, cursor.map((share) => share * width), down);
  }

  function hint(pen, width) {
    pen.fillStyle = '#b8bcc4';
    pen.font = `16px ${look.font}`;
    pen.textAlign = 'center';
    pen.fillText('Draw here', width / 2, width / 2);
  }

  function redraw() {
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

  const width = () => $('.pen').valueAsNumber / 100;
  function begin(at) {
    drawing = { width: width(), points: [at], trail: [] };
    strokes.push(drawing);
    ask('ink');
  }
  function finish() {
    drawing = null;
    down = false;
    ask('ink');
  }
  function undo() {
    strokes.pop();
    finish();
  }
  function clear() {
    strokes = [];
    finish();
  }

  const placeOf = (event) => {
    const box = sheet.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  const listen = (target, name, call) => target.addEventListener(name, call, { signal });
  let pointer = null; // a second finger or the palm beside the pen draws nothing
  listen(sheet, 'pointerdown', (event) => {
    if (pointer !== null || event.button) return;
    pointer = event.pointerId;
    sheet.setPointerCapture(pointer);
    cursor = null;
    begin(placeOf(event));
  });
  listen(sheet, 'pointermove', (event) => {
    if (event.pointerId !== pointer || !drawing) return;
    const between = event.getCoalescedEvents?.() ?? []; // all that the hand did since the last frame
    for (const each of between.length ? between : [event]) drawing.points.push(placeOf(each));
    ask('ink');
  });
  for (const name of ['pointerup', 'pointercancel']) {
    listen(sheet, name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      if (name === 'pointercancel' && drawing) strokes.pop(); // the page was scrolled, or a call came in
      finish();
    });
  }
  listen(sheet, 'keydown', (event) => {
    if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey)) undo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (MOVES[event.key]) steer(MOVES[event.key], event.shiftKey ? LEAP : STEP);
    else if (event.key === ' ' || event.key === 'Enter') press();
    else if (event.key === 'Backspace') undo();
    else if (event.key === 'Delete') clear();
    else return;
    event.preventDefault();
  });
  function steer([x, y], far) {
    const [left, top] = cursor ?? [0.5, 0.5], held = (share) => Math.min(1, Math.max(0, share));
    cursor = [held(left + x * far), held(top + y * far)];
    if (down && drawing) drawing.points.push(cursor);
    ask(down ? 'ink' : 'sheet');
  }
  function press() {
    cursor ??= [0.5, 0.5];
    down = !down;
    if (down) begin(cursor);
    else finish();
    aloud(down ? 'Pen down' : 'Pen up');
  }
  listen(sheet, 'blur', () => {
    cursor = null;
    if (down) finish();
    ask('sheet');
  });
  listen($('.undo'), 'click', undo);
  listen($('.clear'), 'click', clear);
  listen($('.centre'), 'change', () => ask('ink'));
  listen($('.pen'), 'input', () => fill($('.pen')));
  const sizes = new ResizeObserver(() => ask('sheet', 'map'));
  for (const each of [sheet, $('.stage')]) sizes.observe(each);

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
  sheet.setAttribute('aria-label', 'Drawing pad');
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

// Where the pen of the keyboard is.
function aim(pen, [x, y], down) {
  for (const [colour, width] of [['#000', 4], ['#fff', 1.5]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.beginPath();
    pen.arc(x, y, down ? 4 : 8, 0, 7);
    pen.moveTo(x - 12, y);
    pen.lineTo(x + 12, y);
    pen.moveTo(x, y - 12);
    pen.lineTo(x, y + 12);
    pen.stroke();
  }
}
