// A slider for each number of a code, and the picture that the code decodes to while they are dragged.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // of the same version
const [{ copied }, { anySeed, normal }, { knobs }, { floats, rows }, { choices, element, frames, listeners }, { paint }] =
  await Promise.all(
    ['./copied.js', './draws.js', './knobs.js', './numbers.js', './page.js', './picture.js'].map(beside),
  );

const CLOUD = 8; // pictures drawn from it

function unpack(data, size) {
  const { starts, clouds, prior, classes, label } = data;
  const spread = classes && { names: classes.names, means: rows(classes.means, size), spreads: rows(classes.spreads, size) };
  return {
    label, starts: starts.map(({ name, code }, i) => ({ name, code: floats(code), cloud: clouds[i] && floats(clouds[i]) })),
    prior: prior && rows(prior, size), classes: spread,
  };
}

export default function view({ parentElement, data, model }) {
  const root = parentElement.querySelector('.sliders'), $ = (selector) => root.querySelector(selector);
  const { on, stop } = listeners(), screen = frames(draw);
  const draws = normal(anySeed());
  let given = unpack(data, model.size), start = given.starts[0];
  const code = start.code.slice(), panel = knobs($('.numbers'), data, code, screen.ask);

  function draw() {
    paint($('.decoded'), model.decode(code, given.label), model.shape);
    const first = [...code.subarray(0, 8)].map((value) => value.toFixed(2)).join(', ');
    $('.decoded').setAttribute('aria-label', `Decoded from the code ${first}${code.length > 8 ? ', ...' : ''}`);
  }

  // Every number that is not locked is put where `value(i)` says.
  function put(value) {
    panel.put(value);
    screen.ask();
  }

  // A cloud around a middle: one draw of it.
  const around = (middle, spread) => (i) => middle[i] + spread[i] * draws();

  function random() {
    if (!given.prior) return put(() => draws());
    const drawn = given.prior[Math.floor(Math.random() * given.prior.length)];
    return put((i) => drawn[i]);
  }

  function begin(name) {
    start = given.starts.find((each) => each.name === name) ?? given.starts[0];
    put((i) => start.code[i]);
    $('.draw').disabled = !start.cloud;
    $('.cloud').hidden = true;
  }

  function cloud() {
    $('.cloud').hidden = false;
    $('.cloud p').textContent = `${CLOUD} draws from the cloud of ${start.name}: to the model all of them mean that picture.`;
    const one = around(start.code, start.cloud), drawn = new Float32Array(model.size);
    for (const [number, canvas] of [...$('.draws').children].entries()) {
      paint(canvas, model.decode(drawn.map((_, i) => one(i)), given.label), model.shape);
      canvas.setAttribute('aria-label', `Draw ${number + 1} from the cloud of ${start.name}`);
    }
  }

  function offer() { // what this model has
    $('.draw').hidden = !given.starts.some((each) => each.cloud);
    $('.class').hidden = !given.classes;
    $('select').replaceChildren(...(given.classes?.names ?? []).map((name, i) => element('option', { value: i }, name)));
    $('.draws').replaceChildren(...Array.from({ length: CLOUD }, () => element('canvas', { class: 'picture', role: 'img' })));
    choices($('.starts'), given.starts.map((each) => each.name), start.name, begin);
  }

  on($('.reset'), 'click', () => begin(start.name));
  on($('.prior'), 'click', random);
  on($('.one'), 'click', () => {
    const { means, spreads } = given.classes, label = Number($('select').value);
    put(around(means[label], spreads[label]));
  });
  on($('.draw'), 'click', cloud);
  on($('.copy'), 'click', () => copied(JSON.stringify([...code].map((value) => +value.toPrecision(7))), $('textarea'), $('.note')));
  root.style.setProperty('--aspect', model.shape[2] / model.shape[1]);
  offer();
  begin(start.name);

  return {
    update(data) {
      const before = start.code;
      given = unpack(data, model.size);
      $('.cloud').hidden = true; // drawn of what was
      start = given.starts.find((each) => each.name === start.name);
      if (before.some((value, i) => value !== start.code[i])) begin(start.name); // another picture was chosen
      screen.ask();
    },
    dress() {}, // nothing but CSS has colours
    close() {
      screen.stop();
      stop();
      panel.close();
      for (const filled of ['.starts > div', 'select', '.draws']) $(filled).replaceChildren();
      for (const shut of ['.cloud', 'textarea']) $(shut).hidden = true;
    },
  };
}
