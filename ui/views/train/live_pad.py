"""What a model makes of some test samples by now, drawn in the browser while it learns: their codes, with what it
decodes under the pointer; of points also the plane on which they lie, with the field of its reconstruction.

While a run trains its worker says what to show (aecore/jobs/live.py); a model whose training has ended is shown by the
same views. Where a browser cannot decode it, the map is an image.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import streamlit as st

from aecore import files
from aecore.data import datasets
from aecore.data.cards import CARDS, DatasetCard
from aecore.data.modalities import Points
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
FIELD_MEANING = (
    "Every place of the plane is a point that the model can be given. Arrows point from it to its reconstruction, long "
    "ones cut short; the greyer the ground, the farther away that is. Distances are in standard deviations of the data."
)


def live_pad(entry: RunInfo) -> None:
    """Shows what the newest decoder of a run draws under the pointer; where there is none, the codes at the latest
    look."""
    given = _newest(entry)
    if given is None:
        snapshot_view.latent_map(entry)
        return
    st.caption("Latent map, decoded live", help=MEANING.format(selected.noun_of(entry).one))
    live.view("live_pad", None, f"live-pad-{entry.id}", given["pad"])


def live_plane(entry: RunInfo) -> None:
    """Shows the plane of a run of points as its newest weights move it; of other runs, and where there are no weights,
    the manifold at the latest look."""
    given = _newest(entry) if snapshot_view.has_plane(entry) else None
    if given is None or "plane" not in given:
        snapshot_view.manifold(entry)
        return
    st.caption("Reconstruction field", help=FIELD_MEANING)
    live.view("live_plane", None, f"live-plane-{entry.id}", given["plane"])


def _newest(entry: RunInfo) -> dict[str, Any] | None:
    """What the views are given of the newest weights of a run, by name; None where there are none, or none that can be
    shown."""
    return _while_training(entry) if entry.active else _at_rest(entry)


def _while_training(entry: RunInfo) -> dict[str, Any] | None:
    place = runs.path(entry.id)
    live_program.watch(place)
    stamp = files.file_stamp(place / runs.LIVE_FILE)
    return _payload(entry.id, stamp, entry.config.dataset) if stamp and entry.config else None


# Asked for twice a second by everybody who watches, and the same until there are newer weights
@cache.cached(max_entries=4)
def _payload(run: str, stamp: files.Stamp, dataset: str) -> dict[str, Any] | None:
    found = live_program.load_live(runs.path(run))
    return _packed(found, CARDS[dataset]) if found else None


def _packed(program: LiveProgram, card: DatasetCard) -> dict[str, Any]:
    packed = {"pad": live_program.pack(program, card.classes)}
    if found := program.reconstruction:
        names = cast(Points, card.modality).names
        packed["plane"] = live_program.pack_reconstruction(found, program.labels, program.epoch, card.classes, names)
    return {name: {"head": head, "blob": component.blob(content)} for name, (head, content) in packed.items()}


def _at_rest(entry: RunInfo) -> dict[str, Any] | None:
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
        return _packed(capture(run, datasets.load(run.config.dataset).test, epochs, before), run.card)
    except UnsupportedLayer:
        return None
