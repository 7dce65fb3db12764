"""The detector taken away: what is in its folder, its card, the archive, and the commands that make and use it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from aecore.errors import UserError
from aecore.export.folder import zip_archive
from ui.run_data import detectors, models
from ui.session.text import escape
from ui.widgets import glossary

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.thresholds import Rule
    from aecore.content.detector_card import ChosenDetector
    from ui.views.anomalies.found import Found

EXPLANATION = (
    "The detector as one folder, which scores {many} on another computer with NumPy and ONNX Runtime alone: nothing of "
    "this laboratory is needed there."
)
FILES = """
- `encoder.onnx` and `decoder.onnx`: the network{more}
- `detector.json`: the threshold, the scores of the calibration {many}, and how {many} are read
- `detect.py`, with three modules: scores files, writes p-values and alarms; `requirements.txt`: what it needs
- `README.md`: the card, with what normal was and its figures beside those of the rivals
"""
MORE = {
    "likelihood": ", and `score.onnx`, which computes the likelihood",
    "kl": ", and `score.onnx`, which computes the divergence",
    "knn-codes": ", and `codes.npy`, the codes of training {many}",
    "mahalanobis-codes": ", and the mean and the precision matrix of the codes as `.npy`",
}
FOLDER = "detector"


def take_away(run: LoadedModel, found: Found) -> None:
    """Offers the detector as a folder; where it cannot be one, says why."""
    noun = run.card.modality.noun
    said = EXPLANATION.format(many=noun.many)
    st.markdown(said)
    glossary.show_terms(said)
    if why := _obstacle(run, found.score):
        st.info(escape(why), icon=":material/block:")
        return
    st.markdown(FILES.format(many=noun.many, more=MORE.get(found.score, "").format(many=noun.many)))
    _say_what_differs(run, found)
    _download(run, found)
    st.caption("The same from the command line:")
    st.code(_chosen(found).command(FOLDER), language="shell", wrap_lines=True)
    st.caption("In the folder, on any computer with Python:")
    st.code(_usage(run), language="shell", wrap_lines=True)
    with st.expander("Card", key="detector-card", on_change="rerun") as card:
        if card.open:
            st.code(_card(found), language="markdown", wrap_lines=True, height=400)


def _obstacle(run: LoadedModel, score: str) -> str:
    """Why the detector cannot be taken away: one sentence; empty where it can."""
    from aecore.content import detector_folder
    from aecore.content.downloads import MAX_BYTES

    if run.stopped_after is not None:
        return "A detector can be taken away when its training is finished."
    try:
        detector_folder.check(run, score, MAX_BYTES)
    except UserError as error:
        return str(error)
    return ""


def _chosen(found: Found) -> ChosenDetector:
    from aecore.content.detector_card import ChosenDetector

    return ChosenDetector(found.detector, found.score, found.rule, found.base_rate, found.dataset, found.false_alarms)


def _say_what_differs(run: LoadedModel, found: Found) -> None:
    """Where the page shows another threshold than the folder has."""
    of_rule = found.detector.threshold(found.score, found.rule, found.base_rate)
    if of_rule.cut != found.threshold.cut:
        st.caption(
            f":material/info: The folder has the threshold of the rule, {of_rule.cut:.4g}, which no test sample has "
            "set. For the one set by hand change `cut` in `detector.json`."
        )
    if found.rule.name == "fdr":
        st.caption(
            f":material/info: Under a false discovery rate the {run.card.modality.noun.many} of one call decide "
            "together, so that the same one may be an alarm in one call and none in another."
        )


def _download(run: LoadedModel, found: Found) -> None:
    rule = (found.rule, found.base_rate)
    name = f"{run.id}-{found.score}.zip"
    st.download_button(
        "Download the folder",
        partial(_content, run.id, run.result["created"], found.score, *rule, found.dataset, found.false_alarms),
        name,
        "application/zip",
        key="take-away",
        icon=":material/download:",
        on_click="ignore",
        help=f"{name}; it is written and tried when you press, which takes about ten seconds.",
    )


def _content(
    run_id: str, created: float, score: str, rule: Rule, base_rate: float, dataset: str, false_alarms: tuple[int, ...]
) -> bytes:
    """Asks for the detector anew: what waits to be asked for must not keep one in memory."""
    from aecore.content.detector_card import ChosenDetector
    from aecore.content.detector_folder import contents

    detector = detectors.detector(models.load_model(run_id, created), dataset, false_alarms)
    return zip_archive(contents(ChosenDetector(detector, score, rule, base_rate, dataset, false_alarms)))


def _usage(run: LoadedModel) -> str:
    from aecore.content.detector_card import example

    return "\n".join(
        (
            "python -m pip install -r requirements.txt",
            f"python detect.py {example(run)} --out scores.csv  # file, row, score, p_value, alarm",
        )
    )


def _card(found: Found) -> str:
    from aecore.content.detector_card import readme

    return readme(_chosen(found))
