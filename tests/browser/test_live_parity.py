"""What the browser computes is what torch computes: every family, network, activation and likelihood, and every kind of
sample, to 1e-4."""

from __future__ import annotations

import base64
import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from aecore.analysis import loaded
from aecore.data.modalities import Column, Image, Table, Video
from aecore.export import compile_browser
from aecore.export.program import Program
from aecore.models import presets
from aecore.models.autoencoder import Conditional
from aecore.models.bottlenecks import GaussianBottleneck, Quantizer
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.likelihoods import PerColumn
from aecore.models.networks import ACTIVATIONS
from tests.kit.cases import crossed
from tests.kit.networks import SERVER_ONLY, is_refused
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
    if family.name not in SERVER_ONLY
    for network in Image.networks
    if family.fixed.get("network", network) == network and not is_refused(family.name, network)
]
OTHER_CASES = [
    *({"family": "vae", "network": "conv", "activation": name} for name in ACTIVATIONS),
    *({"family": "contractive", "activation": name, "dropout": 0.2} for name in ACTIVATIONS),
    *({"family": "vae", "likelihood": name} for name in Image.likelihoods),
    {"dataset": "mnist", "family": "vae", "network": "conv", "preset": "deep"},  # odd sizes: 28, 14, 7, 3
    {"dataset": "mnist", "family": "vae", "network": "conv", "activation": "silu"},  # no zeros, 7 pixels in a line
    {"dataset": "shapes-colour", "family": "conditional-vae", "network": "conv", "latent_dim": 16},
    {"family": "ladder-vae", "latent_dim": 5, "params": {"top_level_share": 0.3}},
    {"family": "top-k", "latent_dim": 3, "params": {"k": 64}},
    {"dataset": "mnist", "family": "vae", "network": "conv-pool", "hidden_sizes": (4, 6, 8), "batch_norm": True},
    {"dataset": "mnist", "family": "vae", "network": "conv", "hidden_sizes": (4, 6), "batch_norm": True},
    *({"family": "vae", "likelihood": name, "pixel_range": "-1 to 1"} for name in ("gaussian", "laplace")),
    *(
        {"family": "vq-vae", "network": network, "latent_dim": 4, "params": {"quantizer": name, "codebook_size": 25}}
        for name in ("vq", "simvq", "fsq", "lfq")
        for network in ("mlp", "conv-spatial")
    ),
    {"family": "vq-vae", "network": "conv-spatial", "latent_dim": 16, "hidden_sizes": (4,)},
]
SAMPLE_CASES = [
    *({"dataset": name, "family": "vae"} for name in ("heartbeats", "machine", "iris", "moons", "swiss-roll")),
    *({"dataset": "diabetes", "family": "vae", "likelihood": name} for name in Table.likelihoods),
    {"dataset": "digits-rows", "family": "vq-vae"},
    {"dataset": "wine", "family": "ladder-vae", "latent_dim": 4},
    *({"dataset": "moving-digits", "family": "vae", "network": name} for name in Video.networks),
    *({"dataset": name, "family": "vae", "network": "tcn"} for name in ("heartbeats", "machine", "digits-rows")),
    {"dataset": "machine", "family": "vae", "network": "tcn", "hidden_sizes": (4, 5, 6, 7), "batch_norm": True},
    {"dataset": "iris", "family": "vae", "network": "tabular", "decoder_sizes": (9,), "batch_norm": True},
    *({"dataset": name, "family": "conditional-vae"} for name in ("heartbeats", "iris", "ring")),
]

# a number, yes or no, a category and a time of day
MIXED = Table(
    (
        Column("size", mean=3.0, std=2.0),
        Column("open", "boolean", categories=("no", "yes")),
        Column("kind", "category", categories=("a", "b", "c")),
        Column("hour", "cyclic", period=24.0),
    )
)


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
    if not isinstance(bottleneck, Quantizer):
        return np.full(len(vectors), True)
    slots = torch.from_numpy(vectors).view(-1, bottleneck.embedding_dim)
    nearest, second = torch.cdist(slots, bottleneck.codebook.detach()).topk(2, largest=False).values.T
    return (second - nearest > 1e-3).view(len(vectors), -1).all(1).numpy()


def samples(run: loaded.LoadedModel, random: np.random.Generator) -> np.ndarray:
    """Anything of the shape and the range of a run's samples, `[COUNT, *shape]`."""
    if run.card.modality.bounded:
        return random.random((COUNT, *run.card.shape), dtype=np.float32)
    return random.standard_normal((COUNT, *run.card.shape), dtype=np.float32)


