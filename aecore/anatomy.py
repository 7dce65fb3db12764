"""Anatomy: what any model is made of. Its layers, what its first units look for, what each number of a code draws, how
far a small change is stretched."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from aecore import pictures, trained
from aecore.bottlenecks import Activations, Codebook, GaussianLatent, LadderLatent, Latent, Quantized
from aecore.data import Split
from aecore.families import settle
from aecore.likelihoods import Bernoulli
from aecore.model import Autoencoder, Conditional
from aecore.trained import Layer, Trained

T = TypeVar("T")

SHOWN = 32  # filters or atoms at a time
ENDS = 4  # of the most and of the least stretched directions: those shown
ASKED = 32  # test pictures whose derivatives are taken
ROOM = 4_000_000  # numbers that the Jacobians of all of them may have: 16 MB
NOTHING = 1e-6  # of the largest singular value: what float32 makes of 0
CARRIED = 0.99  # of the squared sum of singular values: what counts as all that happens
WIDEST = 99.5  # percentile of sizes that gets the full colour: one odd pixel does not make all others pale


def of_kind(table: dict[type, T], kind: type) -> T:
    """What a table says of a kind of code: its own entry, or that of the nearest of its parents."""
    return next(table[each] for each in kind.__mro__ if each in table)


# The network

SILENT = ("Flatten", "Unflatten", "Identity")  # layers that only lay numbers out anew
BORROWED = "Linear, turned round"
WORDS = {"Transposed": BORROWED}  # names of modules that say too little


@dataclass(frozen=True)
class Code:
    """What stands in the middle of a model."""

    shape: tuple[int, ...]
    kind: str  # in two words
    words: str


@dataclass(frozen=True)
class Drawing:
    """A model from picture to picture."""

    encoder: list[Layer]  # one for each layer that learns, or that changes how many numbers there are
    code: Code
    decoder: list[Layer]
    bottleneck: int  # numbers learnt in between (a ladder's own networks)
    hints: int  # numbers learnt for labels, beside the layers
    training: int  # numbers that only training needs (a critic)

    @property
    def borrows(self) -> bool:
        """Whether layers of the decoder use the encoder's weights."""
        return any(layer.kind.startswith(BORROWED) for layer in self.decoder)

    @property
    def total(self) -> int:
        layers = sum(layer.parameters for layer in (*self.encoder, *self.decoder))
        return layers + self.bottleneck + self.hints + self.training


def drawing(opened: Trained) -> Drawing:
    """The layers of a run's model, activations folded into the layer before."""
    config, model = settle(opened.config), opened.model
    found: dict[str, list[Layer]] = {}
    for part, group in groupby(trained.layers(config), lambda layer: layer.part):
        # a model that is not told the label tries them all: its layers are heard once for each
        found.setdefault(part, _folded(list(group)))
    layers = sum(layer.parameters for part in found.values() for layer in part)
    between, whole = trained.count(model.bottleneck), trained.count(model)
    spare = trained.parameters(config) - whole
    return Drawing(found["encoder"], _code(opened), found["decoder"], between, whole - layers - between, spare)


def _folded(layers: Sequence[Layer]) -> list[Layer]:
    """Layers that learn nothing and keep the count of numbers are told with the one before them."""
    found: list[Layer] = []
    for layer in layers:
        count = math.prod(layer.shape)
        if not layer.parameters and found and count == math.prod(found[-1].shape):
            before = found.pop()
            silent = layer.kind in SILENT
            kind = before.kind if silent else f"{before.kind} + {layer.kind}"
            shape = layer.shape if silent and len(layer.shape) > len(before.shape) else before.shape
            found.append(Layer(layer.part, kind, shape, before.parameters))
        elif layer.parameters or layer.kind not in SILENT:
            found.append(Layer(layer.part, WORDS.get(layer.kind, layer.kind), layer.shape, layer.parameters))
    return found


def _code(opened: Trained) -> Code:
    latent = _latent(opened.model, torch.zeros(1, *opened.card.shape), torch.zeros(1, dtype=torch.long))
    return of_kind(CODES, type(latent))(latent, opened.model)


def _point(latent: Latent, model: Autoencoder) -> Code:
    count = latent.code.shape[1]
    return Code((count,), "a point", _many(count, "number"))


