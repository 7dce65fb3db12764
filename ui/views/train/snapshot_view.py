"""What a run makes of the test samples: manifold, map, reconstructions and losses, within one screen."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.analysis.diagnosis import doctor as troubles
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.data.modalities import Image, Noun, Points
from aecore.errors import UserError
from aecore.store import history, previews, runs, snapshots
from aecore.store.run_info import RunInfo
from ui.run_data import selected
from ui.session import cache
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views import diagnosis, selection, training_history
from ui.widgets import charts, images, small_charts
from ui.widgets.display import class_colours, show_chart

MAX_POINTS = 1000  # of the map: more take the browser too long to draw again while it moves
MAP_HEIGHT, LOSS_HEIGHT = 230, 110  # CSS pixels: with the images below the losses all lie within a window of 720


def has_plane(entry: RunInfo) -> bool:
    """Whether the samples of a run are points, whose plane can be drawn whole."""
    card = CARDS.get(entry.config.dataset) if entry.config else None
    return card is not None and isinstance(card.modality, Points)


def columns(entry: RunInfo) -> tuple[DeltaGenerator, DeltaGenerator, DeltaGenerator]:
    """Where manifold, losses and map stand side by side; on a phone the map goes below the two (chrome.STYLE). A plane
    in the place of the manifold gets more room, and a phone's whole width."""
    plane = has_plane(entry)
    with st.container(key="ae-live-plane" if plane else "ae-live"):
        manifold, losses, latent_map = st.columns([3, 2, 2] if plane else [2, 3, 2])
    return manifold, losses, latent_map


def manifold(entry: RunInfo) -> None:
    """The grid of samples decoded from the plane of the codes, at the latest look."""
    if not (snapshot := _latest(entry)):
        if entry.active:
            st.caption(f"Manifold and map come with the first look at the test {_noun(entry).many}.")
        return
    unit = "epoch" if snapshot.epoch == 1 else "epochs"
    when = f"after {snapshot.epoch} {unit}" if snapshot.epoch else "before training"
    n, names = len(snapshot.x), " and ".join(filter(None, snapshot.axis_names))
    st.caption(f"Manifold {when}")
    images.full_width(
        _manifold_png(entry.id, snapshot.epoch, snapshot),
        f"Manifold {when}: {n} x {n} codes over {names}, decoded.",
        smooth=_noun(entry) != Image.noun,
    )


# Looked at twice a second by everybody who watches, and the same until the next snapshot
@cache.cached(max_entries=32)
def _manifold_png(run: str, epoch: int, _snapshot: snapshots.Snapshot) -> bytes:
    return charts.grid_png(_snapshot.manifold / 255, len(_snapshot.x))


def latent_map(entry: RunInfo) -> None:
    """The codes of the test images at the latest look."""
    snapshot = _latest(entry)
    if not snapshot or not entry.config or not datasets.is_available(entry.config.dataset):
        return
    st.caption(f"Codes of {min(MAX_POINTS, len(snapshot.points)):,} test {_noun(entry).many}")
    st.html(_map_html(entry.id, snapshot.epoch, class_colours(), snapshot, entry.config.dataset))


@cache.cached(max_entries=32)
def _map_html(run: str, epoch: int, colours: tuple[str, ...], _snapshot: snapshots.Snapshot, _dataset: str) -> str:
    points = _snapshot.points[:MAX_POINTS].astype("float32")
    labels = or_stop(datasets.load, _dataset).test.y[: len(points)]
    card = CARDS[_dataset]
    counts = selection.class_counts(card.classes, labels)
    coloured = f", coloured by class ({counts})" if counts else ""
    words = f"Map of the codes of {len(labels)} test {card.modality.noun.many}{coloured}."
    return small_charts.scatter_plot(points, labels, colours, MAP_HEIGHT, words)


def _noun(entry: RunInfo) -> Noun:
    return selected.noun_of(entry)


def _latest(entry: RunInfo) -> snapshots.Snapshot | None:
    taken = snapshots.epochs(entry.id)
    found = snapshots.load(entry.id, taken[-1]) if taken and entry.config else None
    return found[0] if found else None


def curves(entry: RunInfo) -> None:
    """The losses of every epoch until now, and what their total leaves out."""
    if trouble := history.history_error(entry.id):
        st.warning(trouble, icon=":material/broken_image:")
    epochs = history.history(entry.id)
    if not epochs or entry.config is None:
        return
    own = training_history.objective_terms(entry.config)
    show_chart(charts.loss_curves(epochs, class_colours(), own, _noun(entry).one), key=f"curves-{entry.id}")
    if others := [part for part in epochs[-1]["validation"] if part not in own]:
        apart = f"{', '.join(map(escape, others))}, {'an objective' if len(others) == 1 else 'objectives'} of its own"
        st.caption(f"total: {' + '.join(own)}, which the model minimises. Outside it: {apart}.")


def small_curves(entry: RunInfo) -> None:
    """The same losses, small."""
    epochs = history.history(entry.id)
    if not epochs or not entry.config:
        return
    own = training_history.objective_terms(entry.config)
    parts = [*epochs[-1]["validation"], *[charts.TOTAL] * (len(own) > 1)]

    def values(part: str, split: str) -> list[float | None]:
        return [charts.term_value(each[split], part, own) for each in epochs]

    lines = [
        small_charts.Line(part, colour, values(part, split), dotted=split == "train")
        for part, colour in zip(parts, class_colours(), strict=False)
        for split in ("train", "validation")
    ]
    first, last = epochs[0]["epoch"], epochs[-1]["epoch"]
    now = ", ".join(f"{part} {value:.1f}" for part, value in epochs[-1]["validation"].items())
    noun = _noun(entry).one
    st.caption(f"Loss in nats per {noun}, dotted in training")
    words = f"Validation loss from epoch {first} to {last}, nats per {noun}; now {now}."
    st.html(small_charts.line_chart(lines, first, last, LOSS_HEIGHT, words))


def preview_strip(entry: RunInfo) -> None:
    """Some validation samples above their reconstructions, while the run keeps them; not of points, whose plane shows
    them all."""
    if has_plane(entry):
        return
    noun = _noun(entry)
    try:
        strip = previews.read_png(runs.path(entry.id) / "preview.png")
    except UserError as error:
        st.caption(escape(error))
        return
    if not strip:
        return
    st.caption(
        f"Validation {noun.many} and reconstructions",
        help=f"Below each {noun.one} what the model decodes from its code; between, the corrupted input if there is "
        "one.",
    )
    words = f"Validation {noun.many} above their reconstructions by {entry.id}."
    images.full_width(strip, words, smooth=noun != Image.noun)


def findings(entry: RunInfo) -> None:
    """What the doctor finds so far; nothing while all is well."""
    case = troubles.evidence_of(entry)
    if found := troubles.diagnose(case):
        diagnosis.show_findings(case, found)
