"""A tour of a latent map: places that the codes themselves point out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from aecore.analysis import latent_space
from aecore.export.packed_map import Places

NEAR = 10  # neighbours of which a class is pure when they are of it too
ASKED = 400  # dots whose neighbours are looked at
STOPS = 7  # on the way through a class, or from one to another
STEPS = 60  # of a way at which is looked what it passes
HEARTS = 5  # classes of which a heart is shown, at most
CELLS = 21  # a side, of the grid on which an empty place is looked for
MARGIN = 0.04  # of the first view, that such a place stays away from its edge


@dataclass(frozen=True, eq=False)
class Tour:
    """Ways over a map, each `[n, 2]` in its units, and the classes that each is about."""

    alike: np.ndarray  # through the dots of the purest class, from end to end
    hearts: np.ndarray  # a place in the middle of some classes, the purest one first
    between: np.ndarray  # from the heart of one class to that of another, straight: no third class lies on it
    empty: np.ndarray  # one place in view that is far from every dot
    alike_class: int
    between_classes: tuple[int, int]


def through(places: Places, labels: np.ndarray) -> Tour:
    """The tour of a map whose dots have the classes `labels` [N]."""
    dots = places.shown
    purest = _by_purity(dots, labels)
    hearts = {label: np.median(dots[labels == label], axis=0) for label in purest}
    middles = [label for label in purest if passed(dots, labels, hearts[label][None]) == {label}]
    pair = _neighbours(dots, labels, {label: hearts[label] for label in middles})
    return Tour(
        alike=_spine(dots[labels == purest[0]]),
        hearts=np.stack([hearts[label] for label in middles[:HEARTS]]),
        between=latent_space.linear(hearts[pair[0]], hearts[pair[1]], STOPS),
        empty=_emptiest(places)[None],
        alike_class=purest[0],
        between_classes=pair,
    )


def passed(dots: np.ndarray, labels: np.ndarray, way: np.ndarray) -> set[int]:
    """The classes of the dots nearest to a way [n, 2], looked at in steps."""
    rows = _squares(finely(way), dots).argmin(axis=1)
    return set(labels[rows].tolist())


def finely(way: np.ndarray) -> np.ndarray:
    """STEPS places of each stretch of a way [n, 2]."""
    if len(way) < 2:
        return way
    return np.concatenate([latent_space.linear(a, b, STEPS) for a, b in pairwise(way)])


def _squares(places: np.ndarray, dots: np.ndarray) -> np.ndarray:
    """The squared distance from each of `places` [M, 2] to each of `dots` [N, 2], `[M, N]`."""
    across, up = (places[:, None, axis] - dots[None, :, axis] for axis in (0, 1))
    return across**2 + up**2


def _by_purity(dots: np.ndarray, labels: np.ndarray) -> list[int]:
    """The classes, first the one whose dots have most neighbours of their own class."""
    asked = np.unique(np.linspace(0, len(dots) - 1, ASKED).astype(int))
    rows = np.argpartition(_squares(dots[asked], dots), NEAR, axis=1)[:, : NEAR + 1]  # each itself among them
    own = (labels[rows] == labels[asked, None]).mean(axis=1)
    return sorted(np.unique(labels[asked]).tolist(), key=lambda label: -own[labels[asked] == label].mean())


def _spine(dots: np.ndarray) -> np.ndarray:
    """A way through a cloud of dots along its longest direction: the median of each of STOPS equal parts."""
    along = latent_space.plane_of_components(dots).project(dots)[:, 0]
    parts = np.array_split(np.argsort(along, kind="stable"), min(STOPS, len(dots)))
    return np.stack([np.median(dots[part], axis=0) for part in parts])


def _neighbours(dots: np.ndarray, labels: np.ndarray, hearts: dict[int, np.ndarray]) -> tuple[int, int]:
    """The two classes furthest apart between whose hearts no dot of a third class is ever the nearest."""
    pairs = sorted(combinations(hearts, 2), key=lambda pair: -np.linalg.norm(hearts[pair[0]] - hearts[pair[1]]))
    ways = {pair: np.stack([hearts[label] for label in pair]) for pair in pairs}
    return next((pair for pair in pairs if passed(dots, labels, ways[pair]) == set(pair)), pairs[-1])


def _emptiest(places: Places) -> np.ndarray:
    """The place [2] of the first view that is furthest from every dot."""
    across, up = (np.linspace(low + MARGIN * (high - low), high - MARGIN * (high - low), CELLS)
                  for low, high in places.head["span"])  # fmt: skip
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    return grid[_squares(grid, places.shown).min(axis=1).argmax()]
