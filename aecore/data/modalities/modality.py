"""Modality: what everybody may ask of a kind of sample, and what holds where a kind says nothing else.

A batch is float32 `[N, *shape]`, as the network gets it: images in [0, 1], all else about zero with a standard
deviation of about one. A value that was not observed is NaN in a split's own array and 0 everywhere else.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, TypeVar

import numpy as np

Array = TypeVar("Array")  # NumPy's or torch's: what only indexes and clips takes both


@dataclass(frozen=True)
class Noun:
    """What one sample is called, several, and one value of it."""

    one: str
    many: str
    value: str


class Modality(Protocol):
    """What a kind of sample is: frozen, small, known without loading any data.

    Attributes
    ----------
    kind
        Its name in settings, files and on the command line.
    noun
        What people call a sample.
    networks, likelihoods
        Names of those that fit it; the first is the default.
    value_range
        What corruptions set a value to: the least and the greatest.
    bounded
        Whether values outside `value_range` cannot be shown, and so are clipped.
    shape
        Of one sample, without the batch.
    """

    kind: ClassVar[str]
    noun: ClassVar[Noun]
    networks: ClassVar[tuple[str, ...]]
    likelihoods: ClassVar[tuple[str, ...]]
    value_range: ClassVar[tuple[float, float]]
    bounded: ClassVar[bool]

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def has_missing(self) -> bool:
        """Whether a value may be missing (NaN)."""
        return False

    @property
    def size(self) -> str:
        """How large a sample is, in words."""
        return " x ".join(map(str, self.shape))

    @property
    def position_shape(self) -> tuple[int, ...]:
        """The shape of what is corrupted together: all colours of a pixel, all channels of a moment, a column."""
        return self.shape

    def broadcast_positions(self, per_position: Array) -> Array:
        """`[B, *position_shape]` -> what broadcasts to `[B, *shape]`."""
        return per_position

    @property
    def default_patch_size(self) -> int:
        """How many positions a patch is long on each side, where nobody says."""
        return 1

    def patch_of_position(self, size: int) -> np.ndarray:
        """The number of the patch that each position belongs to, int `[*position_shape]`: patches are `size` positions
        in a row, where a kind says nothing else."""
        return np.arange(math.prod(self.position_shape)).reshape(self.position_shape) // size

    @property
    def first_half(self) -> np.ndarray:
        """Which positions are in the first of two halves, bool `[*position_shape]`."""
        count = math.prod(self.position_shape)
        return (np.arange(count) < count // 2).reshape(self.position_shape)

    @property
    def half_names(self) -> tuple[str, str]:
        """What the two are called."""
        return "first half", "second half"

    def clip(self, x: Array) -> Array:
        """`x` as it can be shown."""
        return x.clip(*self.value_range) if self.bounded else x  # type: ignore[attr-defined]

    def render(self, x: np.ndarray) -> np.ndarray:
        """Small pictures of samples: `[N, *shape]` -> float32 `[N, 1 or 3, h, w]` in [0, 1]. NaN is a gap."""
        ...

    def render_difference(self, x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
        """Pictures of where the two differ: `[N, *shape]` each -> float32 `[N, 3, h, w]` in [0, 1]."""
        ...

    @property
    def difference_legend(self) -> str:
        """A sentence on how to read these."""
        ...

    def worst_neighbourhood(self, errors: np.ndarray) -> np.ndarray:
        """The mean error where it is largest, among values that lie together: errors `[N, *shape]` -> `[N]`. One value,
        where a kind knows of no neighbours."""
        return errors.reshape(len(errors), -1).max(axis=1)

    def describe(self, sample: np.ndarray) -> str:
        """One sample `[*shape]` in words; "" where words say nothing."""
        return ""

    def to_json(self) -> dict[str, Any]:
        """What `modality_from_json` reads back, and the browser draws by."""
        return {"kind": self.kind, **dataclasses.asdict(self)}  # type: ignore[call-overload]


def moving_mean(values: np.ndarray, window: tuple[int, ...]) -> np.ndarray:
    """Means over all windows of that size inside the array: `[N, *sizes]` -> `[N, *(size - window + 1)]`."""
    sums = np.asarray(values, np.float64)
    for axis, width in enumerate(window, 1):
        rising = np.cumsum(sums, axis=axis)
        first = np.take(rising, [width - 1], axis=axis)
        size = rising.shape[axis]
        rest = np.take(rising, range(width, size), axis=axis) - np.take(rising, range(size - width), axis=axis)
        sums = np.concatenate([first, rest], axis=axis)
    return sums / np.prod(window)


def square_patches(height: int, width: int, size: int) -> np.ndarray:
    """The number of the square, `size` pixels on each side, that each pixel lies in, int `[H, W]`, row by row."""
    down, across = np.arange(height) // size, np.arange(width) // size
    return down[:, None] * (across[-1] + 1) + across


def left_half(height: int, width: int) -> np.ndarray:
    """Which pixels lie left of the middle, bool `[H, W]`; of an odd width the middle column does not."""
    return np.broadcast_to(np.arange(width) < width // 2, (height, width))
