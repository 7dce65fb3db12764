// The time machine: every snapshot of a training is here at once, so a slider moves four panels without asking anybody.

const here = new URL(import.meta.url);
const beside = (name) => import(new URL(name + here.search, here)); // the same version as this file
const [{ drawMap }, { drawManifold, drawPairs, heightOfPairs }, { drawLosses, heightOfLosses }] = await Promise.all(
  ['./map.js', './pictures.js', './losses.js'].map(beside),
);

const WHOLE = 6000, EACH = 500; // milliseconds: playing it all, and at most for one step
const TRIANGLE = 'M3 1.5v13l11-6.5z', BARS = 'M3 2h4v12H3zM9 2h4v12H9z';
const calm = matchMedia('(prefers-reduced-motion: reduce)');
const open = new WeakMap(); // what is mounted where

export default function ({ parentElement, data }) {
  let replay = open.get(parentElement);
  if (replay?.key !== data.key) {
    replay?.close();
    replay = mount(parentElement.querySelector('.replay'), data);
    open.set(parentElement, replay);
  }
  replay.dress(); // Streamlit calls again when the theme changes
  return () => {
    open.get(parentElement)?.close();
    open.delete(parentElement);
  };
}

function mount(root, { key, head, blob }) {
  const $ = (selector) => root.querySelector(selector);
  const [button, slider, when] = [$('.play'), $('.bar input'), $('.when')];
  const film = unpack(head, blob.getChild('blob').get(0), () => ask());
  const last = head.epochs.length - 1;
  let at = last, playing = false, before = 0, asked = 0, look = null; // `at` lies between two snapshots while it plays

  const ask = () => { asked ||= requestAnimationFrame(frame); };

  function frame(now) {
    asked = 0;
    if (playing) {
      // a hidden tab gets no frames, and the first frame may have begun before the button was pressed
      const passed = Math.max(0, Math.min(now - before, 100));
      before = now;
      at = Math.min(last, at + passed / Math.min(EACH, WHOLE / last));
      if (at >= last) play(false);
      else ask();
    }
    draw();
  }

  function tell(step) { // at once, for a screen reader reads it with the new value
    const words = `after ${head.epochs[step]} of ${head.epochs[last]} epochs`;
    if (when.textContent !== words) {
      slider.value = step;
      slider.style.setProperty('--done', `${(100 * step) / (last || 1)}%`);
      slider.setAttribute('aria-valuetext', words);
      when.textContent = words;
    }
    return words;
  }

  function draw() {
    const step = Math.floor(at), between = calm.matches ? 0 : at - step, words = tell(step);
    drawMap($('.map'), look, film, step, between, words);
    drawManifold($('.manifold'), look, film, step, words);
    drawPairs($('.pairs'), look, film, step, words);
    drawLosses($('.losses'), look, film, step, between, words);
  }

  function play(on) {
    playing = on;
    button.lastElementChild.textContent = on ? 'Pause' : 'Play';
    button.querySelector('path').setAttribute('d', on ? BARS : TRIANGLE);
    before = performance.now();
    if (on && at >= last) at = 0;
    tell(Math.floor(at));
    ask();
  }

  function dress() {
    const style = getComputedStyle(root), named = (name) => style.getPropertyValue(`--st-${name}`).trim();
    look = {
      text: named('text-color'), line: named('border-color'), accent: named('primary-color'),
      ground: named('background-color'), font: named('font'), classes: named('chart-categorical-colors').split(','),
    };
    $('.legend').replaceChildren(...head.classes.map((name, at) => {
      const item = document.createElement('li'), mark = document.createElement('i');
      mark.style.background = look.classes[at];
      item.append(mark, name);
      return item;
    }));
    ask();
  }

  function press() { play(!playing); }
  function move() {
    at = slider.valueAsNumber;
    tell(at);
    if (playing) play(false);
    ask();
  }
  function fit() {
    for (const name of ['.map', '.manifold']) $(name).style.height = `${$(name).clientWidth}px`;
    $('.pairs').style.height = `${heightOfPairs(film, $('.pairs').clientWidth)}px`;
    $('.losses').style.height = `${heightOfLosses(film)}px`;
    ask();
  }

  slider.max = last;
  slider.value = last;
  slider.disabled = button.disabled = !last;
  button.addEventListener('click', press);
  slider.addEventListener('input', move);
  const sizes = new ResizeObserver(fit);
  sizes.observe($('.panels'));
  play(false);
  dress();
  fit();

  function close() {
    cancelAnimationFrame(asked);
    asked = -1; // nothing is drawn any more
    sizes.disconnect();
    button.removeEventListener('click', press);
    slider.removeEventListener('input', move);
    film.close();
  }
  return { key, dress, close };
}

// What Python packed (aecore/replay.py): numbers at once, pictures as soon as the browser has decoded them.
function unpack(head, bytes, ready) {
  const piece = ([start, length]) => bytes.slice(start, start + length); // a copy: typed arrays need it aligned
  let closed = false;
  const film = {
    ...head,
    points: new Uint16Array(piece(head.pieces.points).buffer), // [snapshots, count, 2], 0..65535
    labels: piece(head.pieces.labels),
    originals: null, manifolds: [], reconstructions: [],
    close() {
      closed = true;
      for (const bitmap of [film.originals, ...film.manifolds, ...film.reconstructions]) bitmap?.close();
    },
  };
  const decode = (place, keep) => createImageBitmap(new Blob([piece(place)])).then((bitmap) => {
    if (closed) return bitmap.close();
    keep(bitmap);
    return ready();
  });
  decode(head.pieces.originals, (bitmap) => { film.originals = bitmap; });
  for (let at = head.epochs.length - 1; at >= 0; at--) { // the last one is shown first
    for (const kind of ['manifolds', 'reconstructions']) {
      decode(head.pieces[kind][at], (bitmap) => { film[kind][at] = bitmap; });
    }
  }
  return film;
}
