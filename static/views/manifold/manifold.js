// The manifold: images decoded on a grid of codes, drawn with sharp pixels, one of them chosen by a click or by keys.

import { bytesOf } from '../../net/packing.js';
import { clearCanvas, context2d } from '../../dom/canvas.js';
import { announcer, frames, listeners, queryIn } from '../../dom/dom.js';
import { formatNumber } from '../../dom/format.js';
import { readTheme } from '../../dom/theme.js';
import { outlinedStroke } from '../../map/overlay.js';

/**
 * @import { ComponentProps } from '../../index.js'
 * @import { Table } from '../../net/packing.js'
 * @import { Theme } from '../../dom/theme.js'
 *
 * @typedef {[number, number]} Cell row from the top, and column
 *
 * @typedef {Object} Data what ui/views/manifold.py sends
 * @property {Table} blob a PNG file of all images: a pixel of an image is one of its
 * @property {number} gap pixels between images
 * @property {number[]} x [n] where the columns were decoded, rising
 * @property {number[]} y [n] where the rows were, falling
 * @property {string[]} axis_names the second is empty on a line
 * @property {string} description
 * @property {Cell} cell the chosen one
 */

const STOP_DELAY = 400; // milliseconds without a key until the page hears of the chosen image
const MAX_SIZE = 640; // CSS pixels
const WINDOW_SHARE = 0.72; // of the window's height, so that all of it is in sight
/** @type {Record<string, Cell>} */
const MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
const KEYS = 'Arrows choose another image; Home and End: the first and the last of its row.';

