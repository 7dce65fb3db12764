"""The latent pad and the drawing pad: what the browser is given, and what the page shows of what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis import latent_space
from ui import frame, shared
from ui.widgets import images, live, pickers

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained
    from aecore.data.cards import Card
    from aecore.data.datasets import Split
    from aecore.export.packed_map import Places

NEAR = 8  # pictures shown around a place
LASSOED = 16  # pictures shown of a lasso
CORNERS = 1000  # of a lasso at most; the browser sends fewer

# How the makers of a data set brought what was written into a picture: `box`, the pixels that its longer side fills;
# `mass`, whether the centre of mass comes into the middle, not that of the frame; and the pen that comes near theirs.
_MNIST = {"box": 20, "mass": True, "why": "Fit and centre it, as MNIST's makers did"}
_FITS: dict[str, tuple[dict[str, Any], float]] = {
    "digits": ({"box": 8, "mass": False, "why": "Fit it to the whole picture, as the makers did"}, 0.12),
    "mnist": (_MNIST, 0.1),
    "kmnist": ({"box": 26, "mass": False, "why": "Fit it to the whole picture, as the makers did"}, 0.06),
    "fashion_mnist": ({"box": 26, "mass": False, "why": "Fit it to the whole picture, as the makers did"}, 0.12),
}
_AS_DRAWN = 0.15


def plane(run: Trained) -> Places:
    """The plane of the latent space that the pad shows: where codes have more than two numbers, people choose."""
    return frame.attempt(shared.places, run, pickers.dimensions(run))


def _sent(places: Places, run: Trained) -> dict[str, Any]:
    return live.placed(_named(places, run), places, run.label)


def _named(places: Places, run: Trained) -> str:
    return f"{run.id}-{run.result['created']}-{'-'.join(places.plane.names)}"


def pad(model: str, run: Trained, places: Places) -> tuple[np.ndarray, np.ndarray]:
    """The pad; gives the place where the point was let go, `[2]`, and the corners of the lasso, `[M, 2]`."""
    said = live.view(
        "pad",
        model,
        f"pad-{_named(places, run)}",
        _sent(places, run),
        on_change={"point": noted, "polygon": noted},
    )
    point = numbers(said.point)
    middle = np.mean(places.head["span"], axis=1)
    corners = numbers(said.polygon)
    return point[0] if len(point) == 1 else middle, corners if len(corners) > 2 else np.zeros((0, 2))


def noted() -> None:
    """A view that says something runs the page anew: that is all it takes."""


def numbers(said: Any) -> np.ndarray:
    """Places `[n, 2]` that a browser says; none when it says nothing, or something odd."""
    try:
        found = np.array(said, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        return np.zeros((0, 2))
    return found[:CORNERS] if np.isfinite(found).all() else np.zeros((0, 2))


def by_hand(run: Trained, places: Places) -> np.ndarray:
    """The same without the browser's help: two sliders, and a picture when one is let go; gives the place `[2]`."""
    from ui.widgets import charts  # not above: the first screen does without

    left, right = st.columns([3, 2], gap="large")
    with left:
        chart = charts.scatter(places.shown, *_named_points(run), frame.colours(), places.plane.names, 460)
        frame.draw(chart, key="pad-chart")
    with right:
        point = np.zeros(2)
        for at, (name, (low, high)) in enumerate(zip(places.plane.names, places.head["span"], strict=True)):
            if name:
                point[at] = st.slider(name, low, high, (low + high) / 2, (high - low) / 200, format="%.2f")
        images.single(run.pictures(places.plane.lift(point[None]))[0], "The picture decoded there", "Decoded", 240)
    return point


def _named_points(run: Trained) -> tuple[np.ndarray, tuple[str, ...]]:
    return frame.test_set(run).labels, run.card.classes


