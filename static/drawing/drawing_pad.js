// A sheet to draw on: the strokes of a pen that mice, fingers and keys move, and how they look.

import { trace } from './strokes.js';
import { wiped } from '../dom/canvas.js';

/**
 * @import { Stroke } from './strokes.js'
 * @import { Look } from '../dom/theme.js'
 * @import { Place } from '../map/viewport.js'
 * @import { Pen } from '../dom/canvas.js'
 */

const STEP = 0.02; // of the sheet, for an arrow key
const LEAP = 0.08; // with Shift
/** @type {Record<string, Place>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
export const KEYS =
  'Arrows move the pen, with Shift further; Space puts it down and lifts it; Backspace takes back a '
  + 'stroke; Delete clears the sheet.';

/**
 * @typedef {Object} On
 * @property {() => number} width of the pen, in shares of the sheet
 * @property {() => void} drawn the strokes are other ones now
 * @property {() => void} aimed only the pen of the keyboard has moved
 * @property {(words: string) => void} said
 */

/** @param {HTMLCanvasElement} canvas @param {AbortSignal} signal @param {On} on */
export function sheetOn(canvas, signal, on) {
  /** @type {Stroke[]} */
  let strokes = [];
  /** @type {Stroke | null} */
  let drawing = null;
  /** @type {Place | null} */
  let cursor = null; // the pen of the keyboard
  let down = false;
  /** @type {number | null} */
  let pointer = null;
  /**
   * @template {keyof HTMLElementEventMap} Name
   * @param {Name} name
   * @param {(event: HTMLElementEventMap[Name]) => void} call
   */
  const listen = (name, call) => canvas.addEventListener(name, call, { signal });

  /** @param {Place} at */
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

  /** @type {(event: PointerEvent) => Place} */
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
  /** @param {PointerEvent} event */
  function lift(event) {
    if (event.pointerId !== pointer) return;
    pointer = null;
    if (event.type === 'pointercancel' && drawing) strokes.pop(); // the page was scrolled, or a call came in
    finish();
  }
  listen('pointerup', lift);
  listen('pointercancel', lift);

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
  /** @param {Place} direction @param {number} far */
  function steer([x, y], far) {
    const [left, top] = cursor ?? [0.5, 0.5];
    /** @param {number} share */
    const held = (share) => Math.min(1, Math.max(0, share));
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

  /** @param {Look} look */
  function paint(look) {
    const { pen, width } = wiped(canvas);
    pen.save();
    pen.scale(width, width);
    pen.strokeStyle = '#fff'; // the data sets are white on black
    trace(pen, strokes);
    pen.restore();
    if (!strokes.length && !cursor) hint(pen, width, look);
    if (cursor) aim(pen, cursor[0] * width, cursor[1] * width, down);
  }

  return {
    undo,
    clear,
    paint,
    get strokes() {
      return strokes;
    },
    get drawing() {
      return drawing;
    },
  };
}

/** @param {Pen} pen @param {number} width @param {Look} look */
function hint(pen, width, { font }) {
  pen.fillStyle = '#b8bcc4';
  pen.font = `16px ${font}`;
  pen.textAlign = 'center';
  pen.fillText('Draw here', width / 2, width / 2);
}

// Where the pen of the keyboard is.
/** @param {Pen} pen @param {number} x @param {number} y @param {boolean} down */
function aim(pen, x, y, down) {
  /** @type {[string, number][]} */
  const strokes = [
    ['#000', 4],
    ['#fff', 1.5],
  ];
  for (const [colour, width] of strokes) {
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
