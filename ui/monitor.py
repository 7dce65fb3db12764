"""The monitor: a run as it trains, read from its folder. Refresh, a second tab or a second person see the same."""

from __future__ import annotations

import streamlit as st

from aecore import jobs, runs
from ui import charts, frame, images

PERIOD = 0.2  # seconds between two looks at the folder


def monitor(run: str) -> None:
    """Shows where a run stands, and keeps showing it while it moves."""
    entry = frame.attempt(runs.entry, run)
    if entry.moving:
        st.fragment(_moving, run_every=PERIOD)(run)
    else:
        _ended(entry)


def _moving(run: str) -> None:
    entry = runs.entry(run)
    if not entry.moving:
        st.rerun()
    progress = entry.progress
    if entry.state == "waiting":
        st.progress(0.0, "Waiting for its turn ...")
    elif "seconds" not in progress:
        st.progress(0.0, "Getting the data and the network ready ...")
    else:
        left = progress["seconds_left"]
        words = f"epoch {min(progress['epoch'] + 1, progress['epochs'])} of {progress['epochs']}"
        words += f" · {_duration(left)} left · {progress['pictures_per_second']:,.0f} pictures/s"
        st.progress(min(1.0, progress["fraction"]), words)
        _losses(progress["train"], "training")
    if st.button("Stop", icon=":material/stop_circle:", key=f"stop-{run}"):
        jobs.cancel(run)
    _curves(run)
    _strip(run)


def _ended(entry: runs.Entry) -> None:
    if entry.finished:
        result = entry.result
        st.success(f"Trained in {result['seconds']:.1f} s on {result['device']}.", icon=":material/check_circle:")
        frame.figures(
            ("Test loss", f"{sum(result['test'].values()):.2f}", "Nats per picture, all parts together."),
            (
                "Squared error",
                f"{result['mse']:.4f}",
                "Per pixel, on the test pictures; black to white is 1.",
            ),
            ("Parameters", f"{result['parameters']:,}", "Numbers that training set."),
            ("Seed", str(entry.config.seed if entry.config else ""), "Same seed and settings, same weights."),
        )
        with st.container(horizontal=True):
            for file in ("reconstruct", "latent_map", "manifold", "interpolate", "denoise"):
                frame.link(f"pages/{file}.py", run=entry.id)
    else:
        st.warning(f"{entry.id}: {entry.reason}", icon=":material/warning:")
        if entry.offer and entry.config and st.button("Train on the CPU instead", icon=":material/memory:"):
            jobs.submit(entry.config, entry.offer)
            st.rerun()
    _curves(entry.id)
    _strip(entry.id)


def _losses(parts: dict[str, float], split: str) -> None:
    words = ", ".join(f"{name} {value:.2f}" for name, value in parts.items())
    st.caption(f"Loss in this epoch, {split} pictures, nats per picture: {words}")


def _curves(run: str) -> None:
    history = runs.history(run)
    if history:
        frame.draw(charts.curves(history, frame.colours()), key=f"curves-{run}")


def _strip(run: str) -> None:
    try:
        strip = (runs.path(run) / "strip.png").read_bytes()
    except FileNotFoundError:
        return
    st.caption("Held-out pictures, and below each what the model draws from its code (between: what it was given).")
    images.strip(strip, f"Held-out pictures above their reconstructions by {run}.")


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"
