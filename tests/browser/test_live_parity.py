"""What the browser computes is what torch computes: every family, network, activation and likelihood, to 1e-4."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import torch
from torch import nn

from aecore.analysis import loaded
from aecore.export import compile_browser
from aecore.models import presets
from aecore.models.bottlenecks import VectorQuantizer
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.likelihoods import LIKELIHOODS
from aecore.models.networks import ACTIVATIONS, NETWORKS
from tools.browser import record_errors

pytest.importorskip("playwright.sync_api")
COUNT = 256
CLOSE = 1e-4

# [head, weights, images, codes, labels] -> [codes of the images, images of the codes]; arrays as base64 floats
COMPUTE = """async ([head, ...packed]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const [weights, x, z, labels] = packed.map((text) => new Float32Array(bytes(text).buffer));
  const { network } = await import('/app/static/net/net.js');
  const net = network(head, weights), pixels = net.shape.reduce((a, b) => a * b, 1);
  const all = (compute, given, size, out) => {
    const found = new Float32Array(labels.length * out);
    labels.forEach((label, i) => found.set(compute(given.subarray(i * size, (i + 1) * size), label), i * out));
    let text = '';
    const raw = new Uint8Array(found.buffer);
    for (let i = 0; i < raw.length; i += 8192) text += String.fromCharCode(...raw.subarray(i, i + 8192));
    return btoa(text);
  };
  return [all(net.encode, x, pixels, net.codeSize), all(net.decode, z, net.codeSize, pixels)];
}"""

FAMILY_CASES = [
    {"family": family.name, "network": network, **family.defaults}
    for family in FAMILIES.values()
    for network in NETWORKS
    if family.fixed.get("network", network) == network
]
OTHER_CASES = [
    *({"family": "vae", "network": "conv", "activation": name} for name in ACTIVATIONS),
    *({"family": "contractive", "activation": name, "dropout": 0.2} for name in ACTIVATIONS),
    *({"family": "vae", "likelihood": name} for name in LIKELIHOODS),
    {"dataset": "mnist", "family": "vae", "network": "conv", "preset": "deep"},  # odd sizes: 28, 14, 7, 3
    {"dataset": "mnist", "family": "vae", "network": "conv", "activation": "silu"},  # no zeros, 7 pixels in a line
    {"dataset": "shapes-colour", "family": "conditional-vae", "network": "conv", "latent_dim": 16},
    {"family": "ladder-vae", "latent_dim": 5, "params": {"top_level_share": 0.3}},
    {"family": "top-k", "latent_dim": 3, "params": {"k": 64}},
]


@pytest.fixture(scope="module")
def page(server, browser):
    """A page of the laboratory's own address, without the laboratory: a place to import its modules."""
    context = browser.new_context()
    faults = record_errors(context)
    empty = context.new_page()
    empty.goto(f"{server}/app/static/net/net.js")
    yield empty
    context.close()
    assert not faults


def packed(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, np.float32).tobytes()).decode()


def made(dataset: str = "digits", network: str | None = None, **settings) -> loaded.LoadedModel:
    """An untrained model with weights larger than usual, so that activations bend."""
    config = resolve_config(presets.default_config(dataset, network, **settings))
    model = build_recipe(config).model.eval()
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5).add_(0.1 * torch.randn_like(parameter) * (parameter.ndim == 1))
            if not parameter.any():
                parameter.normal_()  # the hints of conditional models begin as zeros
    return loaded.LoadedModel(config, model, {})


def clear(bottleneck: nn.Module, vectors: np.ndarray) -> np.ndarray:
    """Which rows `[N, D]` are so far from a tie between two vectors of a codebook that rounding cannot decide it."""
    if not isinstance(bottleneck, VectorQuantizer):
        return np.full(len(vectors), True)
    slots = torch.from_numpy(vectors).view(-1, bottleneck.embedding_dim)
    nearest, second = torch.cdist(slots, bottleneck.embedding).topk(2, largest=False).values.T
    return (second - nearest > 1e-3).view(len(vectors), -1).all(1).numpy()


@pytest.mark.parametrize("case", [*FAMILY_CASES, *OTHER_CASES], ids=lambda case: "-".join(map(str, case.values())))
def test_the_browser_computes_what_torch_computes(page, case):
    run = made(**case)
    program, random = compile_browser.compile_model(run), np.random.default_rng(0)
    x = random.random((COUNT, *run.card.shape), dtype=np.float32)
    z = 1.5 * random.standard_normal((COUNT, program.head["code_size"]), dtype=np.float32)
    labels = random.integers(0, program.head["n_classes"] or 1, COUNT)
    given = [program.head, *map(packed, (program.weights, x, z, labels))]
    codes, pictures = (np.frombuffer(base64.b64decode(text), np.float32) for text in page.evaluate(COMPUTE, given))
    with torch.inference_mode():
        before = (
            run.model.encoder(torch.from_numpy(x)).numpy() if isinstance(run.model.bottleneck, VectorQuantizer) else z
        )
    for found, right, rows in (
        (codes, run.encode(x, labels), clear(run.model.bottleneck, before)),
        (pictures, run.decode(z, labels), clear(run.model.bottleneck, z)),
    ):
        assert rows.mean() > 0.9
        assert right[rows].std() > 1e-3, "something is computed"
        assert np.abs(found.reshape(right.shape) - right)[rows].max() < CLOSE


