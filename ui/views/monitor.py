"""The monitor: a run as it trains, read from its folder. Refresh, a second tab or a second person see the same."""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import streamlit as st

from aecore.analysis.diagnosis import doctor as troubles
from aecore.config import Config
from aecore.data import datasets
from aecore.data import images as pictures
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.jobs import api
from aecore.store import queue, runs, snapshots
from ui import frame
from ui.session import cache, identity
from ui.session.text import escape
from ui.views import diagnosis
from ui.widgets import charts, images

PERIOD = 0.2  # seconds between two looks at the folder
SLOWLY = 1.0  # seconds between two looks at the map
POINTS = 1000  # of the map while it moves: more take the browser too long to draw again


def monitor(run: str) -> None:
    """Shows where a run stands, and keeps showing it while it moves."""
    entry = frame.attempt(runs.entry, run)
    if entry.moving:
        st.fragment(_moving, run_every=PERIOD)(run)
        st.fragment(_growing, run_every=SLOWLY)(run)
    else:
        _ended(entry)
        _curves(entry)
        _download(entry)
        _strip(run)


# --- While it moves ---------------------------------------------------------------------------------------------------


def _moving(run: str) -> None:
    entry = frame.attempt(runs.entry, run)
    if not entry.moving:
        st.rerun()
    if entry.state == "waiting":
        st.progress(entry.progress.get("fraction", 0.0), waiting(run))
    elif "seconds" not in entry.progress:
        st.progress(0.0, "Getting the data and the network ready ...")
    else:
        _progress(entry.progress)
    if entry.reason:
        st.info(escape(entry.reason), icon=":material/healing:")
    _orders(run)
    _troubles(entry)
    _curves(entry)
    _strip(run)


def _troubles(entry: runs.Entry) -> None:
    """What the doctor finds so far; nothing while all is well."""
    case = troubles.of(entry)
    if found := troubles.diagnose(case):
        diagnosis.findings(case, found)


def waiting(run: str) -> str:
    """Where a waiting run stands in the queue, in words."""
    place = api.place(run)
    if not place.before:
        return "Starting ..."
    words = f"Waiting: {place.before} before {'it' if place.before > 1 else 'it, which is training'}"
    return words + (f", about {duration(place.seconds)}" if place.seconds else "")


def _progress(progress: Mapping[str, Any]) -> None:
    epoch, epochs = min(progress["epoch"] + 1, progress["epochs"]), progress["epochs"]
    words = (
        f"epoch {epoch} of {epochs} · step {progress['step']:,} of {progress['steps']:,} · "
        f"{duration(progress['seconds_left'])} left · {progress['pictures_per_second']:,.0f} pictures/s"
    )
    st.progress(min(1.0, progress["fraction"]), words)
    parts = ", ".join(f"{escape(name)} {value:.2f}" for name, value in progress["train"].items())
    st.caption(
        f"In this epoch, training pictures, nats per picture: {parts} · length of the gradient "
        f"{progress['gradient']:.3g}"
    )


def _orders(run: str) -> None:
    """Pause and stop, for those who asked for the run."""
    wanted, me = queue.wanted_by(run), identity.me()
    others = [person for person in wanted if person != me]
    if wanted and me not in wanted:
        st.caption(f"{_asked(others)} asked for this run. You can watch it.")
        if st.button("I want it too", icon=":material/group_add:", key=f"join-{run}"):
            entry = runs.entry(run)
            if entry.config:
                api.submit(entry.config, person=me)
    elif others:
        st.caption(f"{_asked(others)} asked for this run too: it goes on when you leave it.")
        if st.button("Leave it to them", icon=":material/logout:", key=f"leave-{run}"):
            frame.attempt(api.cancel, run, me)
    else:
        with st.container(horizontal=True):
            if st.button("Pause", icon=":material/pause:", key=f"pause-{run}"):
                frame.attempt(api.cancel, run, me, "pause")
            if st.button("Stop", icon=":material/stop_circle:", key=f"stop-{run}"):
                frame.attempt(api.cancel, run, me)


def _asked(others: list[str]) -> str:
    """Other people, in words."""
    if len(others) == 1:
        return escape(queue.called(others[0])) or "Somebody else"
    return f"{len(others)} other people"


def _growing(run: str) -> None:
    """The latest look at the test pictures: their map, and the grid of pictures over it."""
    taken = snapshots.epochs(run)
    entry = frame.attempt(runs.entry, run)
    if not taken or not entry.config or not entry.moving:
        return
    found = snapshots.load(run, taken[-1])
    if found:
        _look(found[0], entry.config)


def _look(seen: snapshots.Snapshot, config: Config) -> None:
    card, points = CARDS[config.dataset], seen.points[:POINTS].astype("float32")
    labels = frame.attempt(datasets.load, config.dataset).test.labels[: len(points)]
    left, right = st.columns(2)
    with left:
        st.caption(f"The latent space, decoded, after {seen.epoch} epochs")
        laid = charts.laid(seen.manifold / 255, len(seen.x))
        frame.draw(charts.mosaic(laid, seen.x, seen.y, seen.names, 360), key="growing-mosaic")
    with right:
        st.caption(f"{len(labels):,} test pictures on the same plane")
        frame.draw(charts.scatter(points, labels, card.classes, frame.colours(), seen.names, 360), key="growing-map")


# --- When it has come to rest -----------------------------------------------------------------------------------------


