"""The latent pad and the drawing pad: what the browser is given, and what the page shows of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis import latent_geometry
from ui import frame, shared
from ui.widgets import images, live, pickers

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.cards import DatasetCard
    from aecore.data.datasets import Split
    from aecore.export.packed_map import PlaneMap

N_NEIGHBOURS = 8  # pictures shown around a place
MAX_LASSO_IMAGES = 16  # pictures shown of a lasso
MAX_LASSO_CORNERS = 1000  # of a lasso at most; the browser sends fewer

# How the makers of a data set brought what was written into a picture: `box`, the pixels that its longer side fills;
# `mass`, whether the centre of mass comes into the middle, not that of the frame; and the pen that comes near theirs.
_MNIST_PREPROCESS = {"box": 20, "mass": True, "why": "Fit and centre it, as MNIST's makers did"}
_DRAWING_PREPROCESS: dict[str, tuple[dict[str, Any], float]] = {
    "digits": ({"box": 8, "mass": False, "why": "Fit it to the whole picture, as the makers did"}, 0.12),
    "mnist": (_MNIST_PREPROCESS, 0.1),
    "kmnist": ({"box": 26, "mass": False, "why": "Fit it to the whole picture, as the makers did"}, 0.06),
    "fashion_mnist": ({"box": 26, "mass": False, "why": "Fit it to the whole picture, as the makers did"}, 0.12),
}
_DEFAULT_PEN_WIDTH = 0.15


def latent_plane(run: LoadedModel) -> PlaneMap:
    """The plane of the latent space that the pad shows: where codes have more than two numbers, people choose."""
    return frame.or_stop(shared.plane_map, run, pickers.plane_picker(run))


def _plane_payload(plane_map: PlaneMap, run: LoadedModel) -> dict[str, Any]:
    return live.plane_payload(_plane_key(plane_map, run), plane_map, run.class_label)


def _plane_key(plane_map: PlaneMap, run: LoadedModel) -> str:
    return f"{run.id}-{run.result['created']}-{'-'.join(plane_map.plane.names)}"


def pad(model: str, run: LoadedModel, plane_map: PlaneMap) -> tuple[np.ndarray, np.ndarray]:
    """The pad; gives the place where the point was let go, `[2]`, and the corners of the lasso, `[M, 2]`."""
    said = live.view(
        "pad",
        model,
        f"pad-{_plane_key(plane_map, run)}",
        _plane_payload(plane_map, run),
        on_change={"point": rerun, "polygon": rerun},
    )
    point = parse_points(said.point)
    middle = np.mean(plane_map.head["span"], axis=1)
    corners = parse_points(said.polygon)
    return point[0] if len(point) == 1 else middle, corners if len(corners) > 2 else np.zeros((0, 2))


def rerun() -> None:
    """A view that says something runs the page anew: that is all it takes."""


def parse_points(value: Any) -> np.ndarray:
    """Places `[n, 2]` that a browser says; none when it says nothing, or something odd."""
    try:
        found = np.array(value, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        return np.zeros((0, 2))
    return found[:MAX_LASSO_CORNERS] if np.isfinite(found).all() else np.zeros((0, 2))


def server_pad(run: LoadedModel, plane_map: PlaneMap) -> np.ndarray:
    """The same without the browser's help: two sliders, and a picture when one is let go; gives the place `[2]`."""
    from ui.widgets import charts  # not above: the first screen does without

    left, right = st.columns([3, 2], gap="large")
    with left:
        chart = charts.scatter(
            plane_map.points, *_labels_and_classes(run), frame.class_colours(), plane_map.plane.names, 460
        )
        frame.show_chart(chart, key="pad-chart")
    with right:
        point = np.zeros(2)
        for at, (name, (low, high)) in enumerate(zip(plane_map.plane.names, plane_map.head["span"], strict=True)):
            if name:
                point[at] = st.slider(name, low, high, (low + high) / 2, (high - low) / 200, format="%.2f")
        images.single(
            run.decode(plane_map.plane.unproject(point[None]))[0], "The picture decoded there", "Decoded", 240
        )
    return point


def _labels_and_classes(run: LoadedModel) -> tuple[np.ndarray, tuple[str, ...]]:
    return frame.test_split(run).y, run.card.classes