PRODUCT = """async () => {
  const { contiguousWindows, dense, multiply } = await import('/app/static/net/matmul.js');
  const one = (zeros) => (Math.random() < zeros ? 0 : Math.random() - 0.5);
  const random = (length, zeros) => Float32Array.from({ length }, () => one(zeros));
  const worst = [];
  for (const count of [1, 3, 4, 5, 8, 11]) {
    for (const zeros of [0, 0.5, 0.9]) {
      const inputs = 13, n = 5, x = random(count * inputs, zeros), w = random(inputs * n, 0);
      const right = Array.from({ length: count * n }, (_, at) => {
        let sum = 1;
        for (let i = 0; i < inputs; i++) sum += x[Math.floor(at / n) * inputs + i] * w[i * n + (at % n)];
        return sum;
      });
      for (const full of [true, false]) {
        const out = new Float32Array(count * n).fill(1);
        multiply(x, contiguousWindows(count, inputs), w, n, out, full);
        worst.push(Math.max(...right.map((value, at) => Math.abs(value - out[at]))));
      }
    }
  }
  return [Math.max(...worst), [0, 0.5, 0.9].map((zeros) => dense(random(2000, zeros)))];
}"""


def test_four_windows_at_a_time_make_what_one_at_a_time_makes(page):
    worst, dense = page.evaluate(PRODUCT)
    assert worst < 1e-6
    assert dense == [True, True, False]


def test_labels_matter_to_conditional_models_only(page):
    draw = """async ([head, weights]) => {
      const { network } = await import('/app/static/net/net.js');
      const bytes = Uint8Array.from(atob(weights), (each) => each.charCodeAt(0));
      const net = network(head, new Float32Array(bytes.buffer)), z = new Float32Array(net.codeSize);
      return [...net.decode(z, 0)].join() === [...net.decode(z, 7)].join();
    }"""
    for family in ("vae", "conditional-vae"):
        program = compile_browser.compile_model(made(family=family))
        assert page.evaluate(draw, [program.head, packed(program.weights)]) == (family == "vae")


GUESS = """async ([head, ...packed]) => {
  const bytes = (text) => Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
  const [weights, x] = packed.map((text) => new Float32Array(bytes(text).buffer));
  const { network } = await import('/app/static/net/net.js');
  const net = network(head, weights), pixels = net.shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: x.length / pixels }, (_, i) => net.inferLabel(x.subarray(i * pixels, (i + 1) * pixels)));
}"""


@pytest.mark.parametrize("network", ["mlp", "conv"])
@pytest.mark.parametrize("likelihood", LIKELIHOODS)
def test_the_browser_guesses_the_class_that_torch_guesses(page, likelihood, network):
    run = made(family="conditional-vae", network=network, likelihood=likelihood)
    program, model = compile_browser.compile_model(run), run.model
    head = program.head | {"likelihood": likelihood}
    x = np.random.default_rng(0).random((COUNT, *run.card.shape), dtype=np.float32)
    found = np.array(page.evaluate(GUESS, [head, packed(program.weights), packed(x)]))
    given = torch.from_numpy(x)
    with torch.inference_mode():
        told = [torch.full((COUNT,), label) for label in range(len(model.label_embedding))]
        nats = [model.likelihood.nll(model.decode(model.encode(given, y).code, y), given) for y in told]
        best, second = torch.stack(nats).topk(2, dim=0, largest=False).values
        right = model.infer_label(given).numpy()
    clear = ((second - best) > 1e-5 * best.abs()).numpy()  # rounding cannot decide these
    assert clear.mean() > 0.9 and len(set(right)) > 3
    assert np.array_equal(found[clear], right[clear])


def test_a_model_without_labels_guesses_nothing(page):
    program = compile_browser.compile_model(made())
    x = np.ones((2, *program.head["shape"]))
    assert page.evaluate(GUESS, [program.head, packed(program.weights), packed(x)]) == [0, 0]


CROWD = """async ([head, weights, count]) => {
  const models = await import('/app/static/net/models.js');
  const waiting = models.get('key');  // asked for before it is there
  models.put('key', head, Uint8Array.from(atob(weights), (each) => each.charCodeAt(0)));
  const model = await waiting;
  const codes = Float32Array.from({ length: count * model.codeSize }, () => 4 * Math.random() - 2);
  const overtaken = model.batch.decode(codes), parts = [];
  const images = await model.batch.decode(codes, 0, (all, done) => parts.push(done));
  let worst = 0;
  for (let i = 0; i < count; i++) {
    model.decode(codes.subarray(i * model.codeSize, (i + 1) * model.codeSize)).forEach((value, j) => {
      worst = Math.max(worst, Math.abs(255 * value - images[i * 784 + j]));
    });
  }
  model.batch.close();
  const again = await model.batch.decode(codes.subarray(0, model.codeSize));
  const same = (await models.get('key')) === model;
  models.drop('key');
  return { overtaken: await overtaken, parts, worst, length: images.length, again: again.length, same };
}"""


def test_a_crowd_of_codes_is_decoded_beside_the_page(page):
    program = compile_browser.compile_model(made("mnist", "conv", family="vae"))
    said = page.evaluate(CROWD, [program.head, packed(program.weights), 100])
    assert said["overtaken"] is None, "the newer request wins"
    assert said["length"] == 100 * 784 and said["again"] == 784 and said["same"]
    assert said["worst"] <= 0.51  # rounding to bytes
    assert said["parts"] == sorted(said["parts"]) and said["parts"][-1] == 100
