"""Finished runs side by side: settings that differ, curves over each other, the same images through each."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aecore.config import Config, diff
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.params import params_of
from aecore.store import history, snapshots
from aecore.store.run_info import RunInfo
from ui.run_data import models, splits
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views import training_history
from ui.widgets import charts, images
from ui.widgets.display import class_colours, show_chart

MAX_RUNS = 6  # runs at a time: more colours cannot be told apart


def compare(entries: Sequence[RunInfo], names: Sequence[str]) -> None:
    """Draws the comparison of finished runs; `names` are those that the list shows."""
    configs = [entry.config for entry in entries if entry.config]
    st.header(f"Comparison of {len(entries)} runs")
    _settings(entries, configs, names)
    _curves(entries, configs, names)
    _images(entries, configs, names)


def _settings(entries: Sequence[RunInfo], configs: Sequence[Config], names: Sequence[str]) -> None:
    words = {param.name: param.label for param in params_of(Config)}
    lines = []
    for setting, values in diff(configs).items():
        word = words.get(setting, setting.replace("_", " ").capitalize())
        lines.append({"": word, **{name: _format_value(value) for name, value in zip(names, values, strict=True)}})
    measured = {"Test MSE": "mse", "Training time (s)": "seconds", "Parameters": "parameters"}
    for word, key in measured.items():
        lines.append({"": word, **{n: _format_value(e.result[key]) for n, e in zip(names, entries, strict=True)}})
    st.dataframe(
        lines, hide_index=True, height="content", alt=f"The settings in which {', '.join(names)} differ, and results."
    )


def _format_value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return "" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _curves(entries: Sequence[RunInfo], configs: Sequence[Config], names: Sequence[str]) -> None:
    histories = [history.history(entry.id) for entry in entries]
    if not all(histories):
        return
    parts = [part for part in histories[0][-1]["validation"] if all(part in h[-1]["validation"] for h in histories)]
    part = st.segmented_control(
        "Validation loss",
        [charts.TOTAL, *parts],
        format_func=escape,
        default=parts[0] if parts else charts.TOTAL,
        required=True,
        help="total: all that a model minimises. Runs of different families or data have different loss terms: compare "
        "those that they share.",
    )
    charged = [training_history.objective_terms(config) for config in configs]
    show_chart(charts.loss_comparison(histories, names, class_colours(), part, charged), key="compare-curves")


def _images(entries: Sequence[RunInfo], configs: Sequence[Config], names: Sequence[str]) -> None:
    dataset = configs[0].dataset
    same = [number for number, config in enumerate(configs) if config.dataset == dataset]
    if len(same) < len(entries):
        st.info(f"Images are shown for the runs on {CARDS[dataset].title} only.", icon=":material/info:")
    opened = {}
    for number in same:
        try:
            opened[names[number]] = models.load_model(entries[number].id, entries[number].created)
        except UserError as error:  # the others can still be compared
            st.error(escape(error), icon=":material/broken_image:")
    if not opened:
        return
    first = next(iter(opened.values()))
    test, card = or_stop(splits.test_split, first), CARDS[dataset]
    rows = snapshots.preview_rows(test, 10)
    x, labels = test.to_float(rows), test.y[rows]
    what = f"What {next(iter(opened))} draws of test images that are not here" if test.synthetic else "Test images"
    named = {what: x} | {name: run.reconstruct(x, labels) for name, run in opened.items()}
    images.rows(named, [f"{card.classes[label]}, test image {row}" for row, label in zip(rows, labels, strict=True)])
