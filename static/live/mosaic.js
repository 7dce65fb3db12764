// Decoded pictures all over the pad: made by the worker for the part in sight once the map rests, and kept while it moves.

const beside = (name) => import(new URL(name + new URL(import.meta.url).search, import.meta.url)); // of the same version
const [{ lifted }, { drawPart }] = await Promise.all(['./places.js', './scatter.js'].map(beside));

const REST = 120; // milliseconds without movement
const SIZE = 34; // CSS pixels of a picture, about
const MOST = 22; // pictures a side

export function mosaicOf(crowd, { shape, size }, ready) {
  const canvas = document.createElement('canvas');
  let edges = null, wanted = '', soon = 0;

  // The codes of the middles of all cells, row by row from the top left.
  function codesOf(view, places, columns, rows) {
    const codes = new Float32Array(columns * rows * size);
    for (let cell = 0; cell < columns * rows; cell++) {
      const x = view.x(((cell % columns) + 0.5) / columns), y = view.y((Math.floor(cell / columns) + 0.5) / rows);
      lifted(places, x, places.flat ? 0 : y, codes.subarray(cell * size, (cell + 1) * size));
    }
    return codes;
  }

  async function decode(view, places, label, columns, rows, band) {
    const about = places.flat ? [...view.edges.slice(0, 2), -band, band] : [...view.edges];
    const pictures = await crowd.decode(codesOf(view, places, columns, rows), label);
    if (!pictures) return; // overtaken
    draw(canvas, pictures, shape, columns, rows);
    edges = about;
    ready();
  }

  return {
    // Called for each frame of the map; decodes only when what is in sight has changed and then rested.
    want(view, places, label, width, height) {
      const columns = Math.max(4, Math.min(MOST, Math.floor(width / Math.max(SIZE, shape[2]))));
      const rows = places.flat ? 1 : columns, asked = `${view.edges} ${label} ${columns}`;
      if (asked === wanted) return;
      const first = !wanted;
      wanted = asked;
      clearTimeout(soon);
      soon = setTimeout(() => decode(view, places, label, columns, rows, width / columns / height), first ? 0 : REST);
    },
    draw(pen, view, width, height) {
      if (edges) drawPart(pen, canvas, edges, view, width, height, false);
    },
    forget() {
      wanted = '';
      edges = null;
    },
    close() {
      clearTimeout(soon);
      crowd.close();
    },
  };
}

function draw(canvas, pictures, [channels, high, wide], columns, rows) {
  Object.assign(canvas, { width: columns * wide, height: rows * high });
  const pen = canvas.getContext('2d'), image = pen.createImageData(canvas.width, canvas.height), area = high * wide;
  for (let cell = 0; cell < columns * rows; cell++) {
    const left = (cell % columns) * wide, top = Math.floor(cell / columns) * high, from = cell * channels * area;
    for (let i = 0; i < area; i++) {
      const at = 4 * ((top + Math.floor(i / wide)) * canvas.width + left + (i % wide));
      for (let c = 0; c < 3; c++) image.data[at + c] = pictures[from + (channels === 3 ? c * area : 0) + i];
      image.data[at + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
}
