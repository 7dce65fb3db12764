"""The monitor: a run as it trains, read from its folder. Refresh, a second tab or a second person see the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from aecore.data.modalities import Noun
from aecore.jobs import api, queue_position
from aecore.store import history, people, queue, runs, snapshots
from aecore.store.run_info import RunInfo
from ui.run_data import selected
from ui.session import identity
from ui.session.failures import or_stop
from ui.session.text import duration, escape
from ui.views.train import result, snapshot_view
from ui.views.train.live_pad import live_pad, live_plane

POLL = 0.2  # seconds between two looks at the folder
MAP_POLL = 0.5  # seconds between two looks at what the model makes of the test images


def monitor(run: str) -> None:
    """Shows where a run stands, and keeps showing it while it moves. Manifold, map and losses stay where they are when
    it has come to rest."""
    entry = or_stop(runs.entry, run)
    if entry.active:
        st.fragment(_live_progress, run_every=POLL)(run)
        manifold, losses, latent_map = snapshot_view.columns(entry)
        with manifold:
            st.fragment(_while_active(live_plane), run_every=MAP_POLL)(run)
        with losses:
            st.fragment(_while_active(_losses), run_every=MAP_POLL)(run)
        with latent_map:
            st.fragment(_while_active(live_pad), run_every=MAP_POLL)(run)
        st.fragment(_while_active(_findings), run_every=MAP_POLL)(run)
    else:
        result.outcome(entry)
        if history.history(run) or snapshots.epochs(run):
            manifold, losses, latent_map = snapshot_view.columns(entry)
            with manifold:
                live_plane(entry)
            with losses:
                _losses(entry)
            with latent_map:
                live_pad(entry)
        result.final_state(entry)


# --- While it moves ---------------------------------------------------------------------------------------------------


def _live_progress(run: str) -> None:
    entry = or_stop(runs.entry, run)
    if not entry.active:
        st.rerun()
    bar, controls = st.columns([3, 2], vertical_alignment="center")
    with bar:
        if entry.state == "waiting":
            st.progress(entry.progress.get("fraction", 0.0), queue_text(run))
        elif "seconds" not in entry.progress:
            st.progress(0.0, "Getting the data and the network ready ...")
        else:
            _progress(entry.progress, selected.noun_of(entry))
    with controls:
        _run_controls(run)
    if entry.message:
        st.info(escape(entry.message), icon=":material/healing:")


def _while_active(show: Callable[[RunInfo], None]) -> Callable[[str], None]:
    """A fragment that shows something of a run as long as it is active; `_live_progress` then starts the page anew."""

    def live(run: str) -> None:
        entry = or_stop(runs.entry, run)
        if entry.active:
            show(entry)

    return live


def _losses(entry: RunInfo) -> None:
    snapshot_view.small_curves(entry)
    snapshot_view.preview_strip(entry)


def _findings(entry: RunInfo) -> None:
    _current_loss(entry.progress, selected.noun_of(entry))
    snapshot_view.findings(entry)


def queue_text(run: str) -> str:
    """Where a waiting run stands in the queue, in words."""
    place = queue_position.position(run)
    if not place.ahead:
        return "Starting ..."
    words = f"Queued: {place.ahead} {'run' if place.ahead == 1 else 'runs'} ahead"
    return words + (f", about {duration(place.seconds)}" if place.seconds else "")


def _progress(progress: Mapping[str, Any], noun: Noun) -> None:
    if progress["fraction"] >= 1:
        about = f", about {duration(progress['seconds_left'])}" if progress["seconds_left"] >= 1 else ""
        st.progress(1.0, f"Evaluating on the test {noun.many}{about} ...")
        return
    epoch, epochs = min(progress["epoch"] + 1, progress["epochs"]), progress["epochs"]
    words = (
        f"epoch {epoch} of {epochs} · step {progress['step']:,} of {progress['steps']:,} · "
        f"{duration(progress['seconds_left'])} left · {progress['samples_per_second']:,.0f} {noun.many}/s"
    )
    st.progress(min(1.0, progress["fraction"]), words)


def _current_loss(progress: Mapping[str, Any], noun: Noun) -> None:
    if "train" not in progress:
        return
    parts = ", ".join(f"{escape(name)} {value:.2f}" for name, value in progress["train"].items())
    st.caption(
        f"Training loss of the current epoch, nats per {noun.one}: {parts} · gradient norm {progress['grad_norm']:.3g}"
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
        with st.container(horizontal=True, horizontal_alignment="right"):
            if st.button("Pause", icon=":material/pause:", key=f"pause-{run}"):
                or_stop(api.cancel, run, me, "pause")
            if st.button("Stop", icon=":material/stop_circle:", key=f"stop-{run}"):
                or_stop(api.cancel, run, me)


def _requesters_text(others: list[str]) -> str:
    """Other people, in words."""
    if len(others) == 1:
        return escape(people.display_name(others[0])) or "Somebody else"
    return f"{len(others)} other people"
