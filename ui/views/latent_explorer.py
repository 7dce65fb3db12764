"""The latent explorer: what the browser is given, and what the page shows of what it sends back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.analysis import latent_geometry
from ui.run_data import packed, splits
from ui.run_data.selected import require_test_split
from ui.session.failures import or_stop
from ui.views import live_decoding, map_state, selection
from ui.widgets import glossary, live, pickers, sample_images, view_state
from ui.widgets.display import class_colours, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split
    from aecore.export.packed_map import PlaneMap

N_NEIGHBOURS = 8  # images shown around a place


def latent_plane(run: LoadedModel) -> PlaneMap:
    """The plane of the latent space that the pad shows: where codes have more than two numbers, people choose."""
    return or_stop(packed.plane_map, run, pickers.plane_picker(run))


def pad(model: str, run: LoadedModel, plane_map: PlaneMap) -> None:
    """The pad, in the state that the address says: after `pad_state`."""
    names = " and ".join(filter(None, plane_map.plane.names))
    words = {
        "title": map_state.picture_title(run, f"Codes of test {run.card.modality.noun.many}, {names}"),
        "file_name": f"{run.id}-latent-space",
    }
    live.view(
        "pad",
        model,
        f"pad-{live_decoding.plane_key(plane_map, run)}",
        live_decoding.plane_payload(plane_map, run) | words,
    )


def pad_state(run: LoadedModel) -> dict[str, str]:
    """What the address says of the pad: its point, lasso, hidden classes, background, and where one looks."""
    readers = map_state.frame_readers(len(run.card.classes), None, ("density", "images"))
    return view_state.address_state("pad", readers | {"at": view_state.in_range(1, 2)})


def explore(model: str, run: LoadedModel, test: Split, plane_map: PlaneMap) -> None:
    """The pad, the test samples inside its lasso, and those nearest to its point."""
    state = pad_state(run)
    middle = np.mean(plane_map.head["extent"], axis=1)
    with map_state.beside("68rem", "minmax(0, 1fr) minmax(16rem, 20rem)", "large" in state):
        with st.container():
            pad(model, run, plane_map)
        with st.container():
            lasso_selection(run, test, plane_map, state)
    nearest_samples(run, test, plane_map, map_state.point(state, middle))


def server_pad(run: LoadedModel, plane_map: PlaneMap) -> np.ndarray:
    """The same without the browser's help: two sliders, and an image when one is let go; gives the place `[2]`."""
    from ui.widgets import charts  # not above: the first screen does without

    left, right = st.columns([3, 2], gap="large")
    with left:
        chart = charts.scatter(
            plane_map.points, *_labels_and_classes(run), class_colours(), plane_map.plane.names, 460,
            noun=run.card.modality.noun,
        )  # fmt: skip
        show_chart(chart, key="pad-chart")
    with right:
        point = np.zeros(2)
        for at, (name, (low, high)) in enumerate(zip(plane_map.plane.names, plane_map.head["extent"], strict=True)):
            if name:
                point[at] = st.slider(name, low, high, (low + high) / 2, (high - low) / 200, format="%.2f")
        decoded, words = (
            run.decode(plane_map.plane.unproject(point[None]))[0],
            f"The {run.card.modality.noun.one} decoded there",
        )
        sample_images.single(run.card.modality, decoded, words, "Decoded", 240)
    return point


def _labels_and_classes(run: LoadedModel) -> tuple[np.ndarray, tuple[str, ...]]:
    return require_test_split(run).y, run.card.classes


def nearest_samples(run: LoadedModel, test: Split, plane_map: PlaneMap, point: np.ndarray) -> None:
    """The test samples whose codes lie nearest to a place, and how far away."""
    noun = run.card.modality.noun
    code = plane_map.plane.unproject(point[None])[0]
    rows, distances = latent_geometry.nearest(splits.codes(run), code, N_NEIGHBOURS)
    here = ", ".join(f"{name} {value:.2f}" for name, value in zip(plane_map.plane.names, point, strict=True) if name)
    here = here.replace("-", "\u2212")
    glossary.header(f"Nearest neighbours among test {noun.many}")
    st.caption(
        f"Nearest to the point at {here}, with the distance of each code in the latent space; the nearest "
        f"neighbour of a test {noun.one} is usually {plane_map.head['neighbour_distance']:.2g} away."
    )
    _show_pairs(run, test, rows, [f"{distance:.2f} away" for distance in distances])


def lasso_selection(run: LoadedModel, test: Split, plane_map: PlaneMap, state: Mapping[str, str]) -> None:
    """Some of the test images inside the lasso, of classes that are not hidden; without one, nothing."""
    corners = map_state.lasso_corners(state)
    if not len(corners):
        return
    glossary.header("Selection (lasso)")
    inside = latent_geometry.points_in_polygon(plane_map.points, corners)
    rows = np.flatnonzero(inside & ~np.isin(test.y, map_state.hidden_classes(state)))
    if not len(rows):
        st.info(selection.EMPTY_LASSO.format(f"test {run.card.modality.noun.one}"), icon=":material/gesture:")
        return
    shown = selection.spread_rows(rows)
    counts = selection.class_counts(run.card.classes, test.y[rows])
    st.caption(selection.selection_caption(rows, shown, len(test), f"test {run.card.modality.noun.many}", counts))
    _show_pairs(run, test, shown)


def _show_pairs(run: LoadedModel, test: Split, rows: np.ndarray, notes: list[str] | None = None) -> None:
    x, labels = test.observed(rows), test.y[rows]
    names, alt = sample_images.class_names(run.card, labels), sample_images.sample_names(run.card, labels, rows)
    captions = [", ".join(filter(None, pair)) for pair in zip(names, notes, strict=True)] if notes else names
    title = "Decoded from their codes" if test.synthetic else f"Test {run.card.modality.noun.one}"
    selection.image_pairs(run, x, labels, alt, captions, title, test.synthetic)
