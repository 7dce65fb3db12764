// A sheet to draw on: the strokes of a pen that mice, fingers and keys move, and how they look.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // the same version
const [{ trace }, { wiped }] = await Promise.all(['./ink.js', '../replay/canvas.js'].map(beside));

const STEP = 0.02, LEAP = 0.08; // of the sheet, for an arrow key
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
export const KEYS = 'Arrows move the pen, with Shift further; Space puts it down and lifts it; Backspace takes back a '
  + 'stroke; Delete clears the sheet.';

/**
 * @typedef {Object} On
 * @property {() => number} width of the pen, in shares of the sheet
 * @property {() => void} drawn the strokes are other ones now
 * @property {() => void} aimed only the pen of the keyboard has moved
 * @property {(words: string) => void} said
 */

// A stroke is { width, points, trail }, as ink.js has it; `trail` is for whoever looks where it leads.
/** @param {HTMLCanvasElement} canvas @param {AbortSignal} signal @param {On} on */
export function sheetOn(canvas, signal, on) {
  let strokes = [], drawing = null, cursor = null, down = false, pointer = null;
  const listen = (name, call) => canvas.addEventListener(name, call, { signal });

  function begin(at) {
    drawing = { width: on.width(), points: [at], trail: [] };
    strokes.push(drawing);
    on.drawn();
  }
  function finish() {
    drawing = null;
    down = false;
    on.drawn();
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
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  listen('pointerdown', (event) => {
    if (pointer !== null || event.button) return; // a second finger or the palm beside the pen draws nothing
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    cursor = null;
    begin(placeOf(event));
  });
  listen('pointermove', (event) => {
    if (event.pointerId !== pointer || !drawing) return;
    const between = event.getCoalescedEvents?.() ?? []; // all that the hand did since the last frame
    for (const each of between.length ? between : [event]) drawing.points.push(placeOf(each));
    on.drawn();
  });
  for (const name of ['pointerup', 'pointercancel']) {
    listen(name, (event) => {
      if (event.pointerId !== pointer) return;
      pointer = null;
      if (name === 'pointercancel' && drawing) strokes.pop(); // the page was scrolled, or a call came in
      finish();
    });
  }

  listen('keydown', (event) => {
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
    if (down) on.drawn();
    else on.aimed();
  }
  function press() {
    cursor ??= [0.5, 0.5];
    down = !down;
    if (down) begin(cursor);
    else finish();
    on.said(down ? 'Pen down' : 'Pen up');
  }
  listen('blur', () => {
    cursor = null;
    if (down) finish();
    on.aimed();
  });

  function paint(look) {
    const { pen, width } = wiped(canvas);
    pen.save();
    pen.scale(width, width);
    pen.strokeStyle = '#fff'; // the data sets are white on black
    trace(pen, strokes);
    pen.restore();
    if (!strokes.length && !cursor) hint(pen, width, look);
    if (cursor) aim(pen, cursor.map((share) => share * width), down);
  }

  return { undo, clear, paint, get strokes() { return strokes; }, get drawing() { return drawing; } };
}

function hint(pen, width, { font }) {
  pen.fillStyle = '#b8bcc4';
  pen.font = `16px ${font}`;
  pen.textAlign = 'center';
  pen.fillText('Draw here', width / 2, width / 2);
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
