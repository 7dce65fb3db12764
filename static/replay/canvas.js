// What the panels share: a canvas as fine as the screen, ticks at round numbers, and small pictures with sharp pixels.

// The context of a canvas whose units are CSS pixels, wiped clean; and its width and height.
export function wiped(canvas) {
  const width = canvas.clientWidth, height = canvas.clientHeight, fine = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * fine), Math.round(height * fine)];
  if (canvas.width !== w || canvas.height !== h) Object.assign(canvas, { width: w, height: h });
  const pen = canvas.getContext('2d');
  pen.setTransform(fine, 0, 0, fine, 0, 0);
  pen.clearRect(0, 0, width, height);
  return { pen, width, height };
}

export function say(canvas, words) {
  if (canvas.getAttribute('aria-label') !== words) canvas.setAttribute('aria-label', words);
}

// Round numbers from low to high, about `most` of them.
export function ticks(low, high, most) {
  const rough = (high - low) / most, size = 10 ** Math.floor(Math.log10(rough));
  const step = size * ([1, 2, 5].find((times) => times * size >= rough) ?? 10);
  const found = [];
  for (let at = Math.ceil(low / step); at * step <= high * (1 + 1e-9); at++) found.push(+(at * step).toPrecision(8));
  return found;
}

const spare = document.createElement('canvas');

// Part of a picture drawn to any size with sharp pixels of equal size: enlarged by a whole number, then shrunk to fit.
export function sharp(pen, picture, [sx, sy, sw, sh], [x, y, w, h]) {
  const times = Math.max(1, Math.ceil((w * (window.devicePixelRatio || 1)) / sw));
  spare.width = sw * times;
  spare.height = sh * times;
  const large = spare.getContext('2d');
  large.imageSmoothingEnabled = false;
  large.drawImage(picture, sx, sy, sw, sh, 0, 0, spare.width, spare.height);
  pen.imageSmoothingEnabled = true;
  pen.imageSmoothingQuality = 'high';
  pen.drawImage(spare, x, y, w, h);
}
