// A drawing pad: strokes of a pen that mice, fingers and keys move.

import { traceStrokes } from './strokes.js';
import { clearCanvas } from '../dom/canvas.js';
import { listenUntil } from '../dom/dom.js';

/**
 * @import { Stroke } from './strokes.js'
 * @import { Theme } from '../dom/theme.js'
 * @import { Point } from '../map/viewport.js'
 * @import { Context } from '../dom/canvas.js'
 */

const STEP = 0.02; // of the pad, for an arrow key
const LEAP = 0.08; // with Shift
/** @type {Record<string, Point>} */
const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
export const KEYS =
  'Arrows move the pen, with Shift further; Space puts it down and lifts it; Backspace takes back a '
  + 'stroke; Delete clears the sheet.';

/**
 * @typedef {Object} DrawingPadHandlers
 * @property {() => number} penWidth of the pen, in shares of the pad
 * @property {() => void} change the strokes are other ones now
 * @property {() => void} cursorMove only the pen of the keyboard has moved
 * @property {(words: string) => void} announce
 */

/** @param {HTMLCanvasElement} canvas @param {AbortSignal} signal @param {DrawingPadHandlers} on */
export function drawingPad(canvas, signal, on) {
  /** @type {Stroke[]} */
  let strokes = [];
  /** @type {Stroke | null} */
  let currentStroke = null;
  /** @type {Point | null} */
  let cursor = null; // the pen of the keyboard
  let down = false;
  /** @type {number | null} */
  let pointer = null;
  const listen = listenUntil(signal);

  /** @param {Point} at */
  function startStroke(at) {
    currentStroke = { width: on.penWidth(), points: [at], trail: [] };
    strokes.push(currentStroke);
    on.change();
  }
  function endStroke() {
    currentStroke = null;
    down = false;
    on.change();
  }
  function undo() {
    strokes.pop();
    endStroke();
  }
  function clear() {
    strokes = [];
    endStroke();
  }
  // A stroke that no hand has drawn.
  /** @param {Point[]} points */
  function add(points) {
    strokes.push({ width: on.penWidth(), points, trail: [] });
    endStroke();
  }

  /** @type {(event: PointerEvent) => Point} */
  const pointerPosition = (event) => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  listen(canvas, 'pointerdown', (event) => {
    if (pointer !== null || event.button) return; // a second finger or the palm beside the pen draws nothing
    pointer = event.pointerId;
    canvas.setPointerCapture(pointer);
    cursor = null;
    startStroke(pointerPosition(event));
  });
  listen(canvas, 'pointermove', (event) => {
    if (event.pointerId !== pointer || !currentStroke) return;
    const between = event.getCoalescedEvents?.() ?? []; // all that the hand did since the last frame
    for (const each of between.length ? between : [event]) currentStroke.points.push(pointerPosition(each));
    on.change();
  });
  /** @param {PointerEvent} event */
  function endPointer(event) {
    if (event.pointerId !== pointer) return;
    pointer = null;
    if (event.type === 'pointercancel' && currentStroke) strokes.pop(); // the page was scrolled, or a call came in
    endStroke();
  }
  listen(canvas, 'pointerup', endPointer);
  listen(canvas, 'pointercancel', endPointer);

  listen(canvas, 'keydown', (event) => {
    if (event.key.toLowerCase() === 'z' && (event.ctrlKey || event.metaKey)) undo();
    else if (event.ctrlKey || event.metaKey || event.altKey) return;
    else if (MOVES[event.key]) moveCursor(MOVES[event.key], event.shiftKey ? LEAP : STEP);
    else if (event.key === ' ' || event.key === 'Enter') togglePen();
    else if (event.key === 'Backspace') undo();
    else if (event.key === 'Delete') clear();
    else return;
    event.preventDefault();
  });
  /** @param {Point} direction @param {number} far */
  function moveCursor([x, y], far) {
    const [left, top] = cursor ?? [0.5, 0.5];
    /** @param {number} share */
    const clamp = (share) => Math.min(1, Math.max(0, share));
    cursor = [clamp(left + x * far), clamp(top + y * far)];
    if (down && currentStroke) currentStroke.points.push(cursor);
    if (down) on.change();
    else on.cursorMove();
  }
  function togglePen() {
    cursor ??= [0.5, 0.5];
    down = !down;
    if (down) startStroke(cursor);
    else endStroke();
    on.announce(down ? 'Pen down' : 'Pen up');
  }
  listen(canvas, 'blur', () => {
    cursor = null;
    if (down) endStroke();
    on.cursorMove();
  });

  /** @param {Theme} theme */
  function render(theme) {
    const { ctx, width } = clearCanvas(canvas);
    ctx.save();
    ctx.scale(width, width);
    ctx.strokeStyle = '#fff'; // the data sets are white on black
    traceStrokes(ctx, strokes);
    ctx.restore();
    if (!strokes.length && !cursor) drawHint(ctx, width, theme);
    if (cursor) drawCursor(ctx, cursor[0] * width, cursor[1] * width, down);
  }
  // The keyboard's pen alone, over a canvas that shows the strokes in another way.
  function renderCursor() {
    const { ctx, width, height } = clearCanvas(canvas);
    if (cursor) drawCursor(ctx, cursor[0] * width, cursor[1] * height, down);
  }

  return {
    undo,
    clear,
    add,
    render,
    renderCursor,
    get strokes() {
      return strokes;
    },
    get currentStroke() {
      return currentStroke;
    },
  };
}

/** @param {Context} ctx @param {number} width @param {Theme} theme */
function drawHint(ctx, width, { font }) {
  ctx.fillStyle = '#b8bcc4';
  ctx.font = `16px ${font}`;
  ctx.textAlign = 'center';
  ctx.fillText('Draw here', width / 2, width / 2);
}

// Where the pen of the keyboard is.
/** @param {Context} ctx @param {number} x @param {number} y @param {boolean} down */
function drawCursor(ctx, x, y, down) {
  /** @type {[string, number][]} */
  const strokes = [
    ['#000', 4],
    ['#fff', 1.5],
  ];
  for (const [colour, width] of strokes) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    ctx.arc(x, y, down ? 4 : 8, 0, 7);
    ctx.moveTo(x - 12, y);
    ctx.lineTo(x + 12, y);
    ctx.moveTo(x, y - 12);
    ctx.lineTo(x, y + 12);
    ctx.stroke();
  }
}
