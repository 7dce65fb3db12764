"""The figures of a finished run that are given as files, as its pages draw them first."""

from __future__ import annotations

from collections.abc import Callable

from aecore.analysis import latent_geometry, loaded
from aecore.analysis.offline_bundle import available_codes
from aecore.content import formulas
from aecore.content.run_names import run_name
from aecore.data.cards import CARDS
from aecore.data.modalities import Image
from aecore.export import figures, packed_map
from aecore.export.figures import Figure
from aecore.export.offline_html import default_plane
from aecore.store import history, runs
from aecore.store.run_info import RunInfo

GRID_SIZE = 15  # samples along each side of a manifold


def manifold(run_id: str) -> Figure:
    """What a grid over the codes of the test samples decodes to."""
    run = loaded.load(run_id)
    codes, _ = available_codes(run)
    plane = default_plane(codes)
    grid = latent_geometry.grid(plane.project(codes), GRID_SIZE)
    title, modality = f"Manifold: {_name(runs.entry(run_id))}", run.card.modality
    cells = modality.render(run.decode(plane.unproject(grid.points)))
    return figures.manifold(title, cells, grid.x, grid.y, plane.names, modality.noun)


def latent_map(run_id: str) -> Figure:
    """Where the codes of the test samples lie, by class."""
    run = loaded.load(run_id)
    codes, labels = available_codes(run)
    plane, classes = default_plane(codes), run.card.classes
    points = packed_map.plane_points(plane, codes, labels, len(classes))
    title, noun = f"Latent map: {_name(runs.entry(run_id))}", run.card.modality.noun
    return figures.latent_map(title, points, labels, classes, plane.names, noun)


def losses(run_id: str) -> Figure:
    """The losses of every epoch, in training and validation."""
    entry = runs.entry(run_id)
    own = formulas.objective_terms(entry.config) if entry.config else ()
    card = CARDS.get(entry.config.dataset) if entry.config else None
    noun = card.modality.noun if card else Image.noun
    return figures.losses(f"Losses: {_name(entry)}", history.history(run_id), own, noun)


def _name(entry: RunInfo) -> str:
    return entry.title or (run_name(entry.config) if entry.config else entry.id)


FIGURES: dict[str, Callable[[str], Figure]] = {"manifold": manifold, "map": latent_map, "losses": losses}
