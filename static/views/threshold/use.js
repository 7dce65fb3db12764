// The calculator: what a threshold does in a day where anomalies are as rare as they are, at people's own prices.

import { dailyCounts, falseAlarmRate, precisionAt, recall } from '../../twins/anomaly.js';
import { createElement, listenUntil, queryIn } from '../../dom/dom.js';
import { amount, percent } from './figures.js';

/**
 * @import { Confusion, Use } from '../../twins/anomaly.js'
 * @import { Values } from '../../dom/view_state.js'
 */

export const PRESETS = [0.01, 0.001, 0.0001];

// A number and the parameter of the address that holds it.
/** @type {[keyof Use, string][]} */
const FIELDS = [
  ['baseRate', 'base-rate'],
  ['volume', 'volume'],
  ['missCost', 'miss-cost'],
  ['alarmCost', 'alarm-cost'],
];

/**
 * The fields of `root`; `onInput(use)` hears of every change, `onChange(changes)` of what the address is to hold, once
 * somebody has done with it.
 * @param {HTMLElement} root
 * @param {Use} usual what the address does not say
 * @param {AbortSignal} signal
 * @param {{ onInput: (use: Use) => void, onChange: (changes: Record<string, string | null>) => void }} handlers
 */
export function calculator(root, usual, signal, { onInput, onChange }) {
  const $ = queryIn(root);
  const listen = listenUntil(signal);
  const use = { ...usual };

  /** @param {keyof Use} name */
  const scaled = (name) => (name === 'baseRate' ? 100 : 1); // it is typed in percent
  /** @param {keyof Use} name @param {string} parameter */
  const field = (name, parameter) => $(`.${parameter}`, HTMLInputElement);

  /** @param {keyof Use} name @param {string} parameter */
  function show(name, parameter) {
    field(name, parameter).value = String(+(use[name] * scaled(name)).toPrecision(6));
  }

  /** @param {keyof Use} name @param {string} parameter */
  function save(name, parameter) {
    show(name, parameter); // what is no number becomes what it was
    onChange({ [parameter]: use[name] === usual[name] ? null : String(use[name]) });
  }

  function markPreset() {
    for (const button of $('.presets').querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(Number(button.value) === use.baseRate));
    }
  }

  for (const [name, parameter] of FIELDS) {
    const input = field(name, parameter);
    listen(input, 'input', () => {
      const value = +(input.valueAsNumber / scaled(name)).toPrecision(10);
      if (!input.validity.valid || !Number.isFinite(value)) return;
      use[name] = value;
      markPreset();
      onInput(use);
    });
    listen(input, 'change', () => save(name, parameter));
  }
  $('.presets').replaceChildren(
    ...PRESETS.map((rate) => {
      const button = createElement(
        'button',
        { type: 'button', class: 'button', value: rate },
        `${+(100 * rate).toPrecision(3)}\u00a0%`,
      );
      listen(button, 'click', () => {
        use.baseRate = rate;
        markPreset();
        onInput(use);
        save('baseRate', 'base-rate');
      });
      return button;
    }),
  );

  return {
    use,
    // What the address holds; it has been read in Python before.
    /** @param {Values} values */
    restore(values) {
      for (const [name, parameter] of FIELDS) {
        use[name] = parameter in values ? Number(values[parameter]) : usual[name];
        show(name, parameter);
      }
      markPreset();
    },
  };
}

/** @param {HTMLElement} root @param {Confusion} counts @param {Use} use */
export function showDay(root, counts, use) {
  const $ = queryIn(root);
  const [found, false_] = [recall(counts), falseAlarmRate(counts)];
  const day = dailyCounts(use, found, false_);
  $('.anomalies').textContent = amount(day.anomalies);
  $('.found').textContent = amount(day.found);
  $('.missed').textContent = amount(day.missed);
  $('.false-alarms').textContent = amount(day.falseAlarms);
  $('.own-precision').textContent = percent(day.precision);
  $('.cost').textContent = amount(day.cost);
  $('.lesson').textContent = lesson(counts, use.baseRate);
}

// What the share of right alarms comes from, in words.
/** @param {Confusion} counts @param {number} baseRate */
function lesson(counts, baseRate) {
  const [found, false_] = [recall(counts), falseAlarmRate(counts)];
  const right = precisionAt(baseRate, found, false_);
  if (!Number.isFinite(right)) return 'No alarm at all: nothing is found, and nobody is disturbed.';
  if (!counts.falsePositives) return ruleOfThree(counts.trueNegatives, baseRate, found);
  const passed = `${percent(1 - false_)} of normal samples pass and ${percent(found)} of odd ones are found`;
  const said = `${percent(right)} of the alarms are right`;
  if (!(baseRate > 0 && baseRate < 0.5)) return `${passed}: ${said}.`;
  const rivals = amount(Math.round((1 - baseRate) / baseRate));
  const but = right < 0.5 ? 'and yet only ' : 'and ';
  return `${passed}, ${but}${said}: for each odd sample there are ${rivals} normal ones, all of which may alarm.`;
}

// None of n is no proof of never: with 95 % confidence the rate is below 3 / n (Hanley & Lippman-Hand 1983).
/** @param {number} count @param {number} baseRate @param {number} recall */
function ruleOfThree(count, baseRate, recall) {
  const rate = Math.min(1, 3 / count);
  return (
    `None of the ${amount(count)} normal test samples alarmed. That says no more than that fewer than ${percent(rate)} `
    + `do (3 / n, with 95 % confidence); if so many did, ${percent(precisionAt(baseRate, recall, rate))} of the alarms `
    + 'would be right.'
  );
}
