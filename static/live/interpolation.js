// The way from one picture to another, decoded while it is dragged or played.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // of the same version
const [{ floats }, { frames, fill, listeners }, { PATHS, linear }, { paint }] = await Promise.all(
  ['./numbers.js', './page.js', './paths.js', './picture.js'].map(beside),
);

const WAY = 2500; // milliseconds from one end to the other
const TRIANGLE = 'M3 1.5v13l11-6.5z', BARS = 'M3 2h4v12H3zM9 2h4v12H9z';
const calm = matchMedia('(prefers-reduced-motion: reduce)');

const unpack = (data) => ({
  path: PATHS[data.path], label: data.label,
  codes: data.codes.map(floats), pictures: data.pictures.map(floats),
});

export default function view({ parentElement, data, model }) {
  const root = parentElement.querySelector('.interpolation'), $ = (selector) => root.querySelector(selector);
  const [button, slider, loop] = [$('.play'), $('input[type="range"]'), $('.loop')];
  const code = new Float32Array(model.size), faded = new Float32Array(model.shape.reduce((a, b) => a * b));
  const { on, stop } = listeners(), screen = frames(frame);
  let given = unpack(data), at = 0.5, playing = false, forward = true, before = 0;

  function frame(now) {
    // a hidden tab gets no frames, and the first frame may have begun before the button was pressed
    if (playing) walk(Math.max(0, Math.min(now - before, 100)));
    before = now;
    draw(calm.matches && playing ? Math.round(10 * at) / 10 : at);
    if (playing) screen.ask();
  }

  function walk(passed) {
    at = Math.min(1, Math.max(0, at + ((forward ? 1 : -1) * passed) / WAY));
    if (forward ? at < 1 : at > 0) return;
    if (loop.checked) forward = !at; // there and back, without a jump
    else play(false);
  }

  function draw(share) {
    const words = tell(share);
    paint($('.codes'), model.decode(given.path(...given.codes, share, code), given.label), model.shape);
    paint($('.pixels'), linear(...given.pictures, share, faded), model.shape);
    $('.codes').setAttribute('aria-label', `Decoded from the code ${words}`);
    $('.pixels').setAttribute('aria-label', `Cross-fade of the pixels ${words}`);
  }

  function tell(share) { // at once, for a screen reader reads it with the new value
    const whole = `${Math.round(100 * share)} %`;
    slider.value = 100 * share;
    fill(slider);
    slider.setAttribute('aria-valuetext', whole);
    $('output').textContent = whole;
    return `${whole} of the way`;
  }

  function play(wanted) {
    playing = wanted;
    button.lastElementChild.textContent = wanted ? 'Pause' : 'Play';
    button.querySelector('path').setAttribute('d', wanted ? BARS : TRIANGLE);
    if (!wanted) return;
    if (at >= 1 && !loop.checked) at = 0;
    forward = at < 1;
    before = performance.now();
    screen.ask();
  }

  on(button, 'click', () => play(!playing));
  on(slider, 'input', () => {
    at = slider.valueAsNumber / 100;
    play(false);
    tell(at);
    screen.ask();
  });
  root.style.setProperty('--aspect', model.shape[2] / model.shape[1]);
  play(false);
  screen.ask();

  return {
    update(data) {
      given = unpack(data);
      screen.ask();
    },
    dress() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
    },
  };
}
