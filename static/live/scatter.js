// What lies behind the point: the codes as dots or as a density, and a veil over places far from all of them.

const INK = 0.8; // how much a dot covers
const CELL = 4; // pixels of a density cell

// '#rrggbb' or whatever the browser understands -> [r, g, b]
export function rgb(colour) {
  const pen = rgb.pen ??= document.createElement('canvas').getContext('2d');
  pen.fillStyle = '#000';
  pen.fillStyle = colour.trim();
  return [1, 3, 5].map((at) => parseInt(pen.fillStyle.slice(at, at + 2), 16));
}

// A disc's share of each pixel of a small square.
function stamp(radius) {
  const reach = Math.ceil(radius), side = 2 * reach + 1, cover = new Float32Array(side * side);
  for (let y = -reach; y <= reach; y++) {
    for (let x = -reach; x <= reach; x++) {
      cover[(y + reach) * side + x + reach] = INK * Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(x, y)));
    }
  }
  return { reach, side, cover };
}

const sizeOf = (count, zoom) => (count > 4000 ? 1.2 : count > 1000 ? 1.8 : 2.6) * Math.min(2.2, zoom ** 0.4);

// Dots straight into pixels: thousands of arcs would take longer than a frame.
export function drawDots(image, view, places, colours, fine) {
  const { data, width, height } = image, { points, labels, count } = places;
  const { reach, side, cover } = stamp(fine * sizeOf(count, view.zoom));
  data.fill(0);
  for (let i = 0; i < count; i++) {
    const x = Math.round(view.across(points[2 * i]) * width), y = Math.round(view.down(points[2 * i + 1]) * height);
    if (x < -reach || y < -reach || x >= width + reach || y >= height + reach) continue;
    const colour = colours[labels[i] % colours.length];
    for (let row = Math.max(0, reach - y); row < side && y - reach + row < height; row++) {
      for (let column = Math.max(0, reach - x); column < side && x - reach + column < width; column++) {
        const share = cover[row * side + column];
        if (share) blend(data, 4 * ((y - reach + row) * width + x - reach + column), colour, share);
      }
    }
  }
}

function blend(data, at, colour, share) {
  const below = (data[at + 3] / 255) * (1 - share), all = share + below;
  for (let c = 0; c < 3; c++) data[at + c] = (colour[c] * share + data[at + c] * below) / all;
  data[at + 3] = 255 * all;
}

// How crowded each place is, in the mixed colours of its classes. `small` is a canvas of cells, to be enlarged.
export function drawDensity(small, view, places, colours, width, height) {
  const [w, h] = [Math.max(8, Math.round(width / CELL)), Math.max(8, Math.round(height / CELL))];
  Object.assign(small, { width: w, height: h });
  const layers = [0, 1, 2, 3].map(() => new Float32Array(w * h)); // red, green, blue, how many
  for (let i = 0; i < places.count; i++) {
    const x = Math.floor(view.across(places.points[2 * i]) * w), y = Math.floor(view.down(places.points[2 * i + 1]) * h);
    if (x < 0 || y < 0 || x >= w || y >= h) continue;
    const colour = colours[places.labels[i] % colours.length];
    for (let c = 0; c < 3; c++) layers[c][y * w + x] += colour[c];
    layers[3][y * w + x] += 1;
  }
  const wide = Math.max(2, Math.round((w / 45) * Math.min(2, Math.sqrt(2000 / places.count) + 0.6)));
  for (const layer of layers) for (let turn = 0; turn < 3; turn++) blur(layer, w, h, wide);
  const pen = small.getContext('2d'), image = pen.createImageData(w, h);
  const most = layers[3].reduce((a, b) => Math.max(a, b), 1e-9);
  for (let i = 0; i < w * h; i++) {
    const many = layers[3][i];
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = many > 1e-6 ? layers[c][i] / many : 0;
    image.data[4 * i + 3] = 255 * Math.sqrt(many / most);
  }
  pen.putImageData(image, 0, 0);
}

// Three box blurs come close to a Gaussian one.
function blur(layer, w, h, wide) {
  lines(layer, h, w, w, 1, wide);
  lines(layer, w, h, 1, w, wide);
}

function lines(layer, count, length, between, step, wide) {
  const kept = new Float32Array(length);
  for (let line = 0; line < count; line++) {
    const start = line * between;
    for (let i = 0; i < length; i++) kept[i] = layer[start + i * step];
    let sum = 0;
    for (let i = -wide; i < length; i++) {
      if (i + wide < length) sum += kept[i + wide];
      if (i - wide - 1 >= 0) sum -= kept[i - wide - 1];
      if (i >= 0) layer[start + i * step] = sum / (2 * wide + 1);
    }
  }
}

// The veil as a small picture of the whole world: clear among the data, thicker beyond their edge.
export function veil({ field, columns, rows, deepest }, colour) {
  const canvas = Object.assign(document.createElement('canvas'), { width: columns, height: rows });
  const pen = canvas.getContext('2d'), image = pen.createImageData(columns, rows);
  field.forEach((level, i) => {
    const beyond = Math.min(1, Math.max(0, (level / 255) * deepest - 0.9)); // from just before the edge to twice as far
    image.data.set(colour, 4 * i);
    image.data[4 * i + 3] = 255 * beyond;
  });
  pen.putImageData(image, 0, 0);
  return canvas;
}

// A picture of the part `edges` of the plane, drawn where the window shows that part.
export function drawPart(pen, picture, [left, right, bottom, top], view, width, height, smooth = true) {
  const x = view.across(left) * width, y = view.down(top) * height;
  pen.imageSmoothingEnabled = smooth;
  pen.drawImage(picture, x, y, view.across(right) * width - x, view.down(bottom) * height - y);
}
