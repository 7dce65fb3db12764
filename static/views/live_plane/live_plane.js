// The plane of a model of points while it learns: data, their reconstructions, and where each place is moved, by its
// newest weights. From one state to the next all of it moves.

import { drawField, drawGround, LEVELS, opacityOf } from './field.js';
import { setLabel } from '../../dom/canvas.js';
import { createElement, frames, queryIn, reducedMotion } from '../../dom/dom.js';
import { formatNumber } from '../../dom/format.js';
import { fillLegend, readTheme } from '../../dom/theme.js';
import { drawBackdrop } from '../../map/backdrop.js';
import { unpack } from '../../map/points.js';
import { viewport } from '../../map/viewport.js';
import { bytesOf, unpack as unpackPieces } from '../../net/packing.js';

/**
 * @import { ComponentProps } from '../../index.js'
 * @import { PointMapHead } from '../../map/points.js'
 * @import { Table } from '../../net/packing.js'
 * @import { Field } from './field.js'
 *
 * @typedef {PointMapHead & { epoch: number }} PlaneHead what aecore/export/live_program.py, `pack_reconstruction`, says
 * @typedef {{ head: PlaneHead, blob: Table }} Data
 */

const TRANSITION_TIME = 300; // milliseconds

/** @param {Data} data */
function read({ head, blob }) {
  const bytes = bytesOf(blob);
  const { shift, reconstruction } = unpackPieces(head.pieces, bytes);
  const map = unpack(head, bytes, [], 'points');
  const made = new Float32Array(map.points.length); // in the order of the map
  map.indices.forEach((row, i) => made.set(reconstruction.subarray(2 * row, 2 * row + 2), 2 * i));
  /** @type {Field} */
  const field = { size: Math.sqrt(shift.length / 2), shift, made };
  return { map, epoch: head.epoch, view: viewport(map), field };
}

// How far the points lie from their reconstructions: on average, and which lies farthest.
/** @param {Float32Array} points @param {Float32Array} made */
function distances(points, made) {
  let [sum, largest, at] = [0, -1, 0];
  for (let i = 0; i < points.length; i += 2) {
    const distance = Math.hypot(made[i] - points[i], made[i + 1] - points[i + 1]);
    sum += distance;
    if (distance > largest) [largest, at] = [distance, i];
  }
  return { mean: (2 * sum) / points.length, largest, place: [points[at], points[at + 1]] };
}

// Numbers on their way to others.
/** @param {Float32Array} from @param {Float32Array} to @param {number} share */
const between = (from, to, share) => to.map((value, i) => from[i] + (value - from[i]) * share);

class LivePlane {
  /** @param {HTMLElement} root @param {Data} data */
  constructor(root, data) {
    this.$ = queryIn(root);
    this.root = root;
    this.screen = frames((now, layers) => this.#draw(now, layers));
    this.sizes = new ResizeObserver(() => this.screen.request('data', 'field'));
    this.theme = readTheme(root);
    this.state = read(data);
    this.shown = this.from = this.state.field;
    this.began = -Infinity;
    this.sizes.observe(this.$('.stage'));
    this.#describe();
  }

  /** @param {number} now @param {Set<string>} layers */
  #draw(now, layers) {
    const { $, theme } = this;
    const { map, view } = this.state;
    if (layers.has('data')) {
      view.setShape($('.stage').clientWidth, $('.stage').clientHeight);
      drawBackdrop($('.data', HTMLCanvasElement), { theme, view, map, backdrop: 'points' });
    }
    this.#move(now);
    drawGround($('.ground', HTMLCanvasElement), theme, this.shown);
    drawField($('.field', HTMLCanvasElement), theme, view, this.shown);
  }

  /** @param {number} now */
  #move(now) {
    const { from, state: { field } } = this; // prettier-ignore
    const share = reducedMotion.matches ? 1 : Math.min(1, Math.max(0, (now - this.began) / TRANSITION_TIME));
    if (share < 1) {
      const { size } = field;
      this.shown = {
        size,
        shift: between(from.shift, field.shift, share),
        made: between(from.made, field.made, share),
      };
      this.screen.request();
    } else this.shown = field;
  }

  #describe() {
    const { map, epoch, field } = this.state;
    const { mean, largest, place } = distances(map.points, field.made);
    const when = epoch ? `After ${epoch} ${epoch === 1 ? 'epoch' : 'epochs'}` : 'In the first epoch';
    const where = map.axisNames.map((name, axis) => `${name}\u00a0${formatNumber(place[axis])}`).join(', ');
    const average = `Mean distance of a point to its reconstruction: ${formatNumber(mean)}`;
    const said = `${when}. ${average}; largest ${formatNumber(largest)}, at ${where}.`;
    this.$('.words').textContent = said;
    setLabel(this.$('.field'), said);
  }

  #fillLegends() {
    const { $, theme } = this;
    fillLegend($('.classes'), this.state.map.classNames, theme);
    $('.levels').replaceChildren(
      ...[0, ...LEVELS].map((_, level) => {
        const shade = createElement('i');
        shade.style.background = `color-mix(in srgb, ${theme.text} ${100 * opacityOf(level)}%, transparent)`;
        return createElement('li', {}, shade, levelText(level));
      }),
    );
  }

  /** @param {Data} data */
  update(data) {
    const { field } = (this.state = read(data));
    const alike = field.shift.length === this.shown.shift.length && field.made.length === this.shown.made.length;
    this.from = this.shown;
    this.began = alike ? performance.now() : -Infinity;
    this.#describe();
    this.screen.request('data');
  }

  restyle() {
    this.theme = readTheme(this.root);
    this.#fillLegends();
    this.screen.request('data');
  }

  close() {
    this.screen.stop();
    this.sizes.disconnect();
  }
}

/** @param {number} level */
function levelText(level) {
  if (!level) return `below ${LEVELS[0]}`;
  return level === LEVELS.length ? `${LEVELS[level - 1]} or more` : `${LEVELS[level - 1]}\u2013${LEVELS[level]}`;
}

/** @param {ComponentProps<Data>} props */
export default function livePlane({ parentElement, data }) {
  return new LivePlane(queryIn(parentElement)('.live-plane'), data);
}
