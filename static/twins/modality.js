// What a sample is, as in aecore/data/modalities/: its kind by what `to_json` says, and its values in words.

/**
 * @import { NumberArray } from '../net/matmul.js'
 *
 * @typedef {Object} Column of a table
 * @property {string} name
 * @property {'number' | 'category' | 'boolean' | 'cyclic'} kind
 * @property {number} mean
 * @property {number} std
 * @property {string[]} categories
 * @property {number} period
 * @property {number} decimals
 *
 * @typedef {{ kind: 'image', channels: number, height: number, width: number }} ImageModality
 * @typedef {Object} Series
 * @property {'series'} kind
 * @property {number} length moments
 * @property {string[]} channels
 * @property {number[]} mean of each channel in its own unit, as `std`
 * @property {number[]} std
 * @property {[number, number]} limits what drawings show, in standard deviations
 *
 * @typedef {{ kind: 'table', columns: Column[] }} Table
 * @typedef {Object} Named
 * @property {'points' | 'vector'} kind
 * @property {string[]} names
 * @property {number[]} mean of each number in its own unit, as `std`
 * @property {number[]} std
 * @property {number[]} [background] other points, x and y by turns, to draw one among
 *
 * @typedef {{ kind: 'video', frames: number, height: number, width: number }} Video
 *
 * @typedef {ImageModality | Series | Table | Named | Video} Modality
 *
 * @typedef {{ name: string, text: string, channel?: number }} Cell a value in its own unit, or the range of a channel
 */

/** @type {Record<Modality['kind'], { one: string, many: string, value: string }>} */
export const NOUNS = {
  image: { one: 'image', many: 'images', value: 'pixel' },
  series: { one: 'series', many: 'series', value: 'value' },
  table: { one: 'row', many: 'rows', value: 'value' },
  points: { one: 'point', many: 'points', value: 'coordinate' },
  vector: { one: 'vector', many: 'vectors', value: 'value' },
  video: { one: 'sequence', many: 'sequences', value: 'pixel' },
};
const MAX_DESCRIBED = 12; // values that words name

// A program that says nothing of it is one of images.
/** @param {{ shape: number[], modality?: Modality }} head @returns {Modality} */
export const modalityOf = ({ shape: [channels, height, width], modality }) =>
  modality ?? { kind: 'image', channels, height, width };

// What corruptions set a value to, and whether values beyond cannot be shown.
/** @param {Modality} modality @returns {[number, number]} */
export const valueRange = (modality) => (isBounded(modality) ? [0, 1] : [-2, 2]);
/** @param {Modality} modality */
export const isBounded = ({ kind }) => kind === 'image' || kind === 'video';

/** @param {Column} column */
const widthOf = ({ kind, categories }) => (kind === 'category' ? categories.length : kind === 'cyclic' ? 2 : 1);

/** @type {WeakMap<Table, number[]>} */
const kept = new WeakMap();

// Where each column of a table begins among its values.
/** @param {Table} table */
export function columnStarts(table) {
  let starts = kept.get(table);
  if (!starts) {
    let at = 0;
    starts = table.columns.map((column) => (at += widthOf(column)) - widthOf(column));
    kept.set(table, starts);
  }
  return starts;
}

// The position of each value of a sample: what is at one position is corrupted together.
/** @param {Modality} modality @param {number} size values of a sample @returns {Int32Array} */
export function positions(modality, size) {
  if (modality.kind === 'image') {
    const area = modality.height * modality.width;
    return Int32Array.from({ length: size }, (_, i) => i % area);
  }
  if (modality.kind === 'series') {
    const count = modality.channels.length;
    return Int32Array.from({ length: size }, (_, i) => Math.floor(i / count));
  }
  if (modality.kind === 'table')
    return Int32Array.from(modality.columns.flatMap((column, at) => Array(widthOf(column)).fill(at)));
  return Int32Array.from({ length: size }, (_, i) => i);
}

/** @param {NumberArray} values @param {number} start @param {number} count */
function largest(values, start, count) {
  let best = 0;
  for (let i = 1; i < count; i++) if (values[start + i] > values[start + best]) best = i;
  return best;
}

// One number for each cell of a row, as bars show it: standardised numbers, categories evenly spread.
/** @param {Table} table @param {NumberArray} values @returns {number[]} */
export function levels(table, values) {
  const starts = columnStarts(table);
  return table.columns.map(({ kind, categories }, at) => {
    const start = starts[at];
    if (Number.isNaN(values[start])) return NaN;
    if (kind === 'category')
      return (4 * largest(values, start, categories.length)) / Math.max(1, categories.length - 1) - 2;
    if (kind === 'boolean') return 4 * values[start] - 2;
    if (kind === 'cyclic') return (2 * Math.atan2(values[start], values[start + 1])) / Math.PI;
    return values[start];
  });
}

