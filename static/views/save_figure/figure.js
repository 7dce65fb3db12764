// A chart of Plotly as a file: the layers of its drawing laid into one SVG, and that drawn as PNG.

const UNWANTED = '.hoverlayer, .draglayer, .selectionlayer, .zoomlayer, .outline-controllers, .modebar, .cursor';
const PNG_WIDTH = 1600; // pixels, at least
const XMLNS = 'http://www.w3.org/2000/svg';
const REFERENCES = ['clip-path', 'fill', 'stroke', 'mask', 'filter', 'style', 'href', 'xlink:href'];

// The chart that stands before an element of the page, in the same column.
/** @param {Element | null} container */
export function chartBefore(container) {
  for (let at = container?.previousElementSibling; at; at = at.previousElementSibling) {
    const found = at.querySelector('.js-plotly-plot');
    if (found) return found;
  }
  return null;
}

/** @param {Element} layer */
function copyOf(layer) {
  const copy = /** @type {Element} */ (layer.cloneNode(true));
  const texts = layer.querySelectorAll('text');
  copy.querySelectorAll('text').forEach((text, i) => {
    const { fill, fontFamily } = getComputedStyle(texts[i]); // a style sheet of the page may say something else
    Object.assign(text.style, { fill, fontFamily });
  });
  for (const each of copy.querySelectorAll(UNWANTED)) each.remove();
  return copy;
}

// What is referred to by the address of the page lies in the file itself.
/** @param {Element} element */
function refersWithin(element) {
  for (const name of REFERENCES) {
    const value = element.getAttribute(name);
    if (value?.includes('#')) element.setAttribute(name, value.replace(/url\((["']?)[^)"'#]*#/g, 'url($1#'));
  }
}

/**
 * @param {Element} chart
 * @param {string} ground the colour behind it
 * @returns {{ text: string, width: number, height: number }}
 */
export function toSvg(chart, ground) {
  const layers = [...chart.querySelectorAll('svg.main-svg')];
  const { width, height } = chart.getBoundingClientRect();
  const svg = document.createElementNS(XMLNS, 'svg');
  for (const [name, value] of Object.entries({ width, height, viewBox: `0 0 ${width} ${height}` })) {
    svg.setAttribute(name, String(value));
  }
  const behind = document.createElementNS(XMLNS, 'rect');
  for (const [name, value] of Object.entries({ width, height, fill: ground })) behind.setAttribute(name, String(value));
  svg.append(behind, ...layers.flatMap((layer) => [...copyOf(layer).childNodes]));
  svg.querySelectorAll('*').forEach(refersWithin);
  for (const image of svg.querySelectorAll('image')) image.style.imageRendering = 'pixelated';
  return { text: new XMLSerializer().serializeToString(svg), width, height };
}

/** @param {ReturnType<typeof toSvg>} svg @returns {Promise<Blob>} */
export async function toPng({ text, width, height }) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  await image.decode();
  const times = Math.ceil(PNG_WIDTH / width);
  const canvas = Object.assign(document.createElement('canvas'), { width: width * times, height: height * times });
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  const blob = await new Promise((resolve) => canvas.toBlob(resolve, 'image/png'));
  if (!blob) throw new Error('This browser draws no PNG');
  return blob;
}