/** @param {ComponentProps<Data>} props */
export default function manifold({ parentElement, data, setTriggerValue }) {
  const root = queryIn(parentElement)('.manifold');
  const $ = queryIn(root);
  const stage = $('.stage');
  const { on, stop } = listeners();
  const speaker = announcer($('.live-region'));
  const screen = frames((_, layers) => render(layers));
  /** @type {ImageBitmap | null} */
  let image = null;
  /** @type {Theme} */
  let theme;
  /** @type {Cell} */
  let chosen = data.cell;
  /** @type {Cell | null} */
  let hovered = null;
  let timer = 0;
  let version = 0;

  /** @param {Set<string>} layers */
  function render(layers) {
    if (!image) return;
    if (layers.has('size')) resize(image);
    if (layers.has('size') || layers.has('grid')) drawGrid($('.grid', HTMLCanvasElement), image);
    const [row, column] = hovered ?? chosen;
    $('.place').textContent = `${placeText(row, column)}${hovered ? '' : ', the chosen one'}`;
    stage.setAttribute('aria-label', `${data.description} Chosen: ${placeText(...chosen)}.`);
    drawCells();
  }

  // As large as a whole number of screen pixels for each of an image's lets it be; smaller than one it is smoothed.
  /** @param {ImageBitmap} bitmap */
  function resize({ width, height }) {
    const fine = window.devicePixelRatio || 1;
    const room = root.clientWidth - $('.up').offsetWidth - 10;
    const most = Math.min(MAX_SIZE, WINDOW_SHARE * window.innerHeight, room) * fine;
    const times = most / Math.max(width, height);
    const scale = (times >= 1 ? Math.floor(times) : times) / fine;
    stage.style.width = `${scale * width}px`;
    stage.style.height = `${scale * height}px`;
  }

  // From one image to the next, as a share of the whole: there is no gap after the last.
  /** @param {number} count */
  const pitch = (count) => (1 + data.gap / (image?.width ?? 1)) / count;

  function drawCells() {
    const { ctx, width, height } = clearCanvas($('.over', HTMLCanvasElement));
    const stroke = outlinedStroke(ctx, theme);
    const [wide, high] = [width * pitch(data.x.length), height * pitch(data.y.length)];
    for (const [cell, line] of /** @type {[Cell | null, number][]} */ ([
      [hovered, 1],
      [chosen, 2.5],
    ])) {
      if (cell) stroke(line, () => ctx.rect(cell[1] * wide, cell[0] * high, wide, high));
    }
  }

  /** @param {number} row @param {number} column */
  function placeText(row, column) {
    const values = [data.x[column], data.y[row]];
    return data.axis_names.flatMap((name, i) => (name ? `${name} ${formatNumber(values[i])}` : [])).join(', ');
  }

  /** @param {PointerEvent | MouseEvent} event @returns {Cell} */
  function cellAt(event) {
    const box = stage.getBoundingClientRect();
    /** @param {number} share @param {number} count */
    const at = (share, count) => Math.min(count - 1, Math.max(0, Math.floor(share / pitch(count))));
    return [
      at((event.clientY - box.top) / box.height, data.y.length),
      at((event.clientX - box.left) / box.width, data.x.length),
    ];
  }

  /** @param {Cell} cell @param {number} delay */
  function choose(cell, delay) {
    chosen = cell;
    hovered = null;
    speaker.announce(placeText(...cell));
    screen.request();
    clearTimeout(timer);
    timer = setTimeout(() => setTriggerValue('cell', cell), delay);
  }

  /** @param {KeyboardEvent} event */
  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const [row, column] = chosen;
    const [rows, columns] = [data.y.length, data.x.length];
    const [down, across] = MOVES[event.key] ?? [0, { Home: -columns, End: columns }[event.key] ?? 0];
    if (!down && !across) return;
    event.preventDefault();
    /** @param {number} to @param {number} count */
    const clamp = (to, count) => Math.min(count - 1, Math.max(0, to));
    choose([clamp(row + down, rows), clamp(column + across, columns)], STOP_DELAY);
  }

  function connect() {
    $('#keys').textContent = KEYS;
    on(stage, 'click', (event) => choose(cellAt(event), 0));
    on(stage, 'keydown', press);
    on(stage, 'pointermove', (event) => {
      hovered = event.pointerType === 'touch' ? null : cellAt(event);
      screen.request();
    });
    on(stage, 'pointerleave', () => {
      hovered = null;
      screen.request();
    });
    const sizes = new ResizeObserver(() => screen.request('size'));
    sizes.observe(root);
    return sizes;
  }

  function labelAxes() {
    for (const [axis, name, values] of /** @type {[string, string, number[]][]} */ ([
      ['across', data.axis_names[0], data.x],
      ['up', data.axis_names[1], data.y.toReversed()],
    ])) {
      $(`.${axis}`).hidden = !name;
      $(`.${axis} b`).textContent = name;
      $(`.${axis} .low`).textContent = formatNumber(values[0]);
      $(`.${axis} .high`).textContent = formatNumber(values[values.length - 1]);
    }
  }

  /** @param {Data} next */
  async function update(next) {
    data = next;
    chosen = data.cell;
    const own = ++version;
    const made = await createImageBitmap(new Blob([bytesOf(data.blob)], { type: 'image/png' }));
    if (own !== version) return made.close(); // other data have come meanwhile, or the view is closed
    image?.close();
    image = made;
    labelAxes();
    screen.request('size');
  }

  const sizes = connect();
  update(data);

  return {
    update,
    restyle() {
      theme = readTheme(root);
      screen.request();
    },
    close() {
      version++;
      clearTimeout(timer);
      screen.stop();
      speaker.stop();
      sizes.disconnect();
      image?.close();
      stop();
    },
  };
}

/** @param {HTMLCanvasElement} canvas @param {ImageBitmap} image */
function drawGrid(canvas, image) {
  const fine = window.devicePixelRatio || 1;
  canvas.width = Math.round(canvas.clientWidth * fine);
  canvas.height = Math.round(canvas.clientHeight * fine);
  const ctx = context2d(canvas);
  ctx.imageSmoothingEnabled = canvas.width < image.width;
  ctx.imageSmoothingQuality = 'high';
  ctx.drawImage(image, 0, 0, canvas.width, canvas.height);
}