// A cell of a row in its own unit: the name of a category, else a number; null where it is missing.
/** @param {Column} column @param {NumberArray} values @param {number} start @returns {string | number | null} */
function decode({ kind, mean, std, categories, period }, values, start) {
  const value = values[start];
  if (Number.isNaN(value)) return null;
  if (kind === 'category') return categories[largest(values, start, categories.length)];
  if (kind === 'boolean') return categories[value > 0.5 ? 1 : 0];
  if (kind === 'number') return value * std + mean;
  const turn = (Math.atan2(value, values[start + 1]) / (2 * Math.PI)) * period;
  return ((turn % period) + period) % period;
}

// The range of each channel of a series in its own unit; null where nothing of it is known.
/** @param {Series} series @param {NumberArray} values @returns {([number, number] | null)[]} */
function ranges({ channels, mean, std }, values) {
  return channels.map((_, channel) => {
    let [least, most] = [Infinity, -Infinity];
    for (let i = channel; i < values.length; i += channels.length) {
      if (values[i] < least) least = values[i];
      if (values[i] > most) most = values[i];
    }
    return least > most ? null : [least * std[channel] + mean[channel], most * std[channel] + mean[channel]];
  });
}

// --- Words -----------------------------------------------------------------------------------------------------------

// A number as Python's format "g" writes it.
/** @param {number} value @param {number} [digits] */
export function general(value, digits = 3) {
  if (!Number.isFinite(value)) return String(value);
  const [mantissa, exponent] = value.toExponential(digits - 1).split('e');
  const power = Number(exponent);
  /** @param {string} text */
  const short = (text) => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (power >= -4 && power < digits) return short(value.toFixed(Math.max(0, digits - 1 - power)));
  return `${short(mantissa)}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`;
}

// A number rounded to so many decimals, as Python writes a float.
/** @param {number} value @param {number} decimals */
function rounded(value, decimals) {
  const text = String(Number(value.toFixed(decimals)));
  return /[.e]/.test(text) ? text : `${text}.0`;
}

// A sample in words; '' for images and videos, of which words say nothing.
/** @param {Modality} modality @param {NumberArray} values @returns {string} */
export function describe(modality, values) {
  if (modality.kind === 'image' || modality.kind === 'video') return '';
  if (modality.kind === 'table') return describeRow(modality, values);
  if (modality.kind === 'series') {
    const found = ranges(modality, values);
    return modality.channels
      .flatMap((name, at) => (found[at] ? [`${name} from ${found[at].map((each) => general(each)).join(' to ')}`] : []))
      .join(', ');
  }
  const { kind, names, mean, std } = modality;
  const format = kind === 'points' ? (/** @type {number} */ each) => each.toFixed(2) : general;
  const shown = kind === 'points' ? names : names.slice(0, MAX_DESCRIBED);
  return shown.map((name, at) => `${name} ${format(values[at] * std[at] + mean[at])}`).join(', ');
}

/** @param {Table} table @param {NumberArray} values */
function describeRow(table, values) {
  const starts = columnStarts(table);
  const said = table.columns.slice(0, MAX_DESCRIBED).map((column, at) => {
    const cell = decode(column, values, starts[at]);
    const text = cell === null ? 'missing' : typeof cell === 'number' ? rounded(cell, column.decimals) : cell;
    return `${column.name} ${text}`;
  });
  const more = table.columns.length - MAX_DESCRIBED;
  return said.join(', ') + (more > 0 ? `, and ${more} more` : '');
}

// All values of a sample as a list of names and texts, for whoever reads them beside the drawing.
/** @param {Modality} modality @param {NumberArray} values @returns {Cell[]} */
export function cells(modality, values) {
  /** @param {string} text */
  const minus = (text) => text.replace(/^-(?=0\.?0*$)/, '').replaceAll('-', '\u2212');
  if (modality.kind === 'image' || modality.kind === 'video') return [];
  if (modality.kind === 'table') {
    const starts = columnStarts(modality);
    return modality.columns.map((column, at) => {
      const cell = decode(column, values, starts[at]);
      const text = typeof cell === 'number' ? minus(cell.toFixed(column.decimals)) : (cell ?? 'missing');
      return { name: column.name, text };
    });
  }
  if (modality.kind === 'series') {
    return ranges(modality, values).map((range, channel) => ({
      name: modality.channels[channel],
      text: range ? `${minus(general(range[0]))} to ${minus(general(range[1]))}` : 'missing',
      channel,
    }));
  }
  const { names, mean, std } = modality;
  return names.map((name, at) => ({ name, text: minus((values[at] * std[at] + mean[at]).toFixed(2)) }));
}
