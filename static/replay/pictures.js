// The manifold, and pairs of originals and reconstructions, in sharp pixels.

const { wiped, say, sharp } = await import(new URL(`./canvas.js${new URL(import.meta.url).search}`, import.meta.url));

const COLUMNS = 8, AIR = 4, BAND = 10; // pixels between pictures, and between two bands of pairs

export function drawManifold(canvas, look, film, step, words) {
  const picture = film.manifolds[step];
  if (!picture) return; // not decoded yet: what stands there stays
  const { pen, width, height } = wiped(canvas), scale = Math.min(width / picture.width, height / picture.height);
  const box = [0, 0, picture.width * scale, picture.height * scale];
  sharp(pen, picture, [0, 0, picture.width, picture.height], box);
  say(canvas, `Manifold ${words}: pictures decoded from a grid of codes.`);
}

function cell(film, width) {
  const [, , high, wide] = film.shape, room = (width - AIR * (COLUMNS - 1)) / COLUMNS;
  return [room, (room * high) / wide];
}

const bands = (film) => Math.ceil(film.shape[0] / COLUMNS);

export function heightOfPairs(film, width) {
  return Math.max(1, bands(film) * (2 * cell(film, width)[1] + AIR + BAND) - BAND);
}

export function drawPairs(canvas, look, film, step, words) {
  const drawn = film.reconstructions[step], [count, , high, wide] = film.shape;
  if (!drawn || !film.originals) return;
  const { pen, width } = wiped(canvas), [w, h] = cell(film, width);
  for (let i = 0; i < count; i++) {
    const x = (i % COLUMNS) * (w + AIR), y = Math.floor(i / COLUMNS) * (2 * h + AIR + BAND);
    sharp(pen, film.originals, [i * wide, 0, wide, high], [x, y, w, h]);
    sharp(pen, drawn, [i * wide, 0, wide, high], [x, y + h + AIR, w, h]);
  }
  say(canvas, `${count} test pictures and below each its reconstruction ${words}.`);
}
