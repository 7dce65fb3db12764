"""A scratch on an image: painted with a brush, while the reconstruction, the errors and the score follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.export import packing
from ui.run_data import detectors
from ui.run_data.selected import require_test_split
from ui.session.address import link
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.widgets import component, live, pickers, sample_images, view_state
from ui.widgets.sketch import parse_image

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split
    from ui.views.anomalies.found import Found

LEAD = (
    "Paint a scratch onto a normal image and look where the squared error grows. The model has never seen a scratch; "
    "**nothing forces it to fail at one all the same**: what it has room for, it draws."
)
SCORE = "reconstruction"  # what the browser computes
LEVEL = 0.99  # of the normal validation samples are no alarm, where the page goes by another score
N_FOR_TONE, DARK = 200, 0.35  # images, and their mean brightness, below which a dark brush would hardly be seen
MAX_CALIBRATION = 500  # scores that the browser gets: quantiles of more


@st.fragment  # another image needs nothing of the page
def scratch(run: LoadedModel, found: Found) -> None:
    """A test image to paint on, and what the model makes of it at every movement; for models of images."""
    if not sample_images.is_image(run.card):
        st.info(
            f"Scratches are for images, and this model knows {escape(run.card.short_description)}.",
            icon=":material/brush:",
        )
        link("train", "Train one on surfaces", dataset="textures", family="vanilla", normal="0")
        return
    st.markdown(LEAD)
    test = require_test_split(run)
    normal = run.config.normal or range(len(run.card.classes))
    start = int(np.flatnonzero(np.isin(test.y, normal))[0])
    x = pickers.image_picker("Image", "scratch", test, run.card, start=start)
    key = live.send_model(run)
    if x is None:
        st.info(pickers.NO_IMAGE, icon=":material/draw:")
        return
    cut, name = _cut(run, found)
    calibration = or_stop(detectors.scored, run, SCORE, found.dataset, found.false_alarms).calibration
    readers = {"brush": view_state.in_range(1, low=2, high=25), "tone": view_state.one_of("dark", "light")}
    view_state.address_state("scratch", readers)
    painted = live.view(
        "scratch", key, "scratch-view",
        _payload(x, calibration, cut, name, _usual_error(run, found)) 
        | {"shape": list(run.card.shape), "tone": _usual_tone(test)},
        on_change={"image": lambda: None},  # that it runs this part anew is all it takes
    )  # fmt: skip
    if key is None:
        _on_the_server(run, x, parse_image(painted.image, run.card.shape), cut, name, calibration)
    st.caption(
        "The score is the mean squared error over all pixels: a scratch of few pixels moves it little, however plain "
        "the heat map shows it. The score Worst neighbourhood is made for that."
    )


def _cut(run: LoadedModel, found: Found) -> tuple[float, str]:
    """Above which reconstruction error there is an alarm, and what that is called: the threshold of the page, where it
    goes by that score, or else one of its own."""
    if found.score == SCORE:
        return found.threshold.cut, "threshold"
    calibration = or_stop(detectors.scored, run, SCORE, found.dataset, found.false_alarms).calibration
    return float(np.quantile(calibration, LEVEL, method="inverted_cdf")), f"{LEVEL:.0%} of normal images stay below"


def _usual_tone(test: Split) -> str:
    """The tone of the brush at first: what is seen on most images."""
    return "light" if test.head(N_FOR_TONE).to_float().mean() < DARK else "dark"


def _usual_error(run: LoadedModel, found: Found) -> float:
    return or_stop(detectors.normal_errors, run, found.dataset, found.false_alarms).error or 1.0


def _payload(x: np.ndarray, calibration: np.ndarray, cut: float, name: str, usual_error: float) -> dict[str, Any]:
    """What static/views/scratch/scratch.js reads."""
    rising = np.sort(calibration)
    if len(rising) > MAX_CALIBRATION:
        rising = np.quantile(rising, np.linspace(0, 1, MAX_CALIBRATION))
    arrays = {"image": np.nan_to_num(x).astype(np.float32), "calibration": rising.astype(np.float32)}
    pieces, blob = packing.pack(arrays)
    return {
        "pieces": pieces,
        "blob": component.blob(blob),
        "cut": min(max(cut, -1e30), 1e30),  # JSON has no infinity
        "cut_name": name,
        "usual_error": usual_error,
    }


def _on_the_server(
    run: LoadedModel, x: np.ndarray, painted: np.ndarray | None, cut: float, name: str, calibration: np.ndarray
) -> None:
    """The same for a model that the browser cannot compute, once the brush is lifted."""
    shown = x if painted is None else painted
    made = run.reconstruct(shown[None])
    score = float(np.square(shown - made[0]).mean())
    alarm, share = score > cut, float((calibration < score).mean())
    st.markdown(
        f"**{'Alarm' if alarm else 'No alarm'}.** Mean squared error {score:.4f}; {name} {cut:.4f}. Higher than "
        f"{share:.1%} of normal validation images."
    )
    names = ["The image as it is" if painted is None else "The painted image", "Reconstruction"]
    sample_images.rows(run.card.modality, {"": np.stack([shown, made[0]])}, names, names, size=260,
                       differences={"Error": (shown[None], made)})  # fmt: skip
