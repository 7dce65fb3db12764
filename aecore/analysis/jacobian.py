"""Stretch: how far a small change of a code changes the image, and a small change of an image its code: the singular
values of Jacobians."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.errors import UserError
from aecore.models.autoencoder import Autoencoder, Conditional

N_EXTREMES = 4  # of the most and of the least stretched directions: those shown
N_EVAL_IMAGES = 32  # test images whose derivatives are taken
MAX_TOTAL_ELEMENTS = 4_000_000  # numbers that the Jacobians of all of them may have: 16 MB
MAX_JACOBIAN_ELEMENTS = 1 << 24  # numbers that one may have: 64 MB, and some times as much for its singular values
ZERO_TOLERANCE = 1e-6  # of the largest singular value: what float32 makes of 0
ENERGY_SHARE = 0.99  # of the squared sum of singular values: what counts as all that happens


def encoder_jacobian(model: Autoencoder, x: Tensor, y: Tensor | None = None) -> Tensor:
    """d code / d image at each of the images `[B, C, H, W]`: `[B, D, pixels]`."""
    with torch.enable_grad():
        x = x.detach().clone().requires_grad_()
        return _jacobian(model.encode(x, y).differentiable_code, x)


def decoder_jacobian(model: Autoencoder, z: Tensor, y: Tensor | None = None) -> Tensor:
    """d image / d code at each of the codes `[B, D]`: `[B, pixels, D]`."""
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
    if rows * columns > MAX_JACOBIAN_ELEMENTS:
        raise UserError(
            f"The Jacobian of this model has {rows:,} x {columns:,} numbers, and {MAX_JACOBIAN_ELEMENTS:,} are the "
            f"most that are "
            "computed: choose a model with a smaller code."
        )


def effective_dimension(singular_values: np.ndarray) -> np.ndarray:
    """How many of the singular values `[..., k]`, largest first, carry 99 % of the sum of their squares; 0 of zeros."""
    grown = np.cumsum(np.square(singular_values, dtype=np.float64), axis=-1)
    return np.where(grown[..., -1] > 0, (grown < ENERGY_SHARE * grown[..., -1:]).sum(axis=-1) + 1, 0)


@dataclass(frozen=True, eq=False)
class JacobianSpectrum:
    """The singular values of a Jacobian, largest first, and what they belong to in images."""

    singular_values: np.ndarray  # [k]
    extremes: np.ndarray  # [n], the numbers of the most and of the least stretched
    patterns: np.ndarray  # [n, C, H, W], theirs, each of length 1

    @property
    def nullity(self) -> int:
        """In how many directions nothing happens."""
        return int((self.singular_values <= ZERO_TOLERANCE * self.singular_values[0]).sum())

    @property
    def effective_dimension(self) -> int:
        return int(effective_dimension(self.singular_values))

    @property
    def condition_number(self) -> float:
        """The largest by the smallest; inf when there is a direction in which nothing happens."""
        return math.inf if self.nullity else float(self.singular_values[0] / self.singular_values[-1])


def jacobian_spectra(run: LoadedModel, x: np.ndarray) -> tuple[JacobianSpectrum, JacobianSpectrum]:
    """How far the decoder stretches changes of the code of one image `[C, H, W]`, and the encoder changes of the
    image. A conditional model guesses the label."""
    model, tensor = run.model, torch.from_numpy(np.asarray(x, np.float32))[None]
    tensor = tensor.to(next(model.parameters()).device)
    label = torch.from_numpy(np.array([run.class_label]))
    y = model.infer_label(tensor) if isinstance(model, Conditional) else label
    code = model.encode_mean(tensor, y).clone()
    return _spectrum(run, decoder_jacobian(model, code, y)[0].T), _spectrum(run, encoder_jacobian(model, tensor, y)[0])


def decoder_spectrum(run: LoadedModel, code: np.ndarray) -> JacobianSpectrum:
    """How far the decoder stretches changes of one code `[D]`."""
    z = torch.from_numpy(np.asarray(code, np.float32))[None].to(next(run.model.parameters()).device)
    return _spectrum(run, decoder_jacobian(run.model, z, torch.full((1,), run.class_label, device=z.device))[0].T)


def _spectrum(run: LoadedModel, jacobian: Tensor) -> JacobianSpectrum:
    """Of a Jacobian `[D, pixels]`, whichever way it goes."""
    _, values, patterns = torch.linalg.svd(jacobian.nan_to_num(), full_matrices=False)
    count = max(1, int((values > ZERO_TOLERANCE * values[0]).sum()))  # what does nothing has no direction of its own
    ends = np.array(sorted({*range(min(count, N_EXTREMES)), *range(max(0, count - N_EXTREMES), count)}))
    shown = patterns[torch.from_numpy(ends)].unflatten(1, run.card.shape)
    return JacobianSpectrum(values.cpu().numpy(), ends, shown.cpu().numpy())


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """How far changes are stretched at the first test images, as means over them."""
    size = math.prod(run.card.shape) * run.model.bottleneck.out_features
    count = max(1, min(N_EVAL_IMAGES, len(test), MAX_TOTAL_ELEMENTS // size, run.batch_size))
    x, y = torch.from_numpy(test.to_float(slice(count))), torch.from_numpy(test.y[:count].astype(np.int64))
    inward = encoder_jacobian(run.model, x, y)
    outward = decoder_jacobian(run.model, run.model.encode_mean(x, y).clone(), y)
    values = torch.linalg.svdvals(outward.nan_to_num()).double().numpy()
    return {
        "n_samples": count,
        "n_singular_values": values.shape[1],
        "effective_dimension": float(effective_dimension(values).mean()),
        "max_singular_value": float(values[:, 0].mean()),
        "min_singular_value": float(values[:, -1].mean()),
        "encoder_squared_frobenius_norm": float(inward.square().sum((1, 2), dtype=torch.float64).mean()),
    }
