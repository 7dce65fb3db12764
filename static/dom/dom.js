// What the views share of a page: elements, listeners that go together, and one drawing for each frame of the screen.

// A function that finds what a selector names below `root`: an element of HTML, or of the kind that is asked for. An
// error when there is none.
/** @param {ParentNode} root */
export function finder(root) {
  /**
   * @template {Element} [Kind=HTMLElement]
   * @param {string} selector
   * @param {new () => Kind} [kind]
   * @returns {Kind}
   */
  function find(selector, kind) {
    const found = root.querySelector(selector);
    if (!(found instanceof (kind ?? HTMLElement)))
      throw new Error(`There is no ${(kind ?? HTMLElement).name} ${selector}`);
    return /** @type {Kind} */ (found);
  }
  return find;
}

// An element with its attributes; children are elements or texts.
/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

// A function that listens until `stop` is called.
export function listeners() {
  const end = new AbortController();
  /** @param {EventTarget} target @param {string} event @param {(event: Event) => void} call */
  const on = (target, event, call) => target.addEventListener(event, call, { signal: end.signal });
  return { on, stop: () => end.abort() };
}

// However often it is asked, `draw(now)` is called once before the screen is next painted.
/** @param {(now: number) => void} draw */
export function frames(draw) {
  let asked = 0;
  return {
    ask() {
      asked ||= requestAnimationFrame((now) => {
        asked = 0;
        draw(now);
      });
    },
    stop() {
      cancelAnimationFrame(asked);
      asked = -1; // nothing is drawn any more
    },
  };
}

// The part of a slider that lies behind its thumb, for the colour of its track.
/** @param {HTMLInputElement} slider */
export function fill(slider) {
  const low = Number(slider.min);
  const share = (slider.valueAsNumber - low) / (Number(slider.max) - low);
  slider.style.setProperty('--done', `${100 * share}%`);
}

// Radio buttons side by side, one for each name; `chosen(name)` hears of each choice.
/**
 * @param {HTMLElement} fieldset
 * @param {string[]} names
 * @param {string} first
 * @param {(name: string) => void} chosen
 */
export function choices(fieldset, names, first, chosen) {
  const group = `${fieldset.className}-${Math.random()}`; // two views on a page are two groups
  finder(fieldset)('div').replaceChildren(
    ...names.map((name) => {
      const radio = element('input', { type: 'radio', name: group, value: name });
      radio.checked = name === first;
      radio.addEventListener('change', () => chosen(name));
      return element('label', {}, radio, element('span', {}, name));
    }),
  );
}
