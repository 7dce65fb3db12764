// A picture, the same under noise, and what the model makes of that, all while the strength is dragged.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // of the same version
const [{ CORRUPTIONS }, { mse, psnr, ssim }, { floats, said }, { choices, frames, fill, listeners }, { paint }] =
  await Promise.all(['./corruptions.js', './metrics.js', './numbers.js', './page.js', './picture.js'].map(beside));

const DECIMALS = [4, 2, 3]; // of MSE, PSNR, SSIM
const MEANING = {
  none: 'The picture as it is.',
  gaussian: 'The standard deviation of the noise, 1 being black to white.',
  masking: 'The share of pixels that become black.',
  'salt-and-pepper': 'The share of pixels that become black or white.',
  dropout: 'The share of pixels that become black; the others become brighter.',
};

export default function view({ parentElement, data, model }) {
  const root = parentElement.querySelector('.denoise'), $ = (selector) => root.querySelector(selector);
  const { on, stop } = listeners(), screen = frames(draw), asked = fromAddress();
  let { kind, seed } = asked, clean = floats(data.picture);
  const slider = $('#strength'), noisy = new Float32Array(clean.length);

  function draw() {
    CORRUPTIONS[kind](clean, model.shape, slider.valueAsNumber, seed, noisy);
    const label = model.guess(noisy), drawn = model.decode(model.encode(noisy, label), label);
    const pictures = { clean, noisy, drawn };
    for (const [name, picture] of Object.entries(pictures)) paint($(`.${name}`), picture, model.shape);
    table(root.querySelectorAll('tbody tr'), [noisy, drawn].map((picture) => scores(clean, picture, model.shape)));
  }

  function tell() {
    const strength = said(slider.valueAsNumber), how = kind === 'none' ? 'no noise' : `${kind} noise, strength ${strength}`;
    fill(slider);
    slider.disabled = $('.again').disabled = kind === 'none';
    $('output').textContent = strength;
    $('#meaning').textContent = MEANING[kind];
    $('.clean').setAttribute('aria-label', 'Original');
    $('.noisy').setAttribute('aria-label', `Given to the model: ${how}`);
    $('.drawn').setAttribute('aria-label', `Drawn by the model: ${how}`);
    screen.ask();
  }

  const keep = () => toAddress({ noise: kind, strength: slider.value, draw: seed });
  slider.value = asked.strength;
  choices($('.kinds'), Object.keys(CORRUPTIONS), kind, (name) => {
    kind = name;
    tell();
    keep();
  });
  on(slider, 'input', tell);
  on(slider, 'change', keep); // when it is let go
  on($('.again'), 'click', () => {
    seed = (seed + 1) % 10000;
    tell();
    keep();
  });
  root.style.setProperty('--aspect', model.shape[2] / model.shape[1]);
  tell();

  return {
    update(data) {
      clean = floats(data.picture);
      screen.ask();
    },
    dress() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
      $('.kinds div').replaceChildren();
    },
  };
}

function scores(clean, picture, shape) {
  return [mse(clean, picture), psnr(clean, picture), ssim(clean, picture, shape)];
}

// Two rows of scores, the better of each column in bold.
function table(rows, found) {
  rows.forEach((row, i) => row.querySelectorAll('td').forEach((cell, column) => {
    const [own, other] = [found[i][column], found[1 - i][column]];
    cell.textContent = own === null ? '–' : Number.isFinite(own) ? said(own, DECIMALS[column]) : '∞';
    cell.classList.toggle('better', column ? own > other : own < other); // of the first, the error, less is better
  }));
}

// The address holds the choice, so that a link shows the same; nobody is asked for that.
function fromAddress() {
  const asked = new URLSearchParams(location.search), kind = asked.get('noise');
  const number = (name, usual, most) => Math.min(most, Math.max(0, Number(asked.get(name) ?? usual) || 0));
  return {
    kind: Object.hasOwn(CORRUPTIONS, kind ?? '') ? kind : 'gaussian',
    strength: number('strength', 0.3, 1), seed: Math.floor(number('draw', 0, 9999)),
  };
}

function toAddress(chosen) {
  const address = new URL(location.href);
  for (const [name, value] of Object.entries(chosen)) address.searchParams.set(name, value);
  history.replaceState(history.state, '', address);
}
