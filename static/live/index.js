// What a component of Streamlit calls (mounted by ui/live.py): keeps models, and shows views of them.
//
// `data.view` says what to do. "weights": the model `data.model` (a key) is put among the models. Any other name is a view:
// a module beside this one, `${view}.js`, whose default export is
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
// reads as `result.name`; setTriggerValue(name, value) is seen by one run of the page only. Both run the page anew: never
// call them while something is dragged.
//
// Imports between these modules carry the version of their own address, or the browser may mix old and new ones:
//     const { wiped } = await import(new URL(`./canvas.js${new URL(import.meta.url).search}`, import.meta.url));

const here = new URL(import.meta.url);
const beside = (name) => import(new URL(name + here.search, here)); // the same version as this file
const all = (...names) => names.forEach((name) => beside(`./${name}.js`));
// What is imported by what is imported: asked for at once, not one answer after the other. A name that is missing here
// only comes later.
all('models', 'net', 'crowd', 'layers', 'codes', 'product', 'surprise');
const MAP = ['page', 'plane', 'places', 'picture', 'look', 'backdrop', 'scatter', '../replay/canvas'];
const WALK = [...MAP, 'walking', 'gestures', 'keys', 'overlay'];
const SOON = {
  home: [...WALK, 'sheet', 'ink', 'guide', 'trail'], pad: [...WALK, 'mosaic'],
  draw: [...MAP, 'sheet', 'ink', 'trail', 'metrics'],
  map: [...MAP, 'dots', 'gestures', 'keys', 'marks', 'overlay'],
};
const models = beside('./models.js');

const open = new WeakMap(); // what is mounted where

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  if (data.view === 'weights') return keep(parentElement, data);
  const mounted = open.get(parentElement) ?? { data: null, view: null, model: null, turn: 0 };
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

async function show(mounted, component) {
  close(mounted);
  const turn = mounted.turn, { view, model } = mounted.data;
  all(...(SOON[view] ?? []));
  const [module, net] = await Promise.all([beside(`./${view}.js`), model ? models.then(({ get }) => get(model)) : null]);
  if (turn !== mounted.turn) return; // something else is wanted by now
  mounted.view = module.default({ ...component, data: mounted.data, model: net });
  mounted.view.dress();
}

function close(mounted) {
  mounted.turn++;
  mounted.view?.close();
  mounted.view = null;
}

function keep(parentElement, { model, head, blob }) {
  models.then(({ put }) => put(model, head, blob.getChild('blob').get(0)));
  // nothing to see, so no gap between what stands above and below
  const host = parentElement.getRootNode().host ?? parentElement;
  host.closest('[data-testid="stElementContainer"]')?.style.setProperty('display', 'none');
}
