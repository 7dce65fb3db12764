// What is marked on the map of all codes: the point that is looked at, the one that is chosen, the cross, and the lasso.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // of the same version
const [{ outlined, cross, drawLasso }, { wiped }] = await Promise.all(
  ['./overlay.js', '../replay/canvas.js'].map(beside),
);

const SEEN = 6, CHOSEN = 9; // radii in pixels

export function drawMarks(canvas, { look, view, places, seen, chosen, aim, lasso }) {
  const { pen, width, height } = wiped(canvas), twice = outlined(pen, look);
  const put = (x, y) => [view.across(x) * width, view.down(y) * height];
  const spot = (at) => put(places.points[2 * at], places.points[2 * at + 1]);
  const ring = ([x, y], radius) => () => pen.arc(x, y, radius, 0, 7);
  if (lasso.length) drawLasso(pen, look, lasso.map((corner) => put(...corner)), twice);
  if (chosen >= 0) {
    pen.fillStyle = look.accent;
    pen.beginPath();
    ring(spot(chosen), SEEN - 1)();
    pen.fill();
    twice(2, ring(spot(chosen), CHOSEN));
  }
  if (aim) twice(1.5, cross(pen, put(...aim)));
  if (seen < 0) return;
  twice(1.5, ring(spot(seen), SEEN));
  label(pen, look, places.classes[places.labels[seen]], spot(seen), width);
}

// The class beside its point, on the side where there is room.
function label(pen, look, words, [x, y], width) {
  pen.font = `600 13px ${look.font}`;
  const left = x + pen.measureText(words).width + 20 > width;
  pen.textAlign = left ? 'right' : 'left';
  pen.textBaseline = 'middle';
  pen.lineJoin = 'round';
  pen.lineWidth = 4;
  pen.strokeStyle = look.ground;
  pen.fillStyle = look.text;
  const at = x + (left ? -12 : 12);
  pen.strokeText(words, at, y);
  pen.fillText(words, at, y);
}
