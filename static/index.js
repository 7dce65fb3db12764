// The loader that Streamlit calls for each component (ui/widgets/live.py): it registers models and mounts views.
//
// `data.view` says what to do. "program": the model `data.model` (a key) is registered. "state": what the address says
// of the view `data.of` is told it, and what it writes goes to the page (dom/view_state.js). Any other name is a
// view: a module views/${view}/${view}.js, whose default export is
//
//     export default function view({ parentElement, data, model, setStateValue, setTriggerValue }) {
//       // parentElement holds what stands in `${view}.html`, styled by `${view}.css`; both are optional files
//       // model: the network (net.js) with the key `data.model`, already loaded; null where the page names none
//       return {
//         update(data) {}, // the page has sent new data; the model and the view are the same ones
//         restyle() {},    // the theme may have changed: read the colours again and paint
//         close() {},      // the view leaves the page, or another model takes its place: undo what was begun
//       };
//     }
//
// `restyle` is also called once at the beginning. After `close` the same parentElement may be given to a new call, for
// another model: what a view has put into it must then be gone. setStateValue(name, value) keeps a value that the page
// reads as `result.name`; setTriggerValue(name, value) is seen by one run of the page only. Both run the page anew:
// never call them while something is dragged.
//
// All modules are served under an address that holds a hash of what is in them: an import by a relative path finds the
// file of the same version. All that a view imports is asked for at once (ui/widgets/component.py), mostly before.

import { stateOf } from './dom/view_state.js';
import { bytesOf } from './net/packing.js';
import { get, put } from './net/models.js';

/**
 * @import { Table } from './net/packing.js'
 * @import { Model } from './net/models.js'
 *
 * @typedef {{ update(data: any): void, restyle(): void, close(): void }} View
 * @typedef {{ data: any, view: View | null, version: number }} Mount
 */

/**
 * What Streamlit gives a component of its own and of the page's data.
 * @template Data
 * @typedef {Object} ComponentProps
 * @property {HTMLElement | ShadowRoot} parentElement
 * @property {Data} data
 * @property {(name: string, value: unknown) => void} setStateValue
 * @property {(name: string, value: unknown) => void} setTriggerValue
 */

/**
 * The same for a view of a model.
 * @template Data
 * @typedef {ComponentProps<Data> & { model: Model }} ViewProps
 */

/** @type {WeakMap<ComponentProps<any>['parentElement'], Mount>} */
const mounts = new WeakMap(); // what is mounted where

/** @param {ComponentProps<any>} component @returns {(() => void) | void} */
export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  if (data.view === 'program') return register(parentElement, data);
  if (data.view === 'state') return connectState(parentElement, data, setStateValue);
  const mount = mounts.get(parentElement) ?? { data: null, view: null, version: 0 };
  mounts.set(parentElement, mount);
  const before = mount.data;
  mount.data = data;
  if (before?.model !== data.model || before?.view !== data.view) {
    mountView(mount, { parentElement, setStateValue, setTriggerValue });
  } else if (mount.view) {
    if (before !== data) mount.view.update(data);
    mount.view.restyle();
  }
  return () => {
    unmountView(mount);
    mounts.delete(parentElement);
  };
}

/** @param {Mount} mount @param {Omit<ComponentProps<any>, 'data'>} component */
async function mountView(mount, component) {
  unmountView(mount);
  const version = mount.version;
  const { view, model } = mount.data;
  showLoading(component.parentElement, true);
  const [module, network] = await Promise.all([import(`./views/${view}/${view}.js`), model ? get(model) : null]);
  if (version !== mount.version) return; // something else has been mounted meanwhile
  const created = module.default({ ...component, data: mount.data, model: network });
  mount.view = created;
  created.restyle();
  showLoading(component.parentElement, false);
}

// Until a view listens, what it shows is only a picture of it: "Loading" stands there (ui/widgets/component.py).
/** @param {ComponentProps<any>['parentElement']} parentElement @param {boolean} loading */
function showLoading(parentElement, loading) {
  const sign = parentElement.querySelector('[data-loading]');
  if (sign instanceof HTMLElement) sign.hidden = !loading;
}

/** @param {Mount} mount */
function unmountView(mount) {
  mount.version++;
  mount.view?.close();
  mount.view = null;
}

/**
 * @param {ComponentProps<any>['parentElement']} parentElement
 * @param {{ model: string, head: import('./net/net.js').Head & { float16?: boolean }, blob: Table }} data
 */
function register(parentElement, { model, head, blob }) {
  put(model, head, bytesOf(blob));
  hide(parentElement);
}

/**
 * @param {ComponentProps<any>['parentElement']} parentElement
 * @param {import('./dom/view_state.js').Turn & { of: string }} data
 * @param {ComponentProps<any>['setStateValue']} setStateValue
 */
function connectState(parentElement, { of, turn, values }, setStateValue) {
  const state = stateOf(of);
  state.connect({ turn, values }, (said) => setStateValue('state', said));
  hide(parentElement);
  return state.disconnect;
}

// There is nothing to see, so no gap between what stands above and below.
/** @param {ComponentProps<any>['parentElement']} parentElement */
function hide(parentElement) {
  showLoading(parentElement, false);
  const root = parentElement.getRootNode();
  const host = root instanceof ShadowRoot ? root.host : parentElement;
  const container = host instanceof Element && host.closest('[data-testid="stElementContainer"]');
  if (container instanceof HTMLElement) container.style.setProperty('display', 'none');
}
