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
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.jobs import api
from aecore.store import previews, queue, runs, snapshots
from ui import frame
from ui.session import cache, identity
from ui.session.text import escape
from ui.views import diagnosis
from ui.widgets import charts, images

POLL = 0.2  # seconds between two looks at the folder
MAP_POLL = 1.0  # seconds between two looks at the map
MAX_POINTS = 1000  # of the map while it moves: more take the browser too long to draw again


def monitor(run: str) -> None:
    """Shows where a run stands, and keeps showing it while it moves."""
    entry = frame.or_stop(runs.entry, run)
    if entry.active:
        st.fragment(_live_progress, run_every=POLL)(run)
        st.fragment(_live_maps, run_every=MAP_POLL)(run)
    else:
        _final_state(entry)
        _curves(entry)
        _csv_button(entry)
        _preview_strip(run)


# --- While it moves ---------------------------------------------------------------------------------------------------


def _live_progress(run: str) -> None:
    entry = frame.or_stop(runs.entry, run)
    if not entry.active:
        st.rerun()
    if entry.state == "waiting":
        st.progress(entry.progress.get("fraction", 0.0), queue_text(run))
    elif "seconds" not in entry.progress:
        st.progress(0.0, "Getting the data and the network ready ...")
    else:
        _progress(entry.progress)
    if entry.message:
        st.info(escape(entry.message), icon=":material/healing:")
    _run_controls(run)
    _show_findings(entry)
    _curves(entry)
    _preview_strip(run)


def _show_findings(entry: runs.RunInfo) -> None:
    """What the doctor finds so far; nothing while all is well."""
    case = troubles.evidence_of(entry)
    if found := troubles.diagnose(case):
        diagnosis.show_findings(case, found)


def queue_text(run: str) -> str:
    """Where a waiting run stands in the queue, in words."""
    place = api.queue_position(run)
    if not place.ahead:
        return "Starting ..."
    words = f"Waiting: {place.ahead} before {'it' if place.ahead > 1 else 'it, which is training'}"
    return words + (f", about {duration(place.seconds)}" if place.seconds else "")


def _progress(progress: Mapping[str, Any]) -> None:
    epoch, epochs = min(progress["epoch"] + 1, progress["epochs"]), progress["epochs"]
    words = (
        f"epoch {epoch} of {epochs} · step {progress['step']:,} of {progress['steps']:,} · "
        f"{duration(progress['seconds_left'])} left · {progress['samples_per_second']:,.0f} pictures/s"
    )
    st.progress(min(1.0, progress["fraction"]), words)
    parts = ", ".join(f"{escape(name)} {value:.2f}" for name, value in progress["train"].items())
    st.caption(
        f"In this epoch, training pictures, nats per picture: {parts} · length of the gradient "
        f"{progress['grad_norm']:.3g}"
    )


def _run_controls(run: str) -> None:
    """Pause and stop, for those who asked for the run."""
    wanted, me = queue.requesters(run), identity.current_user()
    others = [person for person in wanted if person != me]
    if wanted and me not in wanted:
        st.caption(f"{_requesters_text(others)} asked for this run. You can watch it.")
        if st.button("I want it too", icon=":material/group_add:", key=f"join-{run}"):
            entry = runs.entry(run)
            if entry.config:
                api.submit(entry.config, user=me)
    elif others:
        st.caption(f"{_requesters_text(others)} asked for this run too: it goes on when you leave it.")
        if st.button("Leave it to them", icon=":material/logout:", key=f"leave-{run}"):
            frame.or_stop(api.cancel, run, me)
    else:
        with st.container(horizontal=True):
            if st.button("Pause", icon=":material/pause:", key=f"pause-{run}"):
                frame.or_stop(api.cancel, run, me, "pause")
            if st.button("Stop", icon=":material/stop_circle:", key=f"stop-{run}"):
                frame.or_stop(api.cancel, run, me)


def _requesters_text(others: list[str]) -> str:
    """Other people, in words."""
    if len(others) == 1:
        return escape(queue.display_name(others[0])) or "Somebody else"
    return f"{len(others)} other people"


def _live_maps(run: str) -> None:
    """The latest look at the test pictures: their map, and the grid of pictures over it."""
    taken = snapshots.epochs(run)
    entry = frame.or_stop(runs.entry, run)
    if not taken or not entry.config or not entry.active:
        return
    found = snapshots.load(run, taken[-1])
    if found:
        _show_snapshot(found[0], entry.config)


def _show_snapshot(snapshot: snapshots.Snapshot, config: Config) -> None:
    card, points = CARDS[config.dataset], snapshot.points[:MAX_POINTS].astype("float32")
    labels = frame.or_stop(datasets.load, config.dataset).test.y[: len(points)]
    left, right = st.columns(2)
    with left:
        st.caption(f"The latent space, decoded, after {snapshot.epoch} epochs")
        laid = charts.grid_png(snapshot.manifold / 255, len(snapshot.x))
        frame.show_chart(
            charts.decoded_grid(laid, snapshot.x, snapshot.y, snapshot.axis_names, 360), key="growing-mosaic"
        )
    with right:
        st.caption(f"{len(labels):,} test pictures on the same plane")
        frame.show_chart(
            charts.scatter(points, labels, card.classes, frame.class_colours(), snapshot.axis_names, 360),
            key="growing-map",
        )


