// What a component of Streamlit calls (mounted by ui/live.py): keeps models, and shows views of them.
//
// `data.view` says what to do. "weights": the model `data.model` (a key) is put among the models. Any other name is a
// view: a module views/${view}/${view}.js, whose default export is
//
//     export default function view({ parentElement, data, model, setStateValue, setTriggerValue }) {
//       // parentElement holds what stands in `${view}.html`, styled by `${view}.css`; both are optional files
//       // model: the network (net.js) with the key `data.model`, already here; null where the page names none
//       return {
//         update(data) {}, // the page has sent new data; the model and the view are the same ones
//         dress() {},      // the theme may have changed: read the colours again and paint
//         close() {},      // the view leaves the page, or another model takes its place: undo what was begun
//       };
//     }
//
// `dress` is also called once at the beginning. After `close` the same parentElement may be given to a new call, for
// another model: what a view has put into it must then be gone. setStateValue(name, value) keeps a value that the page
// reads as `result.name`; setTriggerValue(name, value) is seen by one run of the page only. Both run the page anew:
// never call them while something is dragged.
//
// All modules are served under an address that holds a hash of what is in them: an import by a relative path finds the
// file of the same version. All that a view imports is asked for at once (ui/component.py), and mostly here already.

import { get, put } from './net/models.js';

/**
 * @import { Model } from './net/models.js'
 *
 * @typedef {{ getChild(name: 'blob'): { get(at: 0): Uint8Array<ArrayBuffer> } }} Table bytes (ui/component.py, `blob`)
 * @typedef {{ update(data: any): void, dress(): void, close(): void }} View
 * @typedef {{ data: any, view: View | null, turn: number }} Mounted
 */

/**
 * What Streamlit gives a component of its own and of the page's data.
 * @template Data
 * @typedef {Object} Component
 * @property {HTMLElement | ShadowRoot} parentElement
 * @property {Data} data
 * @property {(name: string, value: unknown) => void} setStateValue
 * @property {(name: string, value: unknown) => void} setTriggerValue
 */

/**
 * The same for a view of a model.
 * @template Data
 * @typedef {Component<Data> & { model: Model }} Given
 */

/** @type {WeakMap<Component<any>['parentElement'], Mounted>} */
const open = new WeakMap(); // what is mounted where

/** @param {Component<any>} component @returns {(() => void) | void} */
export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  if (data.view === 'weights') return keep(parentElement, data);
  const mounted = open.get(parentElement) ?? { data: null, view: null, turn: 0 };
  open.set(parentElement, mounted);
  const before = mounted.data;
  mounted.data = data;
  if (before?.model !== data.model || before?.view !== data.view) {
    show(mounted, { parentElement, setStateValue, setTriggerValue });
  } else if (mounted.view) {
    if (before !== data) mounted.view.update(data);
    mounted.view.dress();
  }
  return () => {
    close(mounted);
    open.delete(parentElement);
  };
}

/** @param {Mounted} mounted @param {Omit<Component<any>, 'data'>} component */
async function show(mounted, component) {
  close(mounted);
  const turn = mounted.turn;
  const { view, model } = mounted.data;
  const [module, network] = await Promise.all([import(`./views/${view}/${view}.js`), model ? get(model) : null]);
  if (turn !== mounted.turn) return; // something else is wanted by now
  const opened = module.default({ ...component, data: mounted.data, model: network });
  mounted.view = opened;
  opened.dress();
}

/** @param {Mounted} mounted */
function close(mounted) {
  mounted.turn++;
  mounted.view?.close();
  mounted.view = null;
}

/**
 * @param {Component<any>['parentElement']} parentElement
 * @param {{ model: string, head: import('./net/net.js').Head & { half?: boolean }, blob: Table }} data
 */
function keep(parentElement, { model, head, blob }) {
  put(model, head, blob.getChild('blob').get(0));
  // nothing to see, so no gap between what stands above and below
  const root = parentElement.getRootNode();
  const host = root instanceof ShadowRoot ? root.host : parentElement;
  const container = host instanceof Element && host.closest('[data-testid="stElementContainer"]');
  if (container instanceof HTMLElement) container.style.setProperty('display', 'none');
}
