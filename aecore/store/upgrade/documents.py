"""What JSON files of format 1 hold, in format 2: each function takes what was read and gives it under its new names.

Nothing is checked here: what is invalid stays invalid, and aecore.store.schema says so where it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from aecore.store.upgrade import tables


def rename_keys(values: Any, names: Mapping[str, str]) -> Any:
    """An object with its keys renamed, in their order; anything else as it is."""
    if not isinstance(values, dict):
        return values
    return {names.get(name, name): value for name, value in values.items()}


def _change(values: Any, name: str, change: Callable[[Any], Any]) -> None:
    """Changes one field of an object in place, where both are there."""
    if isinstance(values, dict) and name in values:
        values[name] = change(values[name])


def loss_terms(values: Any) -> Any:
    """The terms of a loss, or None."""
    return rename_keys(values, tables.LOSS_TERMS)


def history_line(values: Any) -> Any:
    """One epoch of history.jsonl."""
    line = rename_keys(values, tables.HISTORY)
    for split in ("train", "validation"):
        _change(line, split, loss_terms)
    _change(line, "signals", lambda each: _signals(each, tables.SIGNALS))
    return line


def _signals(values: Any, names: Mapping[str, str]) -> Any:
    signals = rename_keys(values, names)
    _change(signals, "code", lambda code: rename_keys(code, tables.CODE_SIGNALS))
    return signals


def state(values: Any) -> Any:
    """state.json."""
    fields = rename_keys(values, tables.STATE)
    _change(fields, "progress", _progress)
    return fields


def _progress(values: Any) -> Any:
    progress = rename_keys(values, tables.PROGRESS)
    for split in ("train", "validation"):
        _change(progress, split, loss_terms)
    return progress


def deleted(values: Any) -> Any:
    """deleted.json."""
    return rename_keys(values, tables.DELETED)


def result(values: Any) -> Any:
    """result.json, but for the checksums in it."""
    fields = rename_keys(values, tables.RESULT)
    for split in ("train", "validation", "test"):
        _change(fields, split, loss_terms)
    _change(fields, "pretrained", lambda each: rename_keys(each, tables.PRETRAINED))
    _change(fields, "checkup", checkup)
    _change(fields, "scores", scores)
    return fields


def checkup(values: Any) -> Any:
    """The checkup in a result."""
    fields = _signals(values, tables.CHECKUP)
    _change(fields, "validation", loss_terms)
    return fields


def scores(values: Any) -> Any:
    """The scores in a result."""
    fields = rename_keys(values, tables.SCORES)
    _change(fields, "test", loss_terms)
    _change(fields, "denoising", _denoising)
    _change(fields, "report", _reports)
    return fields


def _denoising(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    return {level: rename_keys(each, tables.DENOISING) for level, each in values.items()}


def _reports(values: Any) -> Any:
    if not isinstance(values, dict):
        return values
    reports = {}
    for name, each in values.items():
        fields = rename_keys(each, tables.REPORT_FIELDS.get(name, {}))
        if name == "levels":
            for level in ("top", "bottom"):
                _change(fields, level, lambda one: rename_keys(one, tables.LEVEL_FIELDS))
        reports[tables.REPORTS.get(name, name)] = fields
    return reports
