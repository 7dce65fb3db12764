// The codes of the test pictures on a plane, as aecore/places.py packed them, and how far from them a place is.

const FAR = 2; // times the edge: from there on nothing like it has been seen
export const WORDS = ['among the data', 'at the edge of the data', 'far from anything it has seen'];

export function unpack(head, bytes) {
  const piece = (name) => bytes.slice(head.pieces[name][0], head.pieces[name][0] + head.pieces[name][1]);
  return {
    ...head,
    flat: !head.names[1],
    points: new Float32Array(piece('points').buffer), // [N, 2], as drawn
    off: new Float32Array(piece('off').buffer), // [N], how far off the plane
    labels: piece('labels'), // [N]
    field: piece('field'), // [rows, columns] from the top, 255 = `deepest` edges away from the data
  };
}

// The code of a place: what to decode there.
export function lifted({ origin, axes }, x, y, into = new Float32Array(origin.length)) {
  for (let i = 0; i < into.length; i++) into[i] = origin[i] + x * axes[0][i] + y * axes[1][i];
  return into;
}

// The shadow of a code on the plane.
export function shadow({ origin, axes, flat }, code) {
  let x = 0, y = 0;
  for (let i = 0; i < code.length; i++) {
    x += (code[i] - origin[i]) * axes[0][i];
    y += (code[i] - origin[i]) * axes[1][i];
  }
  return [x, flat ? 0 : y];
}

// The row of the nearest test code and its distance in the space of all dimensions: by Pythagoras.
export function nearest({ points, off, flat }, x, y) {
  let row = 0, least = Infinity;
  for (let i = 0; i < off.length; i++) {
    const dx = points[2 * i] - x, dy = flat ? 0 : points[2 * i + 1] - y, square = dx * dx + dy * dy + off[i] * off[i];
    if (square < least) {
      least = square;
      row = i;
    }
  }
  return { row, distance: Math.sqrt(least) };
}

// 0, 1 or 2: which of WORDS is true at that distance.
export const zone = ({ edge }, distance) => (distance <= edge ? 0 : distance <= FAR * edge ? 1 : 2);

// Where the needle of the gauge stands, 0 to 1: a third for each zone.
export function needle({ edge }, distance) {
  const times = distance / edge;
  return (times <= FAR ? times : FAR + 1 - FAR / times) / (FAR + 1);
}

// A place in words, with a true minus.
export const written = ({ names }, ...place) =>
  names.filter(Boolean).map((name, i) => `${name} ${place[i].toFixed(2).replace('-', '−')}`).join(', ');
