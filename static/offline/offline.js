// The page of an exported model (aecore/export/offline_html.py): its pad and its sliders in a file of their own,
// without a server and without a network. People's scripts find the model as `aecore`.

import { createElement, queryIn } from '../dom/dom.js';
import { KEYS } from '../map/navigation.js';
import { localWorker } from '../net/local_worker.js';
import { createModel } from '../net/models.js';
import pad from '../views/pad/pad.js';
import sliders from '../views/sliders/sliders.js';

/**
 * @import { View } from '../index.js'
 * @import { Bytes, Table } from '../net/packing.js'
 * @import { NumberArray } from '../net/matmul.js'
 *
 * @typedef {{ head: any, blob: string }} Packed bytes are in base64
 * @typedef {{ model: Packed, pad: Packed, sliders: Packed, class_names: string[] }} Content
 */

const $ = queryIn(document);

/** @param {string} text */
function bytesOf(text) {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

// Bytes as views find them in what Streamlit sends.
/** @param {Bytes} bytes @returns {Table} */
const table = (bytes) => ({ getChild: () => ({ get: () => bytes }) });

/** @type {Content} */
const content = JSON.parse($('#content', HTMLScriptElement).text);
const model = createModel(content.model.head, bytesOf(content.model.blob), localWorker);

/** @param {'pad' | 'sliders'} name @param {(props: any) => View} view */
function mount(name, view) {
  const { head, blob } = content[name];
  const bytes = table(bytesOf(blob));
  /** @param {number} label */
  const dataOf = (label) => ({ ...head, blob: bytes, class_label: label });
  const props = {
    parentElement: $(`#${name}`).shadowRoot,
    data: dataOf(0),
    model,
    setStateValue() {},
    setTriggerValue() {},
  };
  const mounted = view(props);
  mounted.restyle();
  return { restyle: () => mounted.restyle(), draw: (/** @type {number} */ label) => mounted.update(dataOf(label)) };
}

// What a lasso selects is shown by a page of the laboratory: here nothing would come of one.
function withoutLasso() {
  const host = $('#pad');
  const keys = host.shadowRoot?.querySelector('.keys');
  if (keys) keys.textContent = `${KEYS}.`;
  const stop = (/** @type {KeyboardEvent} */ event) => event.key.toLowerCase() === 'l' && event.stopPropagation();
  host.shadowRoot?.addEventListener('keydown', /** @type {EventListener} */ (stop), { capture: true });
}

/** @param {(label: number) => void} choose */
function labelSelect(choose) {
  const select = $('#label', HTMLSelectElement);
  select.replaceChildren(...content.class_names.map((name, value) => createElement('option', { value }, name)));
  select.addEventListener('change', () => choose(Number(select.value)));
  $('.label').hidden = !model.nClasses;
}

const views = [mount('pad', pad), mount('sliders', sliders)];
withoutLasso();
labelSelect((label) => views.forEach((view) => view.draw(label)));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => views.forEach((view) => view.restyle()));
Object.assign(globalThis, {
  aecore: {
    shape: model.shape,
    codeSize: model.codeSize,
    /** @param {NumberArray} code @param {number} [label] */
    decode: (code, label) => model.decode(code, label).slice(),
    /** @param {NumberArray} sample @param {number} [label] */
    encode: (sample, label) => model.encode(sample, label).slice(),
  },
});
$('#failure').remove();