@pytest.mark.parametrize(
    "case", [*FAMILY_CASES, *OTHER_CASES, *SAMPLE_CASES], ids=lambda case: "-".join(map(str, case.values()))
)
def test_the_browser_computes_what_torch_computes(page, case):
    run = made(**case)
    program, random = compile_browser.compile_model(run), np.random.default_rng(0)
    x = samples(run, random)
    z = 1.5 * random.standard_normal((COUNT, program.head["code_size"]), dtype=np.float32)
    labels = random.integers(0, program.head["n_classes"] or 1, COUNT)
    given = [program.head, *map(packed, (program.weights, x, z, labels))]
    codes, pictures = (np.frombuffer(base64.b64decode(text), np.float32) for text in page.evaluate(COMPUTE, given))
    bottleneck, before = run.model.bottleneck, z
    if isinstance(bottleneck, Quantizer):
        with torch.inference_mode():
            said = bottleneck.to_positions(run.model.encoder(torch.from_numpy(x)))
        before = bottleneck.bound(said).flatten(1).numpy()
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


@pytest.mark.parametrize(("network", "likelihood"), crossed(["mlp", "conv"], Image.likelihoods))
def test_the_browser_guesses_the_class_that_torch_guesses(page, likelihood, network):
    run = made(family="conditional-vae", network=network, likelihood=likelihood)
    program = compile_browser.compile_model(run)
    told = dataclasses.replace(program, head=program.head | {"likelihood": likelihood})
    assert _guesses_alike(page, told, run.model, samples(run, np.random.default_rng(0))) > 3


def test_a_row_of_all_kinds_of_columns_is_computed_and_guessed_alike(page):
    torch.manual_seed(0)
    latent, scales = GaussianBottleneck(3), PerColumn(MIXED)
    with torch.no_grad():
        scales.log_scale.copy_(torch.linspace(0.5, -0.5, 7))
    encoder, decoder = nn.Linear(7, latent.in_features), nn.Linear(3 + 4, 7)
    model = Conditional(encoder, latent, decoder, scales, torch.randn(4, 7)).eval()
    program = compile_browser.compile_autoencoder(model, MIXED.shape, MIXED)
    random, sent = np.random.default_rng(0), [program.head, packed(program.weights)]
    z = 2 * random.standard_normal((COUNT, 3), dtype=np.float32)
    x, labels = _rows(random), random.integers(0, 4, COUNT)
    _, found = page.evaluate(COMPUTE, [*sent, packed(x), packed(z), packed(labels)])
    right = model.decode_mean(torch.from_numpy(z), torch.from_numpy(labels)).numpy()
    assert np.abs(np.frombuffer(base64.b64decode(found), np.float32).reshape(right.shape) - right).max() < CLOSE
    assert right[:, 2:5].sum(1) == pytest.approx(1, abs=1e-5) and 0 < right[:, 1].min() < right[:, 1].max() < 1
    assert _guesses_alike(page, program, model, x) > 1


def _rows(random: np.random.Generator) -> np.ndarray:
    """Rows of MIXED with every kind of cell, `[COUNT, 7]`."""
    hour = random.uniform(0, 24, COUNT)
    cells = [
        random.normal(size=COUNT),
        random.choice(["no", "yes"], COUNT),
        random.choice(["a", "b", "c"], COUNT),
        hour,
    ]
    return MIXED.encode([each.tolist() for each in cells])


def _guesses_alike(page, program: Program, model: Conditional, x: np.ndarray) -> int:
    """Compares the browser's guess of the class of samples with torch's; how many classes were guessed."""
    found = np.array(page.evaluate(GUESS, [program.head, packed(program.weights), packed(x)]))
    given = torch.from_numpy(x)
    with torch.inference_mode():
        told = [torch.full((COUNT,), label) for label in range(len(model.label_embedding))]
        nats = [model.likelihood.nll(model.decode(model.encode(given, y).code, y), given) for y in told]
        best, second = torch.stack(nats).topk(2, dim=0, largest=False).values
        right = model.infer_label(given).numpy()
    clear = ((second - best) > 1e-5 * best.abs()).numpy()  # rounding cannot decide these
    assert clear.mean() > 0.9 and np.array_equal(found[clear], right[clear])
    return len(set(right))


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