def _units(latent: Activations, model: Autoencoder) -> Code:
    count = latent.code.shape[1]
    kept = f", of which at most {round((1 - latent.spare) * count)} are not 0" if latent.spare else ""
    return Code((count,), "units", _many(count, "unit") + (kept or ", each more or less active"))


def _cloud(latent: Latent, model: Autoencoder) -> Code:
    count = latent.code.shape[1]
    words = f"{_many(count, 'number')}, for each of which the encoder says a mean and a width"
    return Code((count,), "a cloud", words)


def _levels(latent: LadderLatent, model: Autoencoder) -> Code:
    count = latent.code.shape[1]
    words = f"{_many(count, 'number')}: {latent.top} of a cloud above, which says what to expect of the cloud below"
    return Code((count,), "two clouds", words)


def _slots(latent: Quantized, model: Autoencoder) -> Code:
    _, slots, width = latent.quantized.shape
    assert isinstance(model.bottleneck, Codebook)
    words = (
        f"{_many(slots, 'slot')}, each holding one of {len(model.bottleneck.book)} vectors of {_many(width, 'number')}"
    )
    return Code((slots, width), "slots", words)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


# kind of code -> what the middle of the drawing says
CODES: dict[type, Callable[[Any, Autoencoder], Code]] = {
    Latent: _point,
    Activations: _units,
    GaussianLatent: _cloud,
    LadderLatent: _levels,
    Quantized: _slots,
}


# Filters and atoms


@dataclass(frozen=True, eq=False)
class Filters:
    """What the units of the first layer weigh their input with, the largest weights first."""

    weights: np.ndarray  # float32 [n, C, h, w]
    numbers: np.ndarray  # [n], which units they are
    every: int  # how many there are in all
    whole: bool  # whether each looks at the whole picture


def filters(opened: Trained, most: int = SHOWN) -> Filters | None:
    """The weights of the encoder's first layer as pictures; None when it is of a kind that has none."""
    shape = opened.card.shape
    for module in opened.model.encoder.modules():
        if isinstance(module, nn.Conv2d) or (isinstance(module, nn.Linear) and module.in_features == math.prod(shape)):
            weight = module.weight.detach().cpu().float()
            whole = isinstance(module, nn.Linear)
            weight = weight.unflatten(1, shape) if whole else weight
            order = weight.flatten(1).norm(dim=1).argsort(descending=True, stable=True)[:most]
            return Filters(weight[order].numpy(), order.numpy(), len(weight), whole)
    return None


@dataclass(frozen=True, eq=False)
class Atom:
    """What one number of a code, or one slot, does to the picture."""

    change: np.ndarray  # [C, H, W], the picture at the one end less the picture at the other
    name: str
    ends: tuple[float, float]  # where the number went from and to; numbers of vectors for a slot


def atoms(opened: Trained, codes: np.ndarray, order: Sequence[int], most: int = SHOWN) -> list[Atom]:
    """How the picture changes with the numbers of a code one at a time, in the order given; `codes` [N, D] are those of
    the test pictures."""
    return of_kind(ATOMS, opened.kinds[0])(opened, codes, list(order)[:most])


def _by_number(opened: Trained, codes: np.ndarray, order: list[int]) -> list[Atom]:
    """Each number goes from a standard deviation below its mean to one above, no further than codes go; the others stay
    at their mean."""
    mean, sd = codes.mean(axis=0), codes.std(axis=0)
    low, high = np.maximum(mean - sd, codes.min(axis=0)), np.minimum(mean + sd, codes.max(axis=0))
    low, high = np.minimum(low, mean), np.maximum(high, mean)  # rounding may put a constant's mean beside it
    ends = [np.tile(mean, (len(order), 1)) for _ in "-+"]
    for row, number in enumerate(order):
        ends[0][row, number], ends[1][row, number] = low[number], high[number]
    change = _drawn(opened, ends[1]) - _drawn(opened, ends[0])
    return [
        Atom(change[row], f"z{number + 1}", (float(low[number]), float(high[number])))
        for row, number in enumerate(order)
    ]


