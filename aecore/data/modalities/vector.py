"""Vectors: `[F]` plain numbers without an order, such as codes, activations, or places in space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.data.modalities import drawing
from aecore.data.modalities.modality import Modality, Noun

MAX_DESCRIBED = 12  # values that words name
LIMIT = 3.0  # standard deviations that a bar shows


@dataclass(frozen=True)
class Vector(Modality):
    """Vectors of named numbers, standardised over the training set.

    Parameters
    ----------
    names
        Of the numbers, `[F]`.
    mean, std
        Of each in its own unit.
    """

    names: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    kind: ClassVar[str] = "vector"
    noun: ClassVar[Noun] = Noun("vector", "vectors", "value")
    networks: ClassVar[tuple[str, ...]] = ("mlp",)
    likelihoods: ClassVar[tuple[str, ...]] = ("gaussian", "laplace")
    value_range: ClassVar[tuple[float, float]] = (-2.0, 2.0)
    bounded: ClassVar[bool] = False
    difference_legend: ClassVar[str] = "Orange: how much more or less than the original."

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self.names),)

    @property
    def size(self) -> str:
        return f"{len(self.names)} values"

    def render(self, x: np.ndarray) -> np.ndarray:
        return self._bars(x, drawing.INK)

    def render_difference(self, x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
        return self._bars(reconstruction - x, drawing.WRONG)

    def _bars(self, x: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
        made = []
        for sample in x:
            image, draw = drawing.blank()
            drawing.bars(draw, sample, LIMIT, [colour] * len(sample))
            made.append(image)
        return drawing.finish(made)

    def describe(self, sample: np.ndarray) -> str:
        values = sample * np.array(self.std) + np.array(self.mean)
        pairs = zip(self.names[:MAX_DESCRIBED], values[:MAX_DESCRIBED], strict=True)
        return ", ".join(f"{name} {value:.3g}" for name, value in pairs)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Vector:
        return cls(**{name: tuple(fields[name]) for name in ("names", "mean", "std")})
