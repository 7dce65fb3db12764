"""Points: places in a plane, `[2]`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.data.modalities import drawing
from aecore.data.modalities.modality import Modality, Noun

SIDE = 48  # pixels of a drawing
REACH = 2.5  # standard deviations that a drawing shows in each direction


@dataclass(frozen=True)
class Points(Modality):
    """Points in a plane, standardised over the training set.

    Parameters
    ----------
    names
        Of the two axes.
    mean, std
        Of each in its own unit.
    """

    names: tuple[str, ...] = ("x", "y")
    mean: tuple[float, ...] = (0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0)

    kind: ClassVar[str] = "points"
    noun: ClassVar[Noun] = Noun("point", "points", "coordinate")
    networks: ClassVar[tuple[str, ...]] = ("mlp",)
    likelihoods: ClassVar[tuple[str, ...]] = ("gaussian", "laplace")
    value_range: ClassVar[tuple[float, float]] = (-2.0, 2.0)
    bounded: ClassVar[bool] = False
    difference_legend: ClassVar[str] = "From the point itself (gray) to what the model makes of it."

    @property
    def shape(self) -> tuple[int, ...]:
        return (2,)

    @property
    def size(self) -> str:
        return "2 coordinates"

    def render(self, x: np.ndarray) -> np.ndarray:
        return self._draw(None, x)

    def render_difference(self, x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
        return self._draw(x, reconstruction)

    def _draw(self, below: np.ndarray | None, above: np.ndarray) -> np.ndarray:
        made = []
        for number, sample in enumerate(above):
            image, draw = drawing.blank(SIDE, SIDE)
            middle = SIDE / 2 * drawing.SCALE
            for line in ((0, middle, image.width, middle), (middle, 0, middle, image.height)):
                draw.line(line, fill=drawing.AXIS, width=drawing.SCALE)
            at = self._place(sample)
            if below is not None:
                start = self._place(below[number])
                draw.line((*start, *at), fill=drawing.WRONG, width=drawing.SCALE)
                drawing.dot(draw, start, 2.5, drawing.PALE)
            drawing.dot(draw, at, 2.5, drawing.INK)
            made.append(image)
        return drawing.finish(made)

    def _place(self, sample: np.ndarray) -> tuple[float, float]:
        x, y = np.clip(np.array([sample[0], -sample[1]], float) / REACH, -1, 1)
        middle = SIDE / 2
        return (middle + (middle - 3) * float(x)) * drawing.SCALE, (middle + (middle - 3) * float(y)) * drawing.SCALE

    def describe(self, sample: np.ndarray) -> str:
        values = sample * np.array(self.std) + np.array(self.mean)
        return ", ".join(f"{name} {value:.2f}" for name, value in zip(self.names, values, strict=True))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Points:
        return cls(**{name: tuple(fields[name]) for name in ("names", "mean", "std")})
