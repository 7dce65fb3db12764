// What the map says of one point: class and sample in words, and what its code decodes to.

import { announcer, queryIn } from '../../dom/dom.js';
import { setLabel } from '../../dom/canvas.js';
import { drawSample, withWords } from '../../dom/render.js';
import { describePoint } from '../../map/points.js';

/**
 * @import { PointMap } from '../../map/points.js'
 * @import { Model } from '../../net/models.js'
 */

// Fills .description, .image and .live-region of `root`, and the label of its .stage.
/** @param {HTMLElement} root */
export function pointCard(root) {
  const $ = queryIn(root);
  const image = $('.image', HTMLCanvasElement);
  const speaker = announcer($('.live-region'));
  /** @type {Model | null} */
  let model = null;
  /** @type {number | null} */
  let described = null; // the point that text and image are about; null when they have to be made anew

  /** @param {PointMap} pointMap */
  const hint = ({ hidden, classNames, noun }) =>
    hidden.size < classNames.length
      ? `Point at the map to see which ${noun.one} lies there.`
      : 'All classes are hidden.';

  /** @param {PointMap} pointMap @param {number} point @param {string} text */
  function decode(pointMap, point, text) {
    const code = point >= 0 && model ? pointMap.code(point) : null;
    image.style.visibility = code ? 'visible' : 'hidden';
    if (!code || !model) return setLabel(image, 'Nothing decoded');
    const decoded = model.decode(code, pointMap.labels[point]);
    drawSample(image, decoded, model);
    setLabel(image, withWords(`Decoded from the code of ${text}`, decoded, model));
  }

  return {
    // `point`: by its number, -1 for none; `aloud`: whether a screen reader hears of it.
    /** @param {PointMap} pointMap @param {number} point @param {boolean} aloud */
    show(pointMap, point, aloud) {
      if (point === described) return;
      described = point;
      const text = point >= 0 ? describePoint(pointMap, point) : hint(pointMap);
      $('.description').textContent = text;
      $('.stage').setAttribute('aria-label', `Map of codes. ${text}`);
      decode(pointMap, point, text);
      if (aloud && point >= 0) speaker.announce(text);
    },
    // What is shown next is described anew.
    refresh() {
      described = null;
    },
    /** @param {Model} decoder */
    setModel(decoder) {
      [model, described] = [decoder, null];
    },
    stop: speaker.stop,
  };
}