def _ended(entry: runs.Entry) -> None:
    if entry.finished:
        _finished(entry)
    elif entry.config is None:
        st.error(f"{escape(entry.id)} is broken: {escape(entry.reason)}", icon=":material/broken_image:")
    else:
        shown = st.error if entry.state == "failed" else st.info
        shown(escape(entry.reason), icon=":material/error:" if entry.state == "failed" else ":material/pause_circle:")
        if entry.log:
            with st.expander("What its process printed last"):
                st.code(entry.log, language=None, wrap_lines=True)
        _troubles(entry)
        with st.container(horizontal=True):
            _again(entry, entry.config)


def _again(entry: runs.Entry, config: Config) -> None:
    words = "Resume" if entry.kept else "Train again"
    if st.button(words, icon=":material/play_arrow:", type="primary"):
        _submit(config)
    if entry.offer and st.button("Train on the CPU instead", icon=":material/memory:"):
        _submit(config, entry.offer)


def _submit(config: Config, device: str | None = None) -> None:
    frame.attempt(_begin, config, device)
    st.rerun()


def _begin(config: Config, device: str | None = None) -> None:
    """Has a run trained; TooLarge when this computer has no memory for it, which may be another than it began on."""
    from aecore.models.families.build import settle  # torch comes with it

    settle(config)
    api.submit(config, device, identity.me())


def _finished(entry: runs.Entry) -> None:
    result, config = entry.result, entry.config
    assert config
    parts = charged(config)
    st.success(f"Trained in {result['seconds']:.1f} s on {escape(result['device'])}.", icon=":material/check_circle:")
    frame.figures(
        (
            "Test loss",
            f"{sum(nats for part, nats in result['test'].items() if part in parts):.2f}",
            f"Nats per picture: {' + '.join(parts)}.",
        ),
        (
            "Squared error",
            f"{result['mse']:.4f}",
            "Per pixel, on the test pictures; black to white is 1.",
        ),
        ("Parameters", f"{result['parameters']:,}", "Numbers that training set."),
        ("Seed", str(config.seed), "Same seed and settings, same weights."),
    )
    _troubles(entry)
    with st.container(horizontal=True):
        frame.doors(entry.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        _further(config)
        frame.link("pages/train.py", "Change settings, keep its weights", run=entry.id, parent=entry.id)


def _further(config: Config) -> None:
    """More epochs for a finished run: a new one that starts from its weights."""
    with st.popover("Train further", icon=":material/fast_forward:"):
        epochs = st.number_input("More epochs", 1, 1000, config.epochs, key="further")
        st.caption("A new run with the same settings starts from these weights; this one stays as it is.")
        if st.button("Start", type="primary", key="further-start"):
            longer = dataclasses.replace(config, epochs=int(epochs), parent=config.id)
            frame.attempt(_begin, longer)
            frame.choose(longer.id)


# --- Both -------------------------------------------------------------------------------------------------------------


def charged(config: Config) -> tuple[str, ...]:
    """The parts of the loss that a run's model itself minimises, in its last stage: their sum is its total. An
    adversary's and an earlier stage's are losses of their own."""
    return _charged(config.id, config)


@cache.kept(max_entries=256)
def _charged(run: str, _config: Config) -> tuple[str, ...]:
    from aecore.content import formulas  # torch comes with it

    own = [player for player in formulas.players(_config) if player.model and not player.over]
    return tuple(part for player in own for part in player.parts)


def _curves(entry: runs.Entry) -> None:
    """The losses of every epoch until now, and what their total leaves out."""
    if trouble := runs.history_trouble(entry.id):
        st.warning(trouble, icon=":material/broken_image:")
    history = runs.history(entry.id)
    if not history or entry.config is None:
        return
    own = charged(entry.config)
    frame.draw(charts.curves(history, frame.colours(), own), key=f"curves-{entry.id}")
    if others := [part for part in history[-1]["validation"] if part not in own]:
        apart = f"{', '.join(map(escape, others))}, {'an objective' if len(others) == 1 else 'objectives'} of its own"
        st.caption(f"total: {' + '.join(own)}, which the model minimises. Outside it: {apart}.")


def _download(entry: runs.Entry) -> None:
    """The losses of every epoch as a file."""
    history = runs.history(entry.id)
    if not history or entry.config is None:
        return
    own = charged(entry.config)
    st.download_button(
        "CSV",
        lambda: table(history, own),
        f"{entry.id}.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
        help="The losses of every epoch, nats per picture.",
    )


def table(history: Sequence[Mapping[str, Any]], own: Collection[str]) -> str:
    """A history as CSV, a line an epoch: of the training and the validation pictures each part of the loss, and the
    total of the parts that are the model's `own`. Empty where a stage does not charge a part."""
    columns = [
        (split, part)
        for split in ("train", "validation")
        for part in [*dict.fromkeys(part for line in history for part in line[split]), charts.TOTAL]
    ]
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(["epoch", "seconds", *(f"{split}_{part}".replace(" ", "_") for split, part in columns)])
    for line in history:
        nats = [charts.nats_of(line[split], part, own) for split, part in columns]
        lines.writerow([line["epoch"], line["seconds"], *nats])
    return text.getvalue()


def _strip(run: str) -> None:
    try:
        strip = pictures.stored(runs.path(run) / "strip.png")
    except UserError as error:
        st.caption(escape(error))
        return
    if not strip:
        return
    st.caption("Held-out pictures, and below each what the model draws from its code (between: what it was given).")
    images.strip(strip, f"Held-out pictures above their reconstructions by {run}.")


def duration(seconds: float) -> str:
    """Seconds in words, in the unit that fits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
