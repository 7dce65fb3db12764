"""The live pad: the codes of some test samples while a model learns, and what it decodes under the pointer by now.

While a run trains its worker says what to show (aecore/jobs/live.py); a model whose training has ended is shown by the
same view. Where a browser cannot decode it, the map is an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore import files
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.export import live_program
from aecore.store import history, runs, snapshots
from aecore.store.run_info import RunInfo
from ui.run_data import models, selected
from ui.run_data.per_run import per_run
from ui.session import cache
from ui.views.train import snapshot_view
from ui.widgets import component, live

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.live_program import LiveProgram

MEANING = "Move or drag over the map: the decoder draws what it has learnt so far. Each point is the code of a test {}."


def live_pad(entry: RunInfo) -> None:
    """Shows what the newest decoder of a run draws under the pointer; where there is none, the codes at the latest
    look."""
    given = _while_training(entry) if entry.active else _at_rest(entry)
    if given is None:
        snapshot_view.latent_map(entry)
        return
    st.caption("Latent map, decoded live", help=MEANING.format(selected.noun_of(entry).one))
    live.view("live_pad", None, f"live-pad-{entry.id}", given)


def _while_training(entry: RunInfo) -> dict[str, Any] | None:
    """What the view is given of the newest weights of a training; None where there are none."""
    place = runs.path(entry.id)
    live_program.watch(place)
    stamp = files.file_stamp(place / runs.LIVE_FILE)
    return _payload(entry.id, stamp, entry.config.dataset) if stamp and entry.config else None


# Asked for twice a second by everybody who watches, and the same until there are newer weights
@cache.cached(max_entries=4)
def _payload(run: str, stamp: files.Stamp, dataset: str) -> dict[str, Any] | None:
    found = live_program.load_live(runs.path(run))
    return _packed(found, CARDS[dataset].classes) if found else None


def _packed(program: LiveProgram, classes: Sequence[str]) -> dict[str, Any]:
    head, content = live_program.pack(program, classes)
    return {"head": head, "blob": component.blob(content)}


def _at_rest(entry: RunInfo) -> dict[str, Any] | None:
    """The same of a model whose training has ended; None where it, or its data set, cannot be shown."""
    if not entry.explorable or entry.config is None or not datasets.is_available(entry.config.dataset):
        return None
    try:
        return _final_payload(models.load_model(entry.id, entry.created))
    except UserError:  # said where the run is opened
        return None


@per_run(max_entries=4)
def _final_payload(run: LoadedModel) -> dict[str, Any] | None:
    from aecore.export.compile_live import capture  # torch comes with it
    from aecore.export.program import UnsupportedLayer

    looks = snapshots.epochs(run.id)
    last = snapshots.load(run.id, looks[-1]) if looks else []
    before = last[0].points.astype(np.float32) if last else None
    epochs = run.stopped_after or max((line["epoch"] for line in history.history(run.id)), default=0)
    try:
        return _packed(capture(run, datasets.load(run.config.dataset).test, epochs, before), run.card.classes)
    except UnsupportedLayer:
        return None
