"""How a training ended, and what can be done with what it left."""

from __future__ import annotations

import dataclasses

import streamlit as st

from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.jobs import api
from aecore.store import history
from aecore.store.run_info import RunInfo
from ui.run_data import selected
from ui.session import identity
from ui.session.address import link, run_links, select_run
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views import training_history
from ui.views.train import snapshot_view
from ui.widgets import sample_images
from ui.widgets.display import metrics_row
from ui.widgets.download_model import download_model


def outcome(entry: RunInfo) -> None:
    """How it ended, in a sentence, where the progress was."""
    if entry.finished:
        said = entry.result
        words = f"Trained in {said['seconds']:.1f} s on {escape(said['device'])}."
        st.success(words, icon=":material/check_circle:")
    elif entry.config is None:
        st.error(f"{escape(entry.id)} is broken: {escape(entry.message)}", icon=":material/broken_image:")
    else:
        shown = st.error if entry.state == "failed" else st.info
        shown(escape(entry.message), icon=":material/error:" if entry.state == "failed" else ":material/pause_circle:")


def final_state(entry: RunInfo) -> None:
    """What can be done with it now, and what it has come to."""
    if entry.finished:
        _show_results(entry)
    elif entry.config:
        if entry.stopped_early:
            st.caption(f"Explore the model {entry.epochs_text}, or let it learn on:")
            with st.container(horizontal=True):
                run_links(entry.id)
        if entry.log:
            with st.expander("Last log lines"):
                st.code(entry.log, language=None, wrap_lines=True)
        snapshot_view.findings(entry)
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
    parts, card = training_history.objective_terms(config), CARDS.get(config.dataset)
    with st.container(horizontal=True):
        run_links(entry.id)
    metrics_row(
        (
            "Test loss",
            f"{sum(nats for part, nats in result['test'].items() if part in parts):.2f}",
            f"Nats per {selected.noun_of(entry).one}: {' + '.join(parts)}.",
        ),
        (
            "Test MSE",
            f"{result['mse']:.4f}",
            sample_images.mse_meaning(card, "test") if card else "Mean squared error on the test samples.",
        ),
        ("Parameters", f"{result['parameters']:,}", "Trainable weights and biases: the numbers that training set."),
        ("Seed", str(config.seed), "Same seed and settings, same weights."),
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        _continue_form(config)
        link("train", "Fine-tune with other settings", run=entry.id, parent=entry.id)
        _other_seed(config)
        _csv_button(entry)
        download_model(entry)
    snapshot_view.findings(entry)
    with st.expander("Loss curves"):
        snapshot_view.curves(entry)


def _other_seed(config: Config) -> None:
    """The same again from other weights: how much of a result is chance."""
    seed = (config.seed + 1) % 2**31
    help = f"The same settings from other weights: seed {seed}."
    if st.button("Train with another seed", icon=":material/casino:", help=help):
        from ui.views.train import form  # torch comes with it

        other = dataclasses.replace(config, seed=seed)
        or_stop(_start_training, other)
        form.show_settings(other)
        select_run(other.id)


def _continue_form(config: Config) -> None:
    """More epochs for a finished run: a new one that starts from its weights."""
    with st.popover("Continue training", icon=":material/fast_forward:"):
        epochs = st.number_input("Additional epochs", 1, 1000, config.epochs, key="continue-epochs")
        st.caption("A new run with the same settings starts from these weights; this one stays as it is.")
        if st.button("Start", type="primary", key="continue-start"):
            longer = dataclasses.replace(config, epochs=int(epochs), parent=config.id)
            or_stop(_start_training, longer)
            select_run(longer.id)


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
        help=f"The losses of every epoch, nats per {selected.noun_of(entry).one}.",
    )
