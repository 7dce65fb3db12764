// The losses: a small chart for each part with a scale of its own, and a line that says where we are.

const { wiped, say, ticks } = await import(new URL(`./canvas.js${new URL(import.meta.url).search}`, import.meta.url));

const LEFT = 52, RIGHT = 8, NAME = 22, CHART = 72, AIR = 12, BELOW = 26; // pixels
const LOOKS = { validation: { width: 2.5, dash: [] }, train: { width: 2, dash: [2, 4] } };

const parts = (film) => Object.entries(film.losses.parts);
const written = (value) => (value == null ? '–' : value.toFixed(Math.abs(value) < 10 ? 3 : Math.abs(value) < 100 ? 2 : 1));

export function heightOfLosses(film) {
  return Math.max(1, parts(film).length) * (NAME + CHART + AIR) + BELOW;
}

export function drawLosses(canvas, look, film, step, between, words) {
  const { pen, width } = wiped(canvas), { epochs: known } = film.losses, { epochs } = film;
  const now = epochs[step] + between * ((epochs[step + 1] ?? epochs[step]) - epochs[step]);
  const line = known.findLastIndex((epoch) => epoch <= now + 1e-6); // -1 before the first epoch's end
  const wide = width - LEFT - RIGHT, end = Math.max(1, epochs.at(-1)), across = (epoch) => LEFT + (wide * epoch) / end;
  const told = [];
  pen.font = `12px ${look.font}`;
  pen.lineJoin = 'round';
  parts(film).forEach(([name, curves], row) => {
    const top = row * (NAME + CHART + AIR) + NAME, values = Object.values(curves).flat().filter((value) => value != null);
    const [low, high] = spread(values), up = (value) => top + CHART * (1 - (value - low) / (high - low));
    grid(pen, look, ticks(low, high, 3), up, width);
    for (const [split, colour] of [['train', look.text], ['validation', look.accent]]) {
      curve(pen, known, curves[split], across, up, { ...LOOKS[split], colour });
      if (line >= 0 && curves[split][line] != null) dot(pen, across(known[line]), up(curves[split][line]), colour, look);
    }
    const said = `${written(curves.validation[line])} held-out, ${written(curves.train[line])} training`;
    told.push(`${name} ${said}`);
    cursor(pen, look, across(now), top);
    title(pen, look, name, said, top, width);
  });
  bottom(pen, look, ticks(0, end, 6).filter(Number.isInteger), across, heightOfLosses(film) - BELOW - AIR, wide);
  say(canvas, line < 0 ? `Losses ${words}: not measured yet.` : `Losses ${words}: ${told.join('; ')}.`);
}

function spread(values) {
  if (!values.length) return [0, 1];
  const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
  const air = (high - low) * 0.06 || Math.abs(high) * 0.1 || 1;
  return [low - air, high + air];
}

function grid(pen, look, values, up, width) {
  pen.textAlign = 'right';
  pen.textBaseline = 'middle';
  pen.lineWidth = 1;
  pen.strokeStyle = look.line;
  pen.fillStyle = look.text;
  for (const value of values) {
    pen.globalAlpha = 0.35;
    pen.beginPath();
    pen.moveTo(LEFT, Math.round(up(value)) + 0.5);
    pen.lineTo(width - RIGHT, Math.round(up(value)) + 0.5);
    pen.stroke();
    pen.globalAlpha = 1;
    pen.fillText(value, LEFT - 6, up(value));
  }
}

function curve(pen, epochs, values, across, up, { width, dash, colour }) {
  pen.beginPath();
  let drawing = false; // a gap where there is no number
  values.forEach((value, i) => {
    if (value != null) pen[drawing ? 'lineTo' : 'moveTo'](across(epochs[i]), up(value));
    drawing = value != null;
  });
  pen.lineWidth = width;
  pen.setLineDash(dash);
  pen.strokeStyle = colour;
  pen.stroke();
  pen.setLineDash([]);
}

function dot(pen, x, y, colour, look) {
  pen.beginPath();
  pen.arc(x, y, 4, 0, 7);
  pen.fillStyle = colour;
  pen.fill();
  pen.lineWidth = 1.5;
  pen.strokeStyle = look.ground;
  pen.stroke();
}

function title(pen, look, name, said, top, width) {
  pen.textBaseline = 'alphabetic';
  pen.fillStyle = look.text;
  pen.textAlign = 'left';
  pen.font = `600 12px ${look.font}`;
  pen.fillText(name, 0, top - 7);
  pen.font = `12px ${look.font}`;
  pen.textAlign = 'right';
  pen.fillText(said, width - RIGHT, top - 7);
}

function cursor(pen, look, x, top) {
  pen.globalCompositeOperation = 'destination-over'; // below the curves and their names
  pen.lineWidth = 1.5;
  pen.strokeStyle = look.text;
  pen.globalAlpha = 0.6;
  pen.beginPath();
  pen.moveTo(x, top);
  pen.lineTo(x, top + CHART);
  pen.stroke();
  pen.globalAlpha = 1;
  pen.globalCompositeOperation = 'source-over';
}

function bottom(pen, look, values, across, y, wide) {
  pen.fillStyle = look.text;
  pen.textAlign = 'center';
  pen.textBaseline = 'top';
  for (const value of values) {
    const half = pen.measureText(value).width / 2; // the last one must not run over the edge
    pen.fillText(value, Math.min(across(value), LEFT + wide + RIGHT - half), y + 5);
  }
  pen.fillText('epoch', LEFT + wide / 2, y + 21);
}
