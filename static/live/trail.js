// How the code of a drawing wandered over the map, stroke by stroke.

const { wiped } = await import(new URL(`../replay/canvas.js${new URL(import.meta.url).search}`, import.meta.url));

const DOT = 6, EDGE = 8; // pixels

export function drawTrail(canvas, { look, view, flat, trails, at }) {
  const { pen, width, height } = wiped(canvas);
  const held = (value, most) => Math.min(most - EDGE, Math.max(EDGE, value)); // far away lies on the edge
  const put = ([x, y]) => [held(view.across(x) * width, width), held(view.down(y) * height, height)];
  pen.lineJoin = 'round';
  const twice = (thick, trace) => { // seen on every ground: dark on light
    for (const [colour, more] of [[look.ground, 2.5], [look.text, 0]]) {
      pen.strokeStyle = colour;
      pen.lineWidth = thick + more;
      pen.beginPath();
      trace();
      pen.stroke();
    }
  };
  trails.forEach((trail, i) => {
    pen.globalAlpha = i === trails.length - 1 ? 1 : 0.45; // earlier strokes are pale
    twice(1.5, () => trail.forEach((place, step) => pen[step ? 'lineTo' : 'moveTo'](...put(place))));
  });
  pen.globalAlpha = 1;
  if (!at) return;
  const [x, y] = put(at);
  if (flat) { // up and down mean nothing
    twice(1.5, () => {
      pen.moveTo(x, 0);
      pen.lineTo(x, height);
    });
  }
  twice(2, () => pen.arc(x, y, DOT, 0, 7));
  pen.fillStyle = look.accent;
  pen.fill();
}
