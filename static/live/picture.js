// A picture [C, H, W] of floats in [0, 1] on a canvas that has as many pixels; style.css enlarges it with hard edges.

const kept = new WeakMap(); // the pixels of each canvas: no new memory for each frame of a drag

function pixels(canvas, [, high, wide]) {
  if (canvas.width !== wide || canvas.height !== high || !kept.has(canvas)) {
    Object.assign(canvas, { width: wide, height: high });
    kept.set(canvas, canvas.getContext('2d').createImageData(wide, high));
  }
  return kept.get(canvas);
}

export function paint(canvas, values, shape) {
  const image = pixels(canvas, shape), { data } = image, size = shape[1] * shape[2];
  const [green, blue] = shape[0] === 3 ? [size, 2 * size] : [0, 0]; // gray: the one channel three times
  for (let i = 0; i < size; i++) {
    data[4 * i] = 255 * values[i]; // the array rounds and clips
    data[4 * i + 1] = 255 * values[i + green];
    data[4 * i + 2] = 255 * values[i + blue];
    data[4 * i + 3] = 255;
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}