def nearest_samples(run: LoadedModel, test: Split, plane_map: PlaneMap, point: np.ndarray) -> None:
    """The test pictures whose codes lie nearest to a place, and how far away."""
    code = plane_map.plane.unproject(point[None])[0]
    rows, distances = latent_geometry.nearest(shared.codes(run), code, N_NEIGHBOURS)
    here = ", ".join(f"{name} {value:.2f}" for name, value in zip(plane_map.plane.names, point, strict=True) if name)
    here = here.replace("-", "\u2212")
    st.header("The nearest test pictures")
    st.caption(
        f"Nearest to the point at {here}, with the distance of each code; a test picture's nearest neighbour is "
        f"usually {plane_map.head['typical']:.2g} away."
    )
    _image_pairs(run, test, rows, [f"{distance:.2f} away" for distance in distances])


def lasso_selection(run: LoadedModel, test: Split, plane_map: PlaneMap, corners: np.ndarray) -> None:
    """Some of the test pictures inside a lasso; without one, how to draw it."""
    if not len(corners):
        return
    st.header("In the lasso")
    rows = np.flatnonzero(latent_geometry.points_in_polygon(plane_map.points, corners))
    if not len(rows):
        st.info("No test picture has its code in there: draw the lasso around some points.", icon=":material/gesture:")
        return
    counts = np.bincount(test.y[rows], minlength=len(run.card.classes))
    order = [int(label) for label in np.argsort(-counts, kind="stable") if counts[label]]
    mix = ", ".join(f"{run.card.classes[label]}: {counts[label]:,}" for label in order)
    shown = rows[np.unique(np.linspace(0, len(rows) - 1, MAX_LASSO_IMAGES).astype(int))]
    some = f" {len(shown)} of them:" if len(shown) < len(rows) else ""
    st.caption(f"{len(rows):,} of {len(test):,} test pictures ({mix}).{some}")
    _image_pairs(run, test, shown)


def _image_pairs(run: LoadedModel, test: Split, rows: np.ndarray, notes: list[str] | None = None) -> None:
    """Test pictures and below each what the model makes of it, eight side by side."""
    x, labels = test.to_float(rows), test.y[rows]
    redrawn = None if test.synthetic else run.reconstruct(x, labels)
    names = [run.card.classes[label] for label in labels]
    for start in range(0, len(rows), N_NEIGHBOURS):
        part = slice(start, start + N_NEIGHBOURS)
        alt = [f"{name}, test picture {row}" for name, row in zip(names[part], rows[part], strict=True)]
        under = notes[part] if notes else [""] * len(alt)
        captions = [", ".join(filter(None, pair)) for pair in zip(names[part], under, strict=True)]
        # what stands in for test pictures is drawn from their codes already: once more would show nothing new
        named = {"Drawn from their codes": x[part]}
        if redrawn is not None:
            named = {"Test picture": x[part], "Reconstruction": redrawn[part]}
        images.rows(named, alt, captions, 84)


def drawing_pad(model: str, run: LoadedModel) -> None:
    """A sheet to draw on, and what the model makes of the drawing at every movement. Nothing comes back."""
    two = shared.codes(run).shape[1] < 3
    places = frame.or_stop(shared.plane_map, run, (0, 1) if two else None)
    usual = np.quantile(shared.errors(run), (0.5, 0.9, 0.99)).tolist()
    given = _plane_payload(places, run) | drawing_preprocess(run.card) | {"errors": usual}
    live.view("draw", model, f"draw-{_plane_key(places, run)}", given)
    if places.plane.explained_variance_ratio:
        share = f"{sum(places.plane.explained_variance_ratio):.0%}"
        st.caption(f"The map is the plane of the first two principal components: {share} of the variance of the codes.")


def drawing_preprocess(card: DatasetCard) -> dict[str, Any]:
    """What static/drawing/strokes.js makes a drawing into a picture of the data set with, and the `pen` for it."""
    fit, pen = _DRAWING_PREPROCESS.get(card.name, (None, _DEFAULT_PEN_WIDTH))
    return {"fit": fit, "pen": pen, "bits": _is_dot_count(card)}


def _is_dot_count(card: DatasetCard) -> bool:
    """Whether the data set's gray is a count of the dots that are white in a finer black and white bitmap."""
    return card.max_value == 16


def training_data_note(run: LoadedModel) -> None:
    """What the model has learnt from: some pictures of its kind, for whoever wonders what to draw."""
    test = shared.test_split(run)
    some, like = (
        shared.preview_batch(test),
        "what it makes of some of them" if test.synthetic else "like these test pictures",
    )
    st.caption(f"This model has only ever seen {run.card.short_description}: {like}.")
    images.rows({"": some}, [f"A picture of {run.card.title}"] * len(some), size=56)