def nearby(run: Trained, test: Split, places: Places, point: np.ndarray) -> None:
    """The test pictures whose codes lie nearest to a place, and how far away."""
    code = places.plane.lift(point[None])[0]
    rows, distances = latent_space.nearest(shared.codes(run), code, NEAR)
    here = ", ".join(f"{name} {value:.2f}" for name, value in zip(places.plane.names, point, strict=True) if name)
    here = here.replace("-", "\u2212")
    st.header("The nearest test pictures")
    st.caption(
        f"Nearest to the point at {here}, with the distance of each code; a test picture's nearest neighbour is "
        f"usually {places.head['typical']:.2g} away."
    )
    _pairs(run, test, rows, [f"{distance:.2f} away" for distance in distances])


def lassoed(run: Trained, test: Split, places: Places, corners: np.ndarray) -> None:
    """Some of the test pictures inside a lasso; without one, how to draw it."""
    if not len(corners):
        return
    st.header("In the lasso")
    rows = np.flatnonzero(latent_space.inside(places.shown, corners))
    if not len(rows):
        st.info("No test picture has its code in there: draw the lasso around some points.", icon=":material/gesture:")
        return
    counts = np.bincount(test.labels[rows], minlength=len(run.card.classes))
    order = [int(label) for label in np.argsort(-counts, kind="stable") if counts[label]]
    mix = ", ".join(f"{run.card.classes[label]}: {counts[label]:,}" for label in order)
    shown = rows[np.unique(np.linspace(0, len(rows) - 1, LASSOED).astype(int))]
    some = f" {len(shown)} of them:" if len(shown) < len(rows) else ""
    st.caption(f"{len(rows):,} of {len(test):,} test pictures ({mix}).{some}")
    _pairs(run, test, shown)


def _pairs(run: Trained, test: Split, rows: np.ndarray, words: list[str] | None = None) -> None:
    """Test pictures and below each what the model makes of it, eight side by side."""
    x, labels = test.floats(rows), test.labels[rows]
    redrawn = None if test.drawn else run.reconstruct(x, labels)
    names = [run.card.classes[label] for label in labels]
    for start in range(0, len(rows), NEAR):
        part = slice(start, start + NEAR)
        alt = [f"{name}, test picture {row}" for name, row in zip(names[part], rows[part], strict=True)]
        under = words[part] if words else [""] * len(alt)
        captions = [", ".join(filter(None, pair)) for pair in zip(names[part], under, strict=True)]
        # what stands in for test pictures is drawn from their codes already: once more would show nothing new
        named = {"Drawn from their codes": x[part]}
        if redrawn is not None:
            named = {"Test picture": x[part], "Reconstruction": redrawn[part]}
        images.rows(named, alt, captions, 84)


def sheet(model: str, run: Trained) -> None:
    """A sheet to draw on, and what the model makes of the drawing at every movement. Nothing comes back."""
    two = shared.codes(run).shape[1] < 3
    places = frame.attempt(shared.places, run, (0, 1) if two else None)
    usual = np.quantile(shared.errors(run), (0.5, 0.9, 0.99)).tolist()
    given = _sent(places, run) | hand(run.card) | {"errors": usual}
    live.view("draw", model, f"draw-{_named(places, run)}", given)
    if places.plane.explained:
        share = f"{sum(places.plane.explained):.0%}"
        st.caption(f"The map is the plane of the first two principal components: {share} of the variance of the codes.")


def hand(card: Card) -> dict[str, Any]:
    """What static/live/ink.js makes a drawing into a picture of the data set's with, and the `pen` that comes near."""
    fit, pen = _FITS.get(card.name, (None, _AS_DRAWN))
    return {"fit": fit, "pen": pen, "bits": _counts_bits(card)}


def _counts_bits(card: Card) -> bool:
    """Whether the data set's gray is a count of the dots that are white in a finer black and white bitmap."""
    return card.levels == 16


def known(run: Trained) -> None:
    """What the model has learnt from: some pictures of its kind, for whoever wonders what to draw."""
    test = shared.held_out(run)
    some, like = shared.some(test), "what it makes of some of them" if test.drawn else "like these test pictures"
    st.caption(f"This model has only ever seen {run.card.knows}: {like}.")
    images.rows({"": some}, [f"A picture of {run.card.title}"] * len(some), size=56)
