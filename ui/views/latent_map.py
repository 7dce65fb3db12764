"""The latent map: which codes are drawn and how, what the browser is given, and what the page shows of what it says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.analysis import latent_geometry, projections
from aecore.export.codes import codes_table
from aecore.export.program import UnsupportedLayer
from aecore.params import resolve
from ui.run_data import models, packed, splits
from ui.session import choices
from ui.session.address import VIEW_PARAMETERS
from ui.session.failures import or_stop
from ui.views import map_state, selection
from ui.views.projection_status import MapRequest, map_codes, projection_status, show_status
from ui.widgets import component, controls, live, sample_images, view_state
from ui.widgets.save_codes import save_codes

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.packed_map import PointMap

RAW = "raw"
IDS = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}  # ids in addresses -> names of aecore.analysis.projections
ITERATIVE = [kind for kind in projections.PROJECTIONS if kind != "PCA"]  # computed beside the page
DEFAULT_POINTS = 10_000  # points of a slow map, until somebody asks for more
SUBSET_LABELS = {"test": "Test", "training": "Training and validation"}
SPLIT_NAMES = {"train": "training", "validation": "validation", "test": "test"}  # what their images are called


def request_form(run: LoadedModel) -> MapRequest:
    """Asks which map of which images."""
    left, right = st.columns([3, 2])
    kinds = {RAW: "Raw latent space"} if splits.codes(run).shape[1] == 2 else {}
    chosen = choices.bound_choice(
        "Projection",
        kinds | IDS,
        "map",
        container=left,
        resets=VIEW_PARAMETERS,
        help="How codes become points of a plane: their two dimensions as they are, or a projection of more.",
    )
    kind = IDS.get(chosen, chosen)
    part = choices.bound_choice(
        run.card.modality.noun.many.capitalize(),
        {name: SUBSET_LABELS[name] for name in splits.available_subsets(run)},
        "subset",
        "test",
        container=right,
        resets=VIEW_PARAMETERS,
        help=f"The model has learnt from the training {run.card.modality.noun.many} (the validation "
        f"{run.card.modality.noun.many} among them only steered it). It has never "
        f"seen the test {run.card.modality.noun.many}.",
    )
    count = len(or_stop(splits.codes, run, part))
    place = st.container()  # there for every kind: what follows keeps its place, or the browser would begin it anew
    if kind not in ITERATIVE:
        return MapRequest(kind, part, count, {})
    with place, st.expander("Projection parameters"):
        function = projections.PROJECTIONS[kind]
        params = controls.param_widgets(
            function, kind, parameter=lambda name: name.replace("_", "-"), resets=VIEW_PARAMETERS, lenient=True
        )
        count = _point_count_form(count)
        return MapRequest(kind, part, count, params, count <= DEFAULT_POINTS and params == resolve(function, {}))


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
        resets=VIEW_PARAMETERS,
        help="The first ones: they are in random order. Six times as many points take about six times as long.",
    )
    return int(chosen)


def show(run: LoadedModel, request: MapRequest) -> None:
    """The map; while it is being drawn, how far that is, and the map by PCA."""
    drawing, shown, noun = None, request.projection, run.card.modality.noun
    place = st.container()  # as above
    if request.projection in ITERATIVE:
        drawing = projection_status(run, request)
        if drawing is None or drawing.state != "ready":
            with place:
                show_status(run, request, drawing)
            drawing, shown = None, "PCA"
    dots = or_stop(packed.point_map, run, request.subset, request.count, shown, drawing)
    if dots.single_point:
        place.warning(f"All codes are one point: this model has collapsed and tells no {noun.one} from another.")
    name = f"{_title(shown)}, {request.count} {request.subset}"
    _view(run, request, dots, name + (f", {drawing.key}" if drawing else ""), shown != request.projection)


def _title(projection: str) -> str:
    return "Raw latent space" if projection == RAW else f"{projection} projection"


# --- What is seen, and what the browser says --------------------------------------------------------------------------


@st.fragment
def _view(run: LoadedModel, request: MapRequest, point_map: PointMap, name: str, stands_in: bool) -> None:
    """The map in the browser, and beside it the samples that somebody has chosen there. One that stands in for another
    has no places that the address could hold."""
    readers = map_state.frame_readers(len(run.card.classes), request.count, ("density",), not stands_in)
    state = view_state.address_state("map", readers)
    decoder = _decoder(run) if "codes" in point_map.head["pieces"] else None
    rows = _selected_rows(state, point_map, _labels(run, request))
    with map_state.beside("44rem", "minmax(0, 13fr) minmax(13rem, 7fr)", "large" in state):
        with st.container():
            live.view("map", None, f"map-{_key(run)}", _payload(run, request, point_map, name, stands_in, decoder))
            if decoder:
                live.send_model(run)  # after the map, which need not wait for it
        with st.container():
            if rows is not None:
                _show_images(run, request, rows)
            elif not stands_in:
                st.info("Nothing selected: click a point, or draw a lasso around some.", icon=":material/gesture:")
    _save_codes(run, request, point_map, rows)


def _payload(
    run: LoadedModel, request: MapRequest, point_map: PointMap, name: str, stands_in: bool, decoder: str | None
) -> dict[str, object]:
    """What static/views/map/map.js reads."""
    parts = splits.splits(run, request.subset).items()
    title = name.split(",")[0]
    return {
        "key": name,
        "head": point_map.head,
        "blob": component.blob(point_map.blob),
        "kind": run.card.modality.kind,
        "splits": [[SPLIT_NAMES[split], len(images)] for split, images in parts],
        "title": title,
        "caption": map_state.picture_title(
            run, f"{title} of {request.count:,} {request.subset} {run.card.modality.noun.many}"
        ),
        "file_name": f"{run.id}-map",
        "stands_in": stands_in,
        "decoder_key": decoder,
    }


def _save_codes(run: LoadedModel, request: MapRequest, point_map: PointMap, rows: np.ndarray | None) -> None:
    """Codes, classes and places on this map as a file: of those that are selected, else of all."""
    count = request.count if rows is None else len(rows)

    def table() -> dict[str, np.ndarray]:
        sizes = {name: len(split) for name, split in splits.splits(run, request.subset).items()}
        codes, labels = map_codes(run, request), _labels(run, request)
        return codes_table(codes, labels, run.card.classes, sizes, point_map.points, rows)

    save_codes(run.id, count, table, run.card.modality.noun.one)


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


def _selected_rows(state: Mapping[str, str], point_map: PointMap, labels: np.ndarray) -> np.ndarray | None:
    """The rows [n] that the address says are chosen on this map; None when it says nothing."""
    hidden = map_state.hidden_classes(state)
    if "selected" in state:
        return np.array([int(state["selected"])])
    if len(corners := map_state.lasso_corners(state)):
        inside = latent_geometry.points_in_polygon(point_map.points, corners)
        return np.flatnonzero(inside & ~np.isin(labels, hidden))
    return None


def _show_images(run: LoadedModel, request: MapRequest, rows: np.ndarray) -> None:
    """Some of the samples of these rows and their reconstructions, and how many rows are of each class."""
    noun = run.card.modality.noun
    if not len(rows):
        st.info(selection.EMPTY_LASSO.format(noun.one), icon=":material/gesture:")
        return
    shown = selection.spread_rows(rows)
    if len(rows) > 1:
        counts = selection.class_counts(run.card.classes, _labels(run, request)[rows])
        st.caption(selection.selection_caption(rows, shown, request.count, noun.many, counts))
    x, labels, names = _samples(run, request, shown)
    classes = sample_images.class_names(run.card, labels)
    alt = [", ".join(filter(None, pair)) for pair in zip(classes, names, strict=True)]
    selection.image_pairs(run, x, labels, alt, alt if len(rows) == 1 else classes, "Original")
    if request.subset == "test":  # other pages show test images only
        selection.image_links(run, rows if len(rows) < 3 else shown, _labels(run, request))


def _samples(run: LoadedModel, request: MapRequest, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """The samples `[n, *shape]` of these rows, NaN where a value is missing, their labels `[n]`, and what they are
    called."""
    parts = splits.splits(run, request.subset)
    starts = np.cumsum([0, *map(len, parts.values())])
    x, labels, names = [], [], []
    for row in rows:
        at = int(np.searchsorted(starts, row, side="right")) - 1
        own, (name, split) = int(row - starts[at]), list(parts.items())[at]
        x.append(split.observed(own))
        labels.append(int(split.y[own]))
        names.append(f"{SPLIT_NAMES[name]} {run.card.modality.noun.one} {own}")
    return np.stack(x), np.array(labels), names
