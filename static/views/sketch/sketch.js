// A sheet to draw an image on that the page is given, as the makers of the data set would have made it of the drawing.

import { rasteriser } from '../../drawing/strokes.js';
import { drawingPad, KEYS } from '../../drawing/drawing_pad.js';
import { drawImage } from '../../dom/image.js';
import { announcer, frames, listeners, queryIn } from '../../dom/dom.js';
import { readTheme } from '../../dom/theme.js';
import { setLabel } from '../../dom/canvas.js';

/**
 * @import { ComponentProps } from '../../index.js'
 * @import { Preprocessing } from '../../drawing/strokes.js'
 * @import { Theme } from '../../dom/theme.js'
 *
 * @typedef {Preprocessing & { shape: number[] }} Data what ui/widgets/image_picker.py sends
 */

const STOP_DELAY = 500; // milliseconds after the pen was lifted until the page is given the drawing

/** @param {ComponentProps<Data>} props */
export default function sketch({ parentElement, data, setStateValue }) {
  const root = queryIn(parentElement)('.sketch');
  const $ = queryIn(root);
  const { on, signal, stop } = listeners();
  const rasterise = rasteriser(data.shape);
  const speaker = announcer($('.live-region'));
  const input = $('.model-input', HTMLCanvasElement);
  /** @type {Theme} */
  let theme;
  let timer = 0;
  const screen = frames((_, layers) => render(layers));
  const pad = drawingPad($('.drawing-pad', HTMLCanvasElement), signal, {
    penWidth: () => data.pen_width,
    change: () => screen.request('strokes'),
    cursorMove: () => screen.request('pad'),
    announce: speaker.announce,
  });

  /** @param {Set<string>} layers */
  function render(layers) {
    pad.render(theme);
    if (!layers.has('strokes')) return;
    const empty = !pad.strokes.length;
    const image = rasterise(pad.strokes, data.preprocess, data.counts_dots);
    drawImage(input, image, data.shape);
    setLabel(input, empty ? 'Nothing drawn yet' : 'Your drawing as the model is given it');
    clearTimeout(timer);
    if (!pad.currentStroke) timer = setTimeout(() => send(empty ? null : image), STOP_DELAY);
  }

  /** @param {Float32Array | null} image */
  function send(image) {
    setStateValue('image', image && Array.from(image, (value) => Math.round(255 * value)));
  }

  on($('.undo'), 'click', pad.undo);
  on($('.clear'), 'click', pad.clear);
  $('.keys').textContent = KEYS;
  drawImage(input, new Float32Array(data.shape[1] * data.shape[2]), data.shape);
  setLabel(input, 'Nothing drawn yet');
  const sizes = new ResizeObserver(() => screen.request('pad'));
  sizes.observe($('.drawing-pad'));

  return {
    /** @param {Data} next */
    update(next) {
      data = next;
    },
    restyle() {
      theme = readTheme(root);
      screen.request('pad');
    },
    close() {
      clearTimeout(timer);
      screen.stop();
      speaker.stop();
      sizes.disconnect();
      stop();
    },
  };
}
