// DOM helpers: queries, new elements, event listeners, animation frames, sliders, radio groups and announcements.

export const reducedMotion = matchMedia('(prefers-reduced-motion: reduce)');
const ANNOUNCEMENT_DELAY = 400; // milliseconds without a change: not more than a listener can follow
const PLAY = 'M3 1.5v13l11-6.5z';
const PAUSE = 'M3 2h4v12H3zM9 2h4v12H9z';

// A function that finds what a selector names below `root`: an element of HTML, or of the kind that is asked for. An
// error when there is none.
/** @param {ParentNode} root */
export function queryIn(root) {
  /**
   * @template {Element} [Kind=HTMLElement]
   * @param {string} selector
   * @param {new () => Kind} [kind]
   * @returns {Kind}
   */
  function query(selector, kind) {
    const found = root.querySelector(selector);
    if (!(found instanceof (kind ?? HTMLElement)))
      throw new Error(`There is no ${(kind ?? HTMLElement).name} ${selector}`);
    return /** @type {Kind} */ (found);
  }
  return query;
}

// An element with its attributes; children are elements or texts.
/**
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {Record<string, string | number>} attributes
 * @param {...(Node | string)} children
 */
export function createElement(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
}

// addEventListener until the signal is aborted.
/** @param {AbortSignal} signal */
export function listenUntil(signal) {
  /**
   * @template {keyof HTMLElementEventMap} Name
   * @param {HTMLElement} target
   * @param {Name} name
   * @param {(event: HTMLElementEventMap[Name]) => void} call
   * @param {AddEventListenerOptions} [options]
   */
  function listen(target, name, call, options) {
    target.addEventListener(name, call, { signal, ...options });
  }
  return listen;
}

// A function that listens until `stop` is called, and the signal of that.
export function listeners() {
  const controller = new AbortController();
  const { signal } = controller;
  return { on: listenUntil(signal), signal, stop: () => controller.abort() };
}

// However often frames are requested, `draw(now, layers)` is called once before the screen is next painted, with all
// layers that were named.
/** @param {(now: number, layers: Set<string>) => void} draw */
export function frames(draw) {
  let requested = 0;
  /** @type {Set<string>} */
  let dirty = new Set();
  return {
    /** @param {...string} layers */
    request(...layers) {
      for (const layer of layers) dirty.add(layer);
      requested ||= requestAnimationFrame((now) => {
        requested = 0;
        const layers = dirty;
        dirty = new Set();
        draw(now, layers);
      });
    },
    stop() {
      cancelAnimationFrame(requested);
      requested = -1; // nothing is drawn any more
    },
  };
}

// Puts texts for screen readers into a live region: of several in a row the last. A function is called only then.
/** @param {Element} region */
export function announcer(region, delay = ANNOUNCEMENT_DELAY) {
  let timer = 0;
  return {
    /** @param {string | (() => string)} text */
    announce(text) {
      clearTimeout(timer);
      timer = setTimeout(() => {
        region.textContent = typeof text === 'string' ? text : text();
      }, delay);
    },
    stop: () => clearTimeout(timer),
  };
}

// The part of a slider that lies behind its thumb, for the colour of its track.
/** @param {HTMLInputElement} slider */
export function fillTrack(slider) {
  const low = Number(slider.min);
  const share = (slider.valueAsNumber - low) / (Number(slider.max) - low);
  slider.style.setProperty('--done', `${100 * share}%`);
}

// What a button with an icon and a word says: that it plays, or that it pauses what is playing.
/** @param {HTMLElement} button */
export function setPlaying(button, playing = false) {
  const $ = queryIn(button);
  $('span').textContent = playing ? 'Pause' : 'Play';
  $('path', SVGElement).setAttribute('d', playing ? PAUSE : PLAY);
}

// Radio buttons side by side, one for each name; `onChange(name)` hears of each choice.
/**
 * @param {HTMLElement} fieldset
 * @param {string[]} names
 * @param {string} first
 * @param {(name: string) => void} onChange
 * @param {(name: string) => string} [labelOf] what stands on its button
 */
export function radioGroup(fieldset, names, first, onChange, labelOf = (name) => name) {
  const group = `${fieldset.className}-${Math.random()}`; // two views on a page are two groups
  queryIn(fieldset)('div').replaceChildren(
    ...names.map((name) => {
      const radio = createElement('input', { type: 'radio', name: group, value: name });
      radio.checked = name === first;
      radio.addEventListener('change', () => onChange(name));
      const label = labelOf(name);
      return createElement('label', {}, radio, createElement('span', {}, label[0].toUpperCase() + label.slice(1)));
    }),
  );
}
