"""A tour of a latent map: places that the codes themselves point out."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise

import numpy as np

from aecore.analysis import latent_space
from aecore.export.packed_map import PlaneMap

N_NEIGHBOURS = 10  # neighbours of which a class is pure when they are of it too
N_SAMPLED = 400  # dots whose neighbours are looked at
WAYPOINTS = 7  # on the way through a class, or from one to another
SEGMENT_STEPS = 60  # of a way at which is looked what it passes
MAX_MEDIANS = 5  # classes of which a heart is shown, at most
GRID_SIZE = 21  # a side, of the grid on which an empty place is looked for
MARGIN = 0.04  # of the first view, that such a place stays away from its edge


@dataclass(frozen=True, eq=False)
class Tour:
    """Ways over a map, each `[n, 2]` in its units, and the classes that each is about."""

    within_class: np.ndarray  # through the dots of the purest class, from end to end
    class_medians: np.ndarray  # a place in the middle of some classes, the purest one first
    between_classes: np.ndarray  # from the heart of one class to that of another, straight: no third class lies on it
    empty_region: np.ndarray  # one place in view that is far from every dot
    within_label: int
    between_labels: tuple[int, int]


def compute_tour(plane_map: PlaneMap, labels: np.ndarray) -> Tour:
    """The tour of a map whose dots have the classes `labels` [N]."""
    dots = plane_map.points
    purest = _order_by_purity(dots, labels)
    hearts = {label: np.median(dots[labels == label], axis=0) for label in purest}
    middles = [label for label in purest if classes_along(dots, labels, hearts[label][None]) == {label}]
    pair = _adjacent_classes(dots, labels, {label: hearts[label] for label in middles})
    return Tour(
        within_class=_principal_path(dots[labels == purest[0]]),
        class_medians=np.stack([hearts[label] for label in middles[:MAX_MEDIANS]]),
        between_classes=latent_space.lerp(hearts[pair[0]], hearts[pair[1]], WAYPOINTS),
        empty_region=_emptiest_point(plane_map)[None],
        within_label=purest[0],
        between_labels=pair,
    )


def classes_along(points: np.ndarray, labels: np.ndarray, path: np.ndarray) -> set[int]:
    """The classes of the dots nearest to a way [n, 2], looked at in steps."""
    rows = _squared_distances(densify(path), points).argmin(axis=1)
    return set(labels[rows].tolist())


def densify(path: np.ndarray) -> np.ndarray:
    """STEPS places of each stretch of a way [n, 2]."""
    if len(path) < 2:
        return path
    return np.concatenate([latent_space.lerp(a, b, SEGMENT_STEPS) for a, b in pairwise(path)])


def _squared_distances(positions: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The squared distance from each of `positions` [M, 2] to each of `points` [N, 2], `[M, N]`."""
    across, up = (positions[:, None, axis] - points[None, :, axis] for axis in (0, 1))
    return across**2 + up**2


def _order_by_purity(points: np.ndarray, labels: np.ndarray) -> list[int]:
    """The classes, first the one whose dots have most neighbours of their own class."""
    asked = np.unique(np.linspace(0, len(points) - 1, N_SAMPLED).astype(int))
    rows = np.argpartition(_squared_distances(points[asked], points), N_NEIGHBOURS, axis=1)[
        :, : N_NEIGHBOURS + 1
    ]  # each itself among them
    own = (labels[rows] == labels[asked, None]).mean(axis=1)
    return sorted(np.unique(labels[asked]).tolist(), key=lambda label: -own[labels[asked] == label].mean())


def _principal_path(points: np.ndarray) -> np.ndarray:
    """A way through a set of points along its longest direction: the median of each of STOPS equal parts."""
    along = latent_space.plane_of_components(points).project(points)[:, 0]
    parts = np.array_split(np.argsort(along, kind="stable"), min(WAYPOINTS, len(points)))
    return np.stack([np.median(points[part], axis=0) for part in parts])


def _adjacent_classes(points: np.ndarray, labels: np.ndarray, medians: dict[int, np.ndarray]) -> tuple[int, int]:
    """The two classes furthest apart between whose hearts no dot of a third class is ever the nearest."""
    pairs = sorted(combinations(medians, 2), key=lambda pair: -np.linalg.norm(medians[pair[0]] - medians[pair[1]]))
    ways = {pair: np.stack([medians[label] for label in pair]) for pair in pairs}
    return next((pair for pair in pairs if classes_along(points, labels, ways[pair]) == set(pair)), pairs[-1])


def _emptiest_point(plane_map: PlaneMap) -> np.ndarray:
    """The place [2] of the first view that is furthest from every dot."""
    across, up = (np.linspace(low + MARGIN * (high - low), high - MARGIN * (high - low), GRID_SIZE)
                  for low, high in plane_map.head["extent"])  # fmt: skip
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    return grid[_squared_distances(grid, plane_map.points).min(axis=1).argmax()]
