"""The monitor: a run as it trains, read from its folder. Refresh, a second tab or a second person see the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from aecore.analysis.diagnosis import doctor as troubles
from aecore.config import Config
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.jobs import api, queue_position
from aecore.store import history, people, previews, queue, runs, snapshots
from aecore.store.run_info import RunInfo
from ui.session import identity
from ui.session.address import link, run_links, select_run
from ui.session.failures import or_stop
from ui.session.text import duration, escape
from ui.views import diagnosis, training_history
from ui.widgets import charts, images
from ui.widgets.display import class_colours, metrics_row, show_chart

POLL = 0.2  # seconds between two looks at the folder
MAP_POLL = 1.0  # seconds between two looks at the map
MAX_POINTS = 1000  # of the map while it moves: more take the browser too long to draw again


def monitor(run: str) -> None:
    """Shows where a run stands, and keeps showing it while it moves."""
    entry = or_stop(runs.entry, run)
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
    entry = or_stop(runs.entry, run)
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


def _show_findings(entry: RunInfo) -> None:
    """What the doctor finds so far; nothing while all is well."""
    case = troubles.evidence_of(entry)
    if found := troubles.diagnose(case):
        diagnosis.show_findings(case, found)


def queue_text(run: str) -> str:
    """Where a waiting run stands in the queue, in words."""
    place = queue_position.position(run)
    if not place.ahead:
        return "Starting ..."
    words = f"Queued: {place.ahead} {'run' if place.ahead == 1 else 'runs'} ahead"
    return words + (f", about {duration(place.seconds)}" if place.seconds else "")


def _progress(progress: Mapping[str, Any]) -> None:
    epoch, epochs = min(progress["epoch"] + 1, progress["epochs"]), progress["epochs"]
    words = (
        f"epoch {epoch} of {epochs} · step {progress['step']:,} of {progress['steps']:,} · "
        f"{duration(progress['seconds_left'])} left · {progress['samples_per_second']:,.0f} images/s"
    )
    st.progress(min(1.0, progress["fraction"]), words)
    parts = ", ".join(f"{escape(name)} {value:.2f}" for name, value in progress["train"].items())
    st.caption(
        f"Training loss of the current epoch, nats per image: {parts} · gradient norm {progress['grad_norm']:.3g}"
    )


def _run_controls(run: str) -> None:
    """Pause and stop, for those who asked for the run."""
    wanted, me = queue.requesters(run), identity.current_user()
    others = [person for person in wanted if person != me]
    if wanted and me not in wanted:
        st.caption(f"{_requesters_text(others)} asked for this run. You can watch it.")
        if st.button("Follow this run", icon=":material/group_add:", key=f"join-{run}"):
            entry = runs.entry(run)
            if entry.config:
                api.submit(entry.config, user=me)
    elif others:
        st.caption(f"{_requesters_text(others)} asked for this run too: it goes on when you leave it.")
        if st.button("Leave this run", icon=":material/logout:", key=f"leave-{run}"):
            or_stop(api.cancel, run, me)
    else:
        with st.container(horizontal=True):
            if st.button("Pause", icon=":material/pause:", key=f"pause-{run}"):
                or_stop(api.cancel, run, me, "pause")
            if st.button("Stop", icon=":material/stop_circle:", key=f"stop-{run}"):
                or_stop(api.cancel, run, me)


def _requesters_text(others: list[str]) -> str:
    """Other people, in words."""
    if len(others) == 1:
        return escape(people.display_name(others[0])) or "Somebody else"
    return f"{len(others)} other people"


def _live_maps(run: str) -> None:
    """The latest look at the test images: their map, and the grid of images over it."""
    taken = snapshots.epochs(run)
    entry = or_stop(runs.entry, run)
    if not taken or not entry.config or not entry.active:
        return
    found = snapshots.load(run, taken[-1])
    if found:
        _show_snapshot(found[0], entry.config)


def _show_snapshot(snapshot: snapshots.Snapshot, config: Config) -> None:
    card, points = CARDS[config.dataset], snapshot.points[:MAX_POINTS].astype("float32")
    labels = or_stop(datasets.load, config.dataset).test.y[: len(points)]
    left, right = st.columns(2)
    with left:
        st.caption(f"Manifold after {snapshot.epoch} epochs: a grid over the latent space, decoded")
        laid = charts.grid_png(snapshot.manifold / 255, len(snapshot.x))
        show_chart(charts.decoded_grid(laid, snapshot.x, snapshot.y, snapshot.axis_names, 360), key="live-manifold")
    with right:
        st.caption(f"Codes of {len(labels):,} test images on the same plane")
        show_chart(
            charts.scatter(points, labels, card.classes, class_colours(), snapshot.axis_names, 360),
            key="live-map",
        )


# --- When it has come to rest -----------------------------------------------------------------------------------------


def _final_state(entry: RunInfo) -> None:
    if entry.finished:
        _show_results(entry)
    elif entry.config is None:
        st.error(f"{escape(entry.id)} is broken: {escape(entry.message)}", icon=":material/broken_image:")
    else:
        shown = st.error if entry.state == "failed" else st.info
        shown(escape(entry.message), icon=":material/error:" if entry.state == "failed" else ":material/pause_circle:")
        if entry.log:
            with st.expander("Last log lines"):
                st.code(entry.log, language=None, wrap_lines=True)
        _show_findings(entry)
        with st.container(horizontal=True):
            _restart_buttons(entry, entry.config)


def _restart_buttons(entry: RunInfo, config: Config) -> None:
    words = "Resume" if entry.has_checkpoint else "Restart training"
    if st.button(words, icon=":material/play_arrow:", type="primary"):
        _submit(config)
    if entry.fallback_device and st.button("Train on the CPU instead", icon=":material/memory:"):
        _submit(config, entry.fallback_device)


def _submit(config: Config, device: str | None = None) -> None:
    or_stop(_start_training, config, device)
    st.rerun()


def _start_training(config: Config, device: str | None = None) -> None:
    """Has a run trained; TooLarge when this computer has no memory for it, which may be another than it began on."""
    from aecore.models.families.build import resolve_config  # torch comes with it

    resolve_config(config)
    api.submit(config, device, identity.current_user())


def _show_results(entry: RunInfo) -> None:
    result, config = entry.result, entry.config
    assert config
    parts = training_history.objective_terms(config)
    st.success(f"Trained in {result['seconds']:.1f} s on {escape(result['device'])}.", icon=":material/check_circle:")
    metrics_row(
        (
            "Test loss",
            f"{sum(nats for part, nats in result['test'].items() if part in parts):.2f}",
            f"Nats per image: {' + '.join(parts)}.",
        ),
        (
            "Test MSE",
            f"{result['mse']:.4f}",
            "Mean squared error per pixel on the test images; black to white is 1.",
        ),
        ("Parameters", f"{result['parameters']:,}", "Trainable weights and biases: the numbers that training set."),
        ("Seed", str(config.seed), "Same seed and settings, same weights."),
    )
    _show_findings(entry)
    with st.container(horizontal=True):
        run_links(entry.id)
    with st.container(horizontal=True, vertical_alignment="center"):
        _continue_form(config)
        link("train", "Fine-tune with other settings", run=entry.id, parent=entry.id)


def _continue_form(config: Config) -> None:
    """More epochs for a finished run: a new one that starts from its weights."""
    with st.popover("Continue training", icon=":material/fast_forward:"):
        epochs = st.number_input("Additional epochs", 1, 1000, config.epochs, key="continue-epochs")
        st.caption("A new run with the same settings starts from these weights; this one stays as it is.")
        if st.button("Start", type="primary", key="continue-start"):
            longer = dataclasses.replace(config, epochs=int(epochs), parent=config.id)
            or_stop(_start_training, longer)
            select_run(longer.id)


# --- Both -------------------------------------------------------------------------------------------------------------


def _curves(entry: RunInfo) -> None:
    """The losses of every epoch until now, and what their total leaves out."""
    if trouble := history.history_error(entry.id):
        st.warning(trouble, icon=":material/broken_image:")
    epochs = history.history(entry.id)
    if not epochs or entry.config is None:
        return
    own = training_history.objective_terms(entry.config)
    show_chart(charts.loss_curves(epochs, class_colours(), own), key=f"curves-{entry.id}")
    if others := [part for part in epochs[-1]["validation"] if part not in own]:
        apart = f"{', '.join(map(escape, others))}, {'an objective' if len(others) == 1 else 'objectives'} of its own"
        st.caption(f"total: {' + '.join(own)}, which the model minimises. Outside it: {apart}.")


def _csv_button(entry: RunInfo) -> None:
    """The losses of every epoch as a file."""
    epochs = history.history(entry.id)
    if not epochs or entry.config is None:
        return
    own = training_history.objective_terms(entry.config)
    st.download_button(
        "CSV",
        lambda: training_history.history_csv(epochs, own),
        f"{entry.id}.csv",
        "text/csv",
        icon=":material/table:",
        on_click="ignore",
        help="The losses of every epoch, nats per image.",
    )


def _preview_strip(run: str) -> None:
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
