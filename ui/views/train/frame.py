"""What a run makes of the test images: manifold, map, reconstructions and losses, within one screen."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.analysis.diagnosis import doctor as troubles
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.store import history, previews, runs, snapshots
from aecore.store.run_info import RunInfo
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views import diagnosis, training_history
from ui.widgets import charts, images
from ui.widgets.display import class_colours, show_chart

MAX_POINTS = 1000  # of the map: more take the browser too long to draw again while it moves
HEIGHT = 250  # CSS pixels of manifold, map and losses: all three within a window of 720


def frame() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Where the maps and the losses stand side by side; the maps on a phone too."""
    left, right = st.columns([3, 2])
    return left.container(key="ae-live-maps"), right


def maps(entry: RunInfo) -> None:
    """The latest look at the test images: the grid of images decoded from their plane, and their map."""
    taken = snapshots.epochs(entry.id)
    found = snapshots.load(entry.id, taken[-1]) if taken and entry.config else None
    if not found or not entry.config:
        if entry.active:
            st.caption("Manifold and map come with the first look at the test images.")
        return
    snapshot, card = found[0], CARDS[entry.config.dataset]
    points = snapshot.points[:MAX_POINTS].astype("float32")
    unit = "epoch" if snapshot.epoch == 1 else "epochs"
    when = f"after {snapshot.epoch} {unit}" if snapshot.epoch else "before training"
    manifold, latent_map = st.columns(2)
    with manifold:
        st.caption(f"Manifold {when}")
        n, names = len(snapshot.x), " and ".join(filter(None, snapshot.axis_names))
        images.full_width(
            charts.grid_png(snapshot.manifold / 255, n), f"Manifold {when}: {n} x {n} codes over {names}, decoded."
        )
    if datasets.is_available(entry.config.dataset):
        labels = or_stop(datasets.load, entry.config.dataset).test.y[: len(points)]
        with latent_map:
            st.caption(f"Codes of {len(labels):,} test images")
            chart = charts.scatter(
                points, labels, card.classes, class_colours(), snapshot.axis_names, HEIGHT, legend=False
            )
            show_chart(chart, key=f"live-map-{entry.id}")


def curves(entry: RunInfo, height: int | None = None) -> None:
    """The losses of every epoch until now, and what their total leaves out; small with a `height`."""
    if trouble := history.history_error(entry.id):
        st.warning(trouble, icon=":material/broken_image:")
    epochs = history.history(entry.id)
    if not epochs or entry.config is None:
        return
    own = training_history.objective_terms(entry.config)
    if height:
        st.caption("Loss, nats per image: lines validation, dots training")
    show_chart(charts.loss_curves(epochs, class_colours(), own, height), key=f"curves-{entry.id}-{height}")
    if height:
        return
    if others := [part for part in epochs[-1]["validation"] if part not in own]:
        apart = f"{', '.join(map(escape, others))}, {'an objective' if len(others) == 1 else 'objectives'} of its own"
        st.caption(f"total: {' + '.join(own)}, which the model minimises. Outside it: {apart}.")


def preview_strip(run: str) -> None:
    try:
        strip = previews.read_png(runs.path(run) / "preview.png")
    except UserError as error:
        st.caption(escape(error))
        return
    if not strip:
        return
    st.caption(
        "Validation images and their reconstructions: below each what the model decodes from its code (between, the "
        "corrupted input)."
    )
    images.full_width(strip, f"Validation images above their reconstructions by {run}.")


def findings(entry: RunInfo) -> None:
    """What the doctor finds so far; nothing while all is well."""
    case = troubles.evidence_of(entry)
    if found := troubles.diagnose(case):
        diagnosis.show_findings(case, found)
