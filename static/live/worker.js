// The worker of crowd.js: first told the model, then requests; a newer request ends the one before it.

// no await here: messages that come before `onmessage` stands would be lost
const imported = import(new URL(`./net.js${new URL(import.meta.url).search}`, import.meta.url));

let model = null, chunk = 0, latest = 0; // model: a promise of a network
const breath = new MessageChannel(); // a way to let messages in that, unlike setTimeout, does not wait

onmessage = ({ data }) => {
  if (data.head) {
    model = imported.then(({ network }) => network(data.head, data.weights));
    chunk = data.chunk;
  } else {
    latest = data.turn;
    work(data);
  }
};

async function work({ turn, codes, label }) {
  const net = await model, pixels = net.shape.reduce((a, b) => a * b, 1), count = codes.length / net.size;
  for (let from = 0, n = 0; from < count && turn === latest; from += n) {
    const parts = [], until = performance.now() + chunk;
    do {
      const at = (from + parts.length) * net.size;
      parts.push(bytes(net.decode(codes.subarray(at, at + net.size), label)));
    } while (from + parts.length < count && performance.now() < until);
    n = parts.length;
    const all = new Uint8Array(n * pixels);
    parts.forEach((part, i) => all.set(part, i * pixels));
    postMessage({ turn, from, bytes: all }, [all.buffer]);
    await pause();
  }
}

function bytes(picture) {
  const found = new Uint8Array(picture.length);
  for (let i = 0; i < picture.length; i++) found[i] = picture[i] * 255 + 0.5;
  return found;
}

function pause() {
  return new Promise((resolve) => {
    breath.port1.onmessage = resolve;
    breath.port2.postMessage(null);
  });
}