def _by_slot(opened: Trained, codes: np.ndarray, order: list[int]) -> list[Atom]:
    """Each slot goes from the vector that it takes most often to its second; the others keep their first."""
    book = opened.model.bottleneck
    assert isinstance(book, Codebook)
    with torch.inference_mode():
        taken = book.choose(torch.from_numpy(codes).to(book.book).unflatten(1, (book.slots, book.width)))
    counts = torch.stack([torch.bincount(column, minlength=len(book.book)) for column in taken.T])  # [S, K]
    first, second = counts.topk(2).indices.T.unbind()  # of each slot
    changed = first.repeat(book.slots, 1)
    changed.fill_diagonal_(0).add_(torch.diag(second))
    vectors = book.book[torch.cat([first[None], changed])].flatten(1).detach().cpu().numpy()
    drawn = _drawn(opened, vectors)
    ends = [(int(a), int(b)) for a, b in zip(first, second, strict=True)]
    found = [Atom(drawn[slot + 1] - drawn[0], f"slot {slot + 1}", ends[slot]) for slot in range(book.slots)]
    return sorted(found, key=lambda atom: -float(np.square(atom.change).sum()))[:SHOWN]


def _drawn(opened: Trained, codes: np.ndarray) -> np.ndarray:
    """The expected pictures of codes `[N, D]`, not clipped: differences of them add up."""
    weight = next(opened.model.parameters())
    z = torch.from_numpy(np.asarray(codes, np.float32)).to(weight.device)
    labels = torch.full((len(z),), opened.label, device=weight.device)
    return opened.model.generate(z, labels).cpu().numpy()


# kind of code -> how its atoms are found
ATOMS: dict[type, Callable[[Trained, np.ndarray, list[int]], list[Atom]]] = {Latent: _by_number, Quantized: _by_slot}


def coloured(signed: np.ndarray) -> np.ndarray:
    """Signed pictures `[N, C, H, W]` on one scale as ones to look at, `[N, 3, H, W]`: gray ones as in
    `pictures.error_map`, orange above 0 and blue below; those of colours around a middle gray."""
    full = float(np.percentile(np.abs(signed), WIDEST)) or float(np.abs(signed).max()) or 1.0
    scaled = np.asarray(signed / full, np.float32)
    if scaled.shape[1] == 1:
        return pictures.error_map(np.zeros_like(scaled), scaled)
    return (0.5 + 0.5 * scaled).clip(0, 1)


# Stretch


