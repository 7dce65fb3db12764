"""The columns of the list of runs: what each run is, every setting that occurs, and what was measured."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from aecore.config import Config
from aecore.content.run_names import dataset_name, format_setting, short_label
from aecore.params import params_of
from aecore.store import people
from aecore.store import trash as shelf
from aecore.store.run_info import RunInfo
from ui.session import choices
from ui.views.runs import measures
from ui.views.runs.measures import Measure

DEFAULT = ("data", "validation-mse", "test-mse", "state", "model", "latent-dim", "time", "created", "size", "note")


@dataclass(frozen=True)
class Column:
    """A column that can be chosen."""

    label: str
    value: Callable[[RunInfo], object]
    config: Mapping[str, Any] = field(default_factory=dict)  # of streamlit's column_config
    kind: str = ""  # name of a class of st.column_config; "" leaves it to the values

    def column_config(self) -> Any:
        """How the table shows it; None for Streamlit's own way."""
        return getattr(st.column_config, self.kind)(**self.config) if self.kind else None


_FACTS = {
    "state": Column("state", lambda entry: entry.state),
    "data": Column("data set", lambda entry: dataset_name(entry.config.dataset) if entry.config else ""),
    "model": Column("model", lambda entry: entry.config.family if entry.config else ""),
    "created": Column(
        "created",
        lambda entry: datetime.datetime.fromtimestamp(entry.created) if entry.created else None,
        {"format": "D MMM YYYY, HH:mm"},
        "DatetimeColumn",
    ),
    "size": Column(
        "MB", lambda entry: shelf.disk_usage(entry) / 1e6, {"format": "%.1f", "help": "On the disk."}, "NumberColumn"
    ),
    "id": Column("id", lambda entry: entry.id),
    "note": Column("note", lambda entry: entry.message),
}


def available(entries: Sequence[RunInfo]) -> dict[str, Column]:
    """Every column that there is for some runs, by its id in addresses."""
    before = {name: _FACTS[name] for name in ("state", "data", "model")}
    after = {name: column for name, column in _FACTS.items() if name not in before}
    measured = {name: _of_measure(each) for name, each in measures.available(entries).items()}
    return before | _of_settings(entries) | measured | after


def column_form(columns: Mapping[str, Column]) -> list[str]:
    """Asks which columns to show, in which order; the ids."""
    with st.popover("Columns", icon=":material/view_column:", width="stretch"):
        return choices.bound_choices(
            "Columns",
            {name: column.label for name, column in columns.items()},
            "columns",
            DEFAULT,
            help="Every setting that occurs in these runs, and what was measured of them.",
        )


def row(
    entry: RunInfo, label: people.RunLabel, name: str, columns: Mapping[str, Column], rank: str = ""
) -> dict[str, object]:
    """A run as a line of the table."""
    first = {"rank": rank} if rank else {}
    first |= {"": "📌" if label.pinned else "", "name": name}
    first |= {"owner": "gallery" if entry.pretrained else label.owner_name}
    return first | {column.label: column.value(entry) for column in columns.values()}


def _of_measure(measure: Measure) -> Column:
    return Column(
        measure.label, measure.value, {"format": measure.format, "help": measure.help or None}, "NumberColumn"
    )


def _of_settings(entries: Sequence[RunInfo]) -> dict[str, Column]:
    """A column for each setting of these runs: those that all have first, then the families' own."""
    found = {param.name: Column(short_label(param.name, ""), _config_value(param.name)) for param in params_of(Config)}
    for entry in entries:
        config = entry.config
        for name in config.params if config else ():
            found.setdefault(name, Column(short_label(name, config.family if config else ""), _own_value(name)))
    return {name.replace("_", "-"): column for name, column in found.items()}


def _config_value(name: str) -> Callable[[RunInfo], object]:
    return lambda entry: _cell(name, getattr(entry.config, name)) if entry.config else None


def _own_value(name: str) -> Callable[[RunInfo], object]:
    return lambda entry: _cell(name, entry.config.params.get(name)) if entry.config else None


def _cell(name: str, value: Any) -> object:
    """A number as a number, so that the column can be sorted by it; anything else as people read it."""
    return value if isinstance(value, int | float) and not isinstance(value, bool) else format_setting(name, value)
