// A map as an SVG: its points as circles, a group for each class, with title, axes, names and legend.

import { context2d } from '../../dom/canvas.js';
import { axisLabels, pointRadiusOf } from '../backdrop.js';
import { placeNames, nameSize } from '../class_names.js';
import { MARGIN, MARK_RADIUS, pictureLayout } from './picture_layout.js';

/**
 * @import { SavedMap } from './save_menu.js'
 * @import { Point } from '../viewport.js'
 */

/** @type {Record<string, string>} */
const ANCHORS = { left: 'start', center: 'middle', right: 'end' };
/** @type {Record<string, string>} */
const BASELINES = { top: 'hanging', middle: 'central', bottom: 'text-after-edge' };
const writer = new XMLSerializer();

/** @param {string} text */
const escape = (text) => writer.serializeToString(document.createTextNode(text)).replaceAll('"', '&quot;');
/** @param {number} value */
const short = (value) => String(+value.toFixed(1));

/** @param {SavedMap} saved @returns {string} */
export function mapSvg(saved) {
  const { title, drawing, width, height } = saved;
  const { theme } = drawing;
  const { letters, titleSize, top, entries, whole } = pictureLayout(saved);
  const colour = (/** @type {number} */ label) => escape(theme.classes[label % theme.classes.length].trim());
  const legend = entries.map(
    ({ label, text, x, y }) =>
      `<circle cx="${x + MARK_RADIUS}" cy="${short(y)}" r="${MARK_RADIUS}" fill="${colour(label)}"/>`
      + `<text x="${short(x + 2 * MARK_RADIUS + 6)}" y="${short(y)}" dominant-baseline="central">`
      + `${escape(text)}</text>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${whole.width}" height="${whole.height}"`,
    ` viewBox="0 0 ${whole.width} ${whole.height}" font-family="${escape(theme.font)}" font-size="${letters}"`,
    ` fill="${escape(theme.text)}" role="img"><title>${escape(title)}</title>`,
    `<rect width="100%" height="100%" fill="${escape(theme.background)}"/>`,
    `<text x="${MARGIN}" y="${short(top / 2)}" font-size="${titleSize}" font-weight="600"`,
    ` dominant-baseline="central">${escape(title)}</text>`,
    `<svg y="${top}" width="${width}" height="${height}">`,
    ...classGroups(saved, colour),
    ...marks(saved),
    ...words(saved),
    `<rect x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" fill="none" stroke="${escape(theme.border)}"/>`,
    `</svg><g>${legend.join('')}</g></svg>`,
  ].join('');
}

/** @param {SavedMap} saved @returns {(x: number, y: number) => Point} */
const toPixels =
  ({ drawing: { view }, width, height }) =>
  (x, y) => [view.screenX(x) * width, view.screenY(y) * height];

// The points in sight, by class.
/** @param {SavedMap} saved @param {(label: number) => string} colour */
function classGroups(saved, colour) {
  const { drawing, width, height } = saved;
  const { points, labels, count, classNames, hidden } = drawing.map;
  const radius = short(pointRadiusOf(drawing));
  const pixels = toPixels(saved);
  /** @type {string[][]} */
  const circles = classNames.map(() => []);
  for (let i = 0; i < count; i++) {
    const [x, y] = pixels(points[2 * i], points[2 * i + 1]);
    if (x < 0 || y < 0 || x > width || y > height || hidden.has(labels[i])) continue;
    circles[labels[i]].push(`<circle cx="${short(x)}" cy="${short(y)}" r="${radius}"/>`);
  }
  return circles.map((inside, label) =>
    inside.length
      ? `<g id="class-${label}" fill="${colour(label)}" fill-opacity="0.8"><title>${escape(classNames[label])}</title>`
        + `${inside.join('')}</g>`
      : '',
  );
}

/** @param {SavedMap} saved */
function marks(saved) {
  const { lasso, point, drawing } = saved;
  const { text, accent } = drawing.theme;
  const pixels = toPixels(saved);
  const corners = lasso
    .map((corner) =>
      pixels(...corner)
        .map(short)
        .join(','),
    )
    .join(' ');
  const found = [];
  if (lasso.length)
    found.push(
      `<polygon points="${corners}" fill="${escape(accent)}" fill-opacity="0.15" fill-rule="evenodd"`
        + ` stroke="${escape(text)}" stroke-width="1.5"/>`,
    );
  if (point) {
    const [x, y] = pixels(...point).map(short);
    found.push(
      `<circle cx="${x}" cy="${y}" r="6" fill="${escape(accent)}" stroke="${escape(text)}" stroke-width="2"/>`,
    );
  }
  return found;
}

// The numbers of the axes and the names of the classes, with a halo of the ground.
/** @param {SavedMap} saved */
function words(saved) {
  const { drawing, width, height } = saved;
  const { theme, map, view, names } = drawing;
  const ctx = context2d(document.createElement('canvas'));
  const halo = `stroke="${escape(theme.background)}" stroke-linejoin="round" paint-order="stroke"`;
  const axes = map.axisNames[0] ? axisLabels(ctx, theme, view, map, width, height) : [];
  const found = axes.map(
    ({ text, x, y, align, baseline }) =>
      `<text x="${short(x)}" y="${short(y)}" font-size="12" text-anchor="${ANCHORS[align]}"`
      + ` dominant-baseline="${BASELINES[baseline]}" stroke-width="3" ${halo}>${escape(text)}</text>`,
  );
  for (const { text, x, y } of names ? placeNames(ctx, { ...drawing, width, height }) : [])
    found.push(
      `<text x="${short(x)}" y="${short(y)}" font-size="${nameSize(drawing.large)}" font-weight="700"`
        + ` text-anchor="middle" dominant-baseline="central" stroke-width="4" ${halo}>${escape(text)}</text>`,
    );
  return found;
}