def _latent(model: Autoencoder, x: Tensor, y: Tensor | None) -> Latent:
    """What becomes of pictures; the same chance at every call."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return model.encode(x.to(next(model.parameters()).device), y)


# kind of code -> the numbers that follow a picture smoothly: of a codebook, what is said before a vector is chosen
SMOOTH: dict[type, Callable[[Any], Tensor]] = {
    Latent: lambda latent: latent.code,
    Quantized: lambda latent: latent.encoded.flatten(1),
}


def of_encoder(model: Autoencoder, x: Tensor, y: Tensor | None = None) -> Tensor:
    """d code / d picture at each of the pictures `[B, C, H, W]`: `[B, D, pixels]`."""
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        latent = model.encode(x, y)
        code = of_kind(SMOOTH, type(latent))(latent)
        return _jacobian(code, x)


def of_decoder(model: Autoencoder, z: Tensor, y: Tensor | None = None) -> Tensor:
    """d picture / d code at each of the codes `[B, D]`: `[B, pixels, D]`."""
    with torch.enable_grad():
        z = z.detach().clone().requires_grad_()
        return _jacobian(model.likelihood.mean(model.decode(z, y)).flatten(1), z)


def _jacobian(out: Tensor, of: Tensor) -> Tensor:
    """d `out` `[B, m]` / d `of` `[B, ...]`, each row of the one coming from its row of the other: `[B, m, n]`.

    A backward pass gives a row of J. One that gives J^T u is linear in u, and its own derivatives by u are columns: so
    there are as many passes as the shorter side has numbers.
    """

    def each(out: Tensor, of: Tensor) -> list[Tensor]:
        ways = torch.eye(out.shape[1], device=out.device)
        found = (torch.autograd.grad(out, of, way.expand_as(out), retain_graph=True)[0] for way in ways)
        return [gradient.flatten(1) for gradient in found]

    if out.shape[1] <= of[0].numel():
        return torch.stack(each(out, of), 1)
    u = torch.zeros_like(out, requires_grad=True)
    (back,) = torch.autograd.grad(out, of, u, create_graph=True)
    return torch.stack(each(back.flatten(1), u), 2)


def effective_dimension(values: np.ndarray) -> np.ndarray:
    """How many of the singular values `[..., k]`, largest first, carry 99 % of the sum of their squares; 0 of zeros."""
    grown = np.cumsum(np.square(values, dtype=np.float64), axis=-1)
    return np.where(grown[..., -1] > 0, (grown < CARRIED * grown[..., -1:]).sum(axis=-1) + 1, 0)


@dataclass(frozen=True, eq=False)
class Stretch:
    """The singular values of a Jacobian, largest first, and what they belong to in pictures."""

    values: np.ndarray  # [k]
    ends: np.ndarray  # [n], the numbers of the most and of the least stretched
    patterns: np.ndarray  # [n, C, H, W], theirs, each of length 1

    @property
    def still(self) -> int:
        """In how many directions nothing happens."""
        return int((self.values <= NOTHING * self.values[0]).sum())

    @property
    def effective(self) -> int:
        return int(effective_dimension(self.values))

    @property
    def condition(self) -> float:
        """The largest by the smallest; inf when there is a direction in which nothing happens."""
        return math.inf if self.still else float(self.values[0] / self.values[-1])


def stretch(opened: Trained, x: np.ndarray) -> tuple[Stretch, Stretch]:
    """How far the decoder stretches changes of the code of one picture `[C, H, W]`, and the encoder changes of the
    picture. A conditional model guesses the label."""
    model, tensor = opened.model, torch.from_numpy(np.asarray(x, np.float32))[None]
    tensor = tensor.to(next(model.parameters()).device)
    label = torch.from_numpy(np.array([opened.label]))
    y = model.guess(tensor) if isinstance(model, Conditional) else label
    code = model.codes(tensor, y).clone()
    return _spectrum(opened, of_decoder(model, code, y)[0].T), _spectrum(opened, of_encoder(model, tensor, y)[0])


def stretch_at(opened: Trained, code: np.ndarray) -> Stretch:
    """How far the decoder stretches changes of one code `[D]`."""
    z = torch.from_numpy(np.asarray(code, np.float32))[None].to(next(opened.model.parameters()).device)
    return _spectrum(opened, of_decoder(opened.model, z, torch.full((1,), opened.label, device=z.device))[0].T)


def _spectrum(opened: Trained, jacobian: Tensor) -> Stretch:
    """Of a Jacobian `[D, pixels]`, whichever way it goes."""
    _, values, patterns = torch.linalg.svd(jacobian.nan_to_num(), full_matrices=False)
    count = max(1, int((values > NOTHING * values[0]).sum()))  # what does nothing has no direction of its own
    ends = np.array(sorted({*range(min(count, ENDS)), *range(max(0, count - ENDS), count)}))
    shown = patterns[torch.from_numpy(ends)].unflatten(1, opened.card.shape)
    return Stretch(values.cpu().numpy(), ends, shown.cpu().numpy())


# Numbers


def floor(test: Split) -> float:
    """Nats of binary cross-entropy that no model can save on a picture: the entropy of its gray pixels, averaged."""
    levels = np.arange(test.levels + 1) / test.levels
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.nan_to_num(-levels * np.log(levels)) + np.nan_to_num(-(1 - levels) * np.log(1 - levels))
    counts = np.bincount(test.pictures.ravel(), minlength=len(levels))
    return float(counts @ entropy / len(test))


def numbers(opened: Trained, test: Split) -> dict[str, Any]:
    """How far changes are stretched at the first test pictures, as means over them; and the least that the
    reconstruction can cost, where the loss has a floor."""
    size = math.prod(opened.card.shape) * opened.model.bottleneck.outputs
    count = max(1, min(ASKED, len(test), ROOM // size))
    x, y = torch.from_numpy(test.floats(slice(count))), torch.from_numpy(test.labels[:count].astype(np.int64))
    inward = of_encoder(opened.model, x, y)
    outward = of_decoder(opened.model, opened.model.codes(x, y).clone(), y)
    values = torch.linalg.svdvals(outward.nan_to_num()).double().numpy()
    found = {
        "pictures": count,
        "directions": values.shape[1],
        "effective_dimension": float(effective_dimension(values).mean()),
        "largest": float(values[:, 0].mean()),
        "smallest": float(values[:, -1].mean()),
        "encoder_size": float(inward.double().square().sum((1, 2)).mean()),
    }
    if isinstance(opened.model.likelihood, Bernoulli) and not test.drawn:
        found["floor"] = floor(test)
    return found
