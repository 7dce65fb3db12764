"""The latent map: which codes are drawn and how, what the browser is given, and what the page shows of what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis import latent_geometry, projections
from aecore.export.codes import codes_table
from aecore.export.program import UnsupportedLayer
from aecore.jobs import projection_jobs
from aecore.params import resolve
from aecore.store import permissions
from ui.run_data import models, packed, splits
from ui.session import choices, identity
from ui.session.failures import or_stop
from ui.session.text import duration, escape
from ui.views import selection
from ui.widgets import component, controls, live
from ui.widgets.save_codes import save_codes

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.packed_map import PointMap
    from aecore.jobs.projection_jobs import ProjectionStatus

RAW = "raw"
IDS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}  # ids in addresses -> names of aecore.analysis.projections
ITERATIVE = [kind for kind in projections.PROJECTIONS if kind != "PCA"]  # computed beside the page
DEFAULT_POINTS = 10_000  # points of a slow map, until somebody asks for more
POLL = 0.5  # seconds between two looks at a drawing
SUBSET_LABELS = {"test": "Test", "training": "Training and validation"}
SPLIT_NAMES = {"train": "training", "validation": "validation", "test": "test"}  # what their images are called


@dataclass(frozen=True)
class MapRequest:
    """A map that somebody wants to see."""

    projection: str  # AS_IS, or one of aecore.analysis.projections.PROJECTIONS
    subset: str  # one of splits.SUBSETS
    count: int
    params: Mapping[str, Any]

    @property
    def is_default(self) -> bool:
        """Whether it needs no word of confirmation: nobody has set anything."""
        return self.count <= DEFAULT_POINTS and self.params == resolve(projections.PROJECTIONS[self.projection], {})


def request_form(run: LoadedModel) -> MapRequest:
    """Asks which map of which images."""
    left, right = st.columns([3, 2])
    kinds = {RAW: "Raw latent space"} if splits.codes(run).shape[1] == 2 else {}
    chosen = choices.bound_choice(
        "Projection",
        kinds | IDS,
        "map",
        container=left,
        help="How codes become points of a plane: their two dimensions as they are, or a projection of more.",
    )
    kind = IDS.get(chosen, chosen)
    part = choices.bound_choice(
        "Images",
        {name: SUBSET_LABELS[name] for name in splits.available_subsets(run)},
        "subset",
        "test",
        container=right,
        help="The model has learnt from the training images (the validation images among them only steered it). It has "
        "never seen the test images.",
    )
    count = len(or_stop(splits.codes, run, part))
    place = st.container()  # there for every kind: what follows keeps its place, or the browser would begin it anew
    if kind not in ITERATIVE:
        return MapRequest(kind, part, count, {})
    with place, st.expander("Projection parameters"):
        params = controls.param_widgets(projections.PROJECTIONS[kind], kind)
        return MapRequest(kind, part, _point_count_form(count), params)


def _point_count_form(n_available: int) -> int:
    """How many points a slow map gets."""
    if n_available <= DEFAULT_POINTS:
        return n_available
    sizes = [size for size in (DEFAULT_POINTS, 20_000, 40_000) if size < n_available] + [n_available]
    chosen = choices.bound_choice(
        "Number of points",
        {str(size): f"{size:,}" for size in sizes},
        "points",
        str(DEFAULT_POINTS),
        help="The first ones: they are in random order. Six times as many points take about six times as long.",
    )
    return int(chosen)


def show(run: LoadedModel, request: MapRequest) -> None:
    """The map; while it is being drawn, how far that is, and the map by PCA."""
    drawing, shown = None, request.projection
    place = st.container()  # as above
    if request.projection in ITERATIVE:
        drawing = _projection_status(run, request)
        if drawing is None or drawing.state != "ready":
            with place:
                _show_status(run, request, drawing)
            drawing, shown = None, "PCA"
    dots = or_stop(packed.point_map, run, request.subset, request.count, shown, drawing)
    if dots.single_point:
        place.warning("All codes are one point: this model has collapsed and tells no image from another.")
    name = f"{_title(shown)}, {request.count} {request.subset}"
    _view(run, request, dots, name + (f", {drawing.key}" if drawing else ""))


def _title(projection: str) -> str:
    return "Raw latent space" if projection == RAW else f"{projection} projection"


# --- Projections that take a while ------------------------------------------------------------------------------------


def _codes(run: LoadedModel, request: MapRequest) -> np.ndarray:
    return splits.codes(run, request.subset)[: request.count]


def _projection_status(run: LoadedModel, request: MapRequest) -> ProjectionStatus | None:
    """Where the map stands. The usual one is begun when nobody has; others wait until somebody says so."""
    codes = _codes(run, request)
    found = or_stop(projection_jobs.status, codes, request.projection, request.params)
    if (request.is_default and found is None) or (found and found.state == "waiting"):
        # one that waits may only have been prepared
        return or_stop(projection_jobs.submit, codes, request.projection, request.params, user=identity.current_user())
    return found


def _show_status(run: LoadedModel, request: MapRequest, status: ProjectionStatus | None) -> None:
    """What there is instead of the map: how far it is, or why there is none, and a way on."""
    if status and status.state in ("waiting", "running"):
        st.fragment(_progress, run_every=POLL)(run, request)
    elif status is None:
        _start_button(run, request, "Compute projection")
    else:
        tell = st.error if status.state == "failed" else st.info
        said, icon = escape(status.message), ":material/error:" if status.message else None
        tell(said or "This projection was cancelled.", icon=icon)
        _start_button(run, request, "Compute again")
    st.caption(f"Below: the same {request.count:,} images by PCA.")


def _start_button(run: LoadedModel, request: MapRequest, label: str) -> None:
    if st.button(label, icon=":material/play_arrow:", type="primary"):
        or_stop(
            projection_jobs.submit,
            _codes(run, request),
            request.projection,
            request.params,
            user=identity.current_user(),
        )
        st.rerun()


def _progress(run: LoadedModel, request: MapRequest) -> None:
    """How far the drawing is, again and again; once it has ended the whole page looks anew."""
    drawing = projection_jobs.status(_codes(run, request), request.projection, request.params)
    if drawing is None or drawing.state not in ("waiting", "running"):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(drawing.fraction, _status_text(request.projection, drawing))
        why = permissions.denial_reason(
            "cancel", projection_jobs.request_for_projection(drawing.users, identity.current_user())
        )
        if st.button("Cancel", icon=":material/close:", key="cancel-map", disabled=bool(why), help=escape(why) or None):
            if others := or_stop(projection_jobs.cancel, drawing, identity.current_user()):
                st.toast(f"It goes on, for {others} {'other' if others == 1 else 'others'} who asked for it.")
            st.rerun()


def _status_text(projection: str, status: ProjectionStatus) -> str:
    """Where a drawing stands, in words."""
    left = f", about {duration(max(1, status.seconds_left))} left" if status.seconds_left else ""
    if status.state == "running":
        return f"Computing {projection}{left or ' ...'}"
    if status.ahead:
        return f"Queued: {status.ahead} {'projection' if status.ahead == 1 else 'projections'} ahead{left}"
    return f"Starting {projection}{left or ' ...'}"


# --- What is seen, and what the browser says --------------------------------------------------------------------------


@st.fragment
def _view(run: LoadedModel, request: MapRequest, point_map: PointMap, name: str) -> None:
    """The map in the browser, and below it the images that somebody has chosen there."""
    decoder = _decoder(run) if "codes" in point_map.head["pieces"] else None
    said = live.view(
        "map",
        None,
        f"map-{_key(run)}",
        {
            "key": name,
            "head": point_map.head,
            "blob": component.blob(point_map.blob),
            "splits": [
                [SPLIT_NAMES[split], len(images)] for split, images in splits.splits(run, request.subset).items()
            ],
            "title": name.split(",")[0],
            "decoder_key": decoder,
        },
        on_change={"selection": selection.rerun},
    )
    if decoder:
        live.send_model(run)  # after the map, which need not wait for it
    rows = _selected_rows(said.selection, name, point_map, _labels(run, request))
    if rows is None:
        st.info("Nothing selected: click a point, or draw a lasso around some.", icon=":material/gesture:")
    else:
        _show_images(run, request, rows)
    _save_codes(run, request, point_map, rows)


def _save_codes(run: LoadedModel, request: MapRequest, point_map: PointMap, rows: np.ndarray | None) -> None:
    """Codes, classes and places on this map as a file: of those that are selected, else of all."""
    count = request.count if rows is None else len(rows)

    def table() -> dict[str, np.ndarray]:
        sizes = {name: len(split) for name, split in splits.splits(run, request.subset).items()}
        codes, labels = _codes(run, request), _labels(run, request)
        return codes_table(codes, labels, run.card.classes, sizes, point_map.points, rows)

    save_codes(run.id, count, table)


def _key(run: LoadedModel) -> str:
    return f"{run.id}-{run.result['created']}"


def _decoder(run: LoadedModel) -> str | None:
    """The key under which the browser will find the model; None when it cannot compute it, and shows no images."""
    try:
        models.program(run)
    except UnsupportedLayer:
        return None
    return _key(run)


def _labels(run: LoadedModel, request: MapRequest) -> np.ndarray:
    return np.concatenate([split.y for split in splits.splits(run, request.subset).values()])[: request.count]


def _selected_rows(chosen: Any, name: str, point_map: PointMap, labels: np.ndarray) -> np.ndarray | None:
    """The rows [n] that somebody has chosen on this map; None when nothing, or on another map."""
    if not isinstance(chosen, Mapping) or chosen.get("map_key") != name:
        return None
    row, hidden = chosen.get("row"), chosen.get("hidden_classes", [])
    polygon = selection.parse_points(chosen.get("polygon"))
    if isinstance(row, int) and 0 <= row < len(labels):
        return np.array([row])
    if len(polygon) > 2:
        return np.flatnonzero(latent_geometry.points_in_polygon(point_map.points, polygon) & ~np.isin(labels, hidden))
    return None


def _show_images(run: LoadedModel, request: MapRequest, rows: np.ndarray) -> None:
    """Some of the images of these rows and their reconstructions, and how many rows are of each class."""
    if not len(rows):
        st.info(selection.EMPTY_LASSO.format("image"), icon=":material/gesture:")
        return
    shown = selection.spread_rows(rows)
    if len(rows) > 1:
        counts = selection.class_counts(run.card.classes, _labels(run, request)[rows])
        st.caption(selection.selection_caption(rows, shown, request.count, "images", counts))
    x, labels, names = _samples(run, request, shown)
    classes = [run.card.classes[label] for label in labels]
    alt = [f"{called}, {name}" for called, name in zip(classes, names, strict=True)]
    selection.image_pairs(run, x, labels, alt, alt if len(rows) == 1 else classes, "Original")


def _samples(run: LoadedModel, request: MapRequest, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The images `[n, C, H, W]` of these rows, their labels `[n]`, and what they are called."""
    parts = splits.splits(run, request.subset)
    starts = np.cumsum([0, *map(len, parts.values())])
    x, labels, names = [], [], []
    for row in rows:
        at = int(np.searchsorted(starts, row, side="right")) - 1
        own, (name, split) = int(row - starts[at]), list(parts.items())[at]
        x.append(split.to_float(own))
        labels.append(int(split.y[own]))
        names.append(f"{SPLIT_NAMES[name]} image {own}")
    return np.stack(x), np.array(labels), names
