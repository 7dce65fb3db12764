"""Stretch: how far a small change of a code changes the picture, and a small change of a picture its code: the singular
values of Jacobians."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecore.analysis.loaded import Trained
from aecore.data.datasets import Split
from aecore.dispatch import of_kind
from aecore.errors import UserError
from aecore.models.autoencoder import Autoencoder, Conditional
from aecore.models.bottlenecks import Latent, Quantized

ENDS = 4  # of the most and of the least stretched directions: those shown
ASKED = 32  # test pictures whose derivatives are taken
ROOM = 4_000_000  # numbers that the Jacobians of all of them may have: 16 MB
MOST = 1 << 24  # numbers that one may have: 64 MB, and some times as much for its singular values
NOTHING = 1e-6  # of the largest singular value: what float32 makes of 0
CARRIED = 0.99  # of the squared sum of singular values: what counts as all that happens


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

    check_jacobian(out.shape[1], of[0].numel())
    found = torch.empty(len(out), out.shape[1], of[0].numel(), device=out.device)

    def rows(out: Tensor, of: Tensor, into: Tensor) -> None:
        for row in range(out.shape[1]):
            (gradient,) = torch.autograd.grad(out[:, row].sum(), of, retain_graph=True)
            into[:, row] = gradient.flatten(1)

    if out.shape[1] <= of[0].numel():
        rows(out, of, found)
    else:
        u = torch.zeros_like(out, requires_grad=True)
        (back,) = torch.autograd.grad(out, of, u, create_graph=True)
        rows(back.flatten(1), u, found.transpose(1, 2))
    return found


def check_jacobian(rows: int, columns: int) -> None:
    if rows * columns > MOST:
        raise UserError(
            f"The Jacobian of this model has {rows:,} x {columns:,} numbers, and {MOST:,} are the most that are "
            "computed: choose a model with a smaller code."
        )


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


def numbers(opened: Trained, test: Split) -> dict[str, Any]:
    """How far changes are stretched at the first test pictures, as means over them."""
    size = math.prod(opened.card.shape) * opened.model.bottleneck.outputs
    count = max(1, min(ASKED, len(test), ROOM // size, opened.batch))
    x, y = torch.from_numpy(test.floats(slice(count))), torch.from_numpy(test.labels[:count].astype(np.int64))
    inward = of_encoder(opened.model, x, y)
    outward = of_decoder(opened.model, opened.model.codes(x, y).clone(), y)
    values = torch.linalg.svdvals(outward.nan_to_num()).double().numpy()
    return {
        "pictures": count,
        "directions": values.shape[1],
        "effective_dimension": float(effective_dimension(values).mean()),
        "largest": float(values[:, 0].mean()),
        "smallest": float(values[:, -1].mean()),
        "encoder_size": float(inward.square().sum((1, 2), dtype=torch.float64).mean()),
    }
