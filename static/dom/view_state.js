// The state of views that the page's address holds (ui/widgets/view_state.py): what a person has done is written there
// as one step of the browser's history, and Back and links bring it to the view.

/**
 * @typedef {Record<string, string>} Values parameters of the address; what is as at first is not there
 * @typedef {ReturnType<typeof viewState>} ViewState
 * @typedef {{ turn: number, values: Values }} Turn all parameters of a view, and how often it has written them
 */

/** @type {Map<string, ViewState>} */
const states = new Map();

// The state under a key: the same object for the view and for what connects it to the page (static/index.js).
/** @param {string} key @returns {ViewState} */
export function stateOf(key) {
  const found = states.get(key) ?? viewState();
  states.set(key, found);
  return found;
}

function viewState() {
  /** @type {Values} */
  let values = {};
  let turn = 0;
  /** @type {((turn: Turn) => void) | null} */
  let send = null;
  /** @type {Set<(values: Values) => void>} */
  const listeners = new Set();

  return {
    get values() {
      return values;
    },
    // The page says what its address holds; `speak` tells it of changes. At the first time whatever it says counts.
    /** @param {Turn} said @param {(turn: Turn) => void} speak */
    connect(said, speak) {
      if (send && said.turn < turn) return; // older than what this view has written since
      const known = equal(said.values, values);
      [send, turn, values] = [speak, said.turn, said.values];
      if (known) return; // what plays goes on
      for (const listener of listeners) listener(values);
    },
    disconnect() {
      send = null;
    },
    // Until the signal is aborted `listener` hears of what the address says.
    /** @param {(values: Values) => void} listener @param {AbortSignal} signal */
    listen(listener, signal) {
      listeners.add(listener);
      signal.addEventListener('abort', () => listeners.delete(listener));
    },
    // Changes what is named; null takes a parameter out. All of it goes, for a second change may overtake the first.
    /** @param {Record<string, string | null>} changes */
    write(changes) {
      const next = Object.fromEntries(Object.entries({ ...values, ...changes }).filter(([, text]) => text !== null));
      if (equal(next, values)) return;
      values = /** @type {Values} */ (next);
      send?.({ turn: ++turn, values });
    },
  };
}

const REST = 400; // milliseconds without a change until many count as one step

// The same call, once it has not been asked for during that time.
/** @param {() => void} call @param {AbortSignal} signal */
export function afterRest(call, signal) {
  let timer = 0;
  signal.addEventListener('abort', () => clearTimeout(timer));
  return () => {
    clearTimeout(timer);
    timer = setTimeout(call, REST);
  };
}

/** @param {Record<string, unknown>} one @param {Record<string, unknown>} other */
function equal(one, other) {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

// --- Numbers as text: as ui/widgets/view_state.py reads them ---------------------------------------------------

// Numbers with so many decimals that they differ from what they were by less than `step`.
/** @param {Iterable<number>} numbers @param {number} step */
export function numbersText(numbers, step) {
  const decimals = Math.min(12, Math.max(0, Math.ceil(-Math.log10(step))));
  return [...numbers].map((value) => String(+value.toFixed(decimals))).join(',');
}

// The numbers of a text that ui/widgets/view_state.py has let through; none of what is not there.
/** @param {string | undefined} text */
export const numbersOf = (text) => (text ? text.split(',').map(Number) : []);
