"""Series: `[T, C]`, C channels measured at T moments; one that is shorter ends in missing values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.data.modalities import drawing
from aecore.data.modalities.modality import Modality, Noun, moving_mean


@dataclass(frozen=True)
class Series(Modality):
    """Series of one length or shorter, standardised over the training series, channel by channel.

    Parameters
    ----------
    length
        T, moments of the longest.
    channels
        Names of what is measured.
    mean, std
        Of each channel in its own unit.
    limits
        What drawings show, in standard deviations from the mean.
    missing
        Whether some are shorter or have gaps.
    """

    length: int
    channels: tuple[str, ...] = ("value",)
    mean: tuple[float, ...] = (0.0,)
    std: tuple[float, ...] = (1.0,)
    limits: tuple[float, float] = (-3.0, 3.0)
    missing: bool = False

    kind: ClassVar[str] = "series"
    noun: ClassVar[Noun] = Noun("series", "series", "value")
    networks: ClassVar[tuple[str, ...]] = ("mlp", "tcn", "gru")
    likelihoods: ClassVar[tuple[str, ...]] = ("gaussian", "laplace")
    value_range: ClassVar[tuple[float, float]] = (-2.0, 2.0)
    bounded: ClassVar[bool] = False
    difference_legend: ClassVar[str] = "Gray: the series itself; coloured: what the model makes of it."

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.length, len(self.channels))

    @property
    def has_missing(self) -> bool:
        return self.missing

    @property
    def size(self) -> str:
        count = len(self.channels)
        return f"{self.length} moments" + (f", {count} channels" if count > 1 else "")

    @property
    def position_shape(self) -> tuple[int, ...]:
        return (self.length, 1)

    @property
    def default_patch_size(self) -> int:
        return -(-self.length // 8)

    def render(self, x: np.ndarray) -> np.ndarray:
        return self._draw(None, x)

    def render_difference(self, x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
        return self._draw(x, reconstruction)

    def worst_neighbourhood(self, errors: np.ndarray) -> np.ndarray:
        """In an eighth of the moments, of the worst channel."""
        return moving_mean(errors, (-(-self.length // 8), 1)).max(axis=(1, 2))

    def _draw(self, below: np.ndarray | None, above: np.ndarray) -> np.ndarray:
        made = []
        for number, sample in enumerate(above):
            image, draw = drawing.blank()
            zero = drawing.to_row(np.zeros(1), self.limits, drawing.HEIGHT)[0] * drawing.SCALE
            draw.line((0, zero, image.width, zero), fill=drawing.AXIS, width=drawing.SCALE)
            if below is not None:
                for channel in below[number].T:
                    drawing.curve(draw, channel, self.limits, drawing.PALE, width=2.2)
            for at, channel in enumerate(sample.T):
                drawing.curve(draw, channel, self.limits, drawing.CHANNELS[at % len(drawing.CHANNELS)])
            made.append(image)
        return drawing.finish(made)

    def describe(self, sample: np.ndarray) -> str:
        values = sample * np.array(self.std) + np.array(self.mean)
        said = []
        for name, channel in zip(self.channels, values.T, strict=True):
            known = channel[~np.isnan(channel)]
            if len(known):
                said.append(f"{name} from {known.min():.3g} to {known.max():.3g}")
        return ", ".join(said)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Series:
        lists = {name: tuple(fields[name]) for name in ("channels", "mean", "std", "limits")}
        return cls(**{**fields, **lists})