# --- When it has come to rest -----------------------------------------------------------------------------------------


def _final_state(entry: runs.RunInfo) -> None:
    if entry.finished:
        _show_results(entry)
    elif entry.config is None:
        st.error(f"{escape(entry.id)} is broken: {escape(entry.message)}", icon=":material/broken_image:")
    else:
        shown = st.error if entry.state == "failed" else st.info
        shown(escape(entry.message), icon=":material/error:" if entry.state == "failed" else ":material/pause_circle:")
        if entry.log:
            with st.expander("What its process printed last"):
                st.code(entry.log, language=None, wrap_lines=True)
        _show_findings(entry)
        with st.container(horizontal=True):
            _restart_buttons(entry, entry.config)


def _restart_buttons(entry: runs.RunInfo, config: Config) -> None:
    words = "Resume" if entry.has_checkpoint else "Train again"
    if st.button(words, icon=":material/play_arrow:", type="primary"):
        _submit(config)
    if entry.fallback_device and st.button("Train on the CPU instead", icon=":material/memory:"):
        _submit(config, entry.fallback_device)


def _submit(config: Config, device: str | None = None) -> None:
    frame.or_stop(_start_training, config, device)
    st.rerun()


def _start_training(config: Config, device: str | None = None) -> None:
    """Has a run trained; TooLarge when this computer has no memory for it, which may be another than it began on."""
    from aecore.models.families.build import resolve_config  # torch comes with it

    resolve_config(config)
    api.submit(config, device, identity.current_user())


def _show_results(entry: runs.RunInfo) -> None:
    result, config = entry.result, entry.config
    assert config
    parts = objective_terms(config)
    st.success(f"Trained in {result['seconds']:.1f} s on {escape(result['device'])}.", icon=":material/check_circle:")
    frame.metrics_row(
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
    _show_findings(entry)
    with st.container(horizontal=True):
        frame.run_links(entry.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        _continue_form(config)
        frame.link("pages/train.py", "Change settings, keep its weights", run=entry.id, parent=entry.id)


def _continue_form(config: Config) -> None:
    """More epochs for a finished run: a new one that starts from its weights."""
    with st.popover("Train further", icon=":material/fast_forward:"):
        epochs = st.number_input("More epochs", 1, 1000, config.epochs, key="further")
        st.caption("A new run with the same settings starts from these weights; this one stays as it is.")
        if st.button("Start", type="primary", key="further-start"):
            longer = dataclasses.replace(config, epochs=int(epochs), parent=config.id)
            frame.or_stop(_start_training, longer)
            frame.select_run(longer.id)


# --- Both -------------------------------------------------------------------------------------------------------------


def objective_terms(config: Config) -> tuple[str, ...]:
    """The parts of the loss that a run's model itself minimises, in its last stage: their sum is its total. An
    adversary's and an earlier stage's are losses of their own."""
    return _objective_terms(config.id, config)


@cache.cached(max_entries=256)
def _objective_terms(run: str, _config: Config) -> tuple[str, ...]:
    from aecore.content import formulas  # torch comes with it

    own = [player for player in formulas.objectives(_config) if player.trains_model and not player.is_over]
    return tuple(part for player in own for part in player.terms)


def _curves(entry: runs.RunInfo) -> None:
    """The losses of every epoch until now, and what their total leaves out."""
    if trouble := runs.history_error(entry.id):
        st.warning(trouble, icon=":material/broken_image:")
    history = runs.history(entry.id)
    if not history or entry.config is None:
        return
    own = objective_terms(entry.config)
    frame.show_chart(charts.loss_curves(history, frame.class_colours(), own), key=f"curves-{entry.id}")
    if others := [part for part in history[-1]["validation"] if part not in own]:
        apart = f"{', '.join(map(escape, others))}, {'an objective' if len(others) == 1 else 'objectives'} of its own"
        st.caption(f"total: {' + '.join(own)}, which the model minimises. Outside it: {apart}.")


def _csv_button(entry: runs.RunInfo) -> None:
    """The losses of every epoch as a file."""
    history = runs.history(entry.id)
    if not history or entry.config is None:
        return
    own = objective_terms(entry.config)
    st.download_button(
        "CSV",
        lambda: history_csv(history, own),
        f"{entry.id}.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
        help="The losses of every epoch, nats per picture.",
    )


def history_csv(history: Sequence[Mapping[str, Any]], own_terms: Collection[str]) -> str:
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
        nats = [charts.term_value(line[split], part, own_terms) for split, part in columns]
        lines.writerow([line["epoch"], line["seconds"], *nats])
    return text.getvalue()


def _preview_strip(run: str) -> None:
    try:
        strip = previews.read_png(runs.path(run) / "strip.png")
    except UserError as error:
        st.caption(escape(error))
        return
    if not strip:
        return
    st.caption("Held-out pictures, and below each what the model draws from its code (between: what it was given).")
    images.full_width(strip, f"Held-out pictures above their reconstructions by {run}.")


def duration(seconds: float) -> str:
    """Seconds in words, in the unit that fits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
