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
    if isinstance(fields, dict):
        fields = {name: each for name, each in fields.items() if name not in tables.STATE_DROPPED}
    return fields


def _progress(values: Any) -> Any:
    progress = rename_keys(values, tables.PROGRESS)
    for split in ("train", "validation"):
        _change(progress, split, loss_terms)
    return progress


def deleted(values: Any) -> Any:
    """deleted.json."""
    return rename_keys(values, tables.DELETED)


def label(values: Any) -> Any:
    """label.json."""
    old, new = tables.ANONYMOUS
    _change(values, "owner", lambda owner: new if owner == old else owner)
    return values


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


# --- Settings ---------------------------------------------------------------------------------------------------------


def is_format_1(values: Any) -> bool:
    """Whether settings are those of a run of format 1."""
    if not isinstance(values, dict):
        return False
    return values.get("version") == 1 or ("version" not in values and not tables.SETTINGS.keys().isdisjoint(values))


def settings(values: dict[str, Any], ids: Mapping[str, str]) -> dict[str, Any]:
    """config.json and request.json. `ids` maps old ids of runs to new ones, of which one may be the parent."""
    fields = rename_keys(values, tables.SETTINGS) | {"version": 2}
    names = tables.PARAMS.get(str(values.get("family")), {})
    _change(fields, "params", lambda each: rename_keys(each, names))
    _change(fields, "parent", lambda parent: ids.get(parent, parent))
    return fields


# --- What stands in the metadata of safetensors files -----------------------------------------------------------------


def train_state(values: dict[str, Any]) -> dict[str, Any]:
    """Where a training stands, but for the checksum over the tensors beside it."""
    fields: dict[str, Any] = rename_keys(values, tables.TRAIN_STATE)
    _change(fields, "counts", loss_terms)
    _change(fields, "monitored_terms", lambda terms: sorted(tables.LOSS_TERMS.get(each, each) for each in terms))
    _change(fields, "early_stopping", _early_stopping)
    return fields


def _early_stopping(pair: Any) -> Any:
    if not isinstance(pair, list) or len(pair) != 2:
        return pair
    return {"best_loss": pair[0], "epochs_since_best": pair[1]}


def program_head(values: dict[str, Any]) -> dict[str, Any]:
    """What the browser computes, step by step."""
    head: dict[str, Any] = rename_keys(values, tables.PROGRAM)
    for part in ("encoder", "decoder"):
        _change(head, part, _steps)
    return head


def _steps(ops: Any) -> Any:
    return [_step(op) for op in ops] if isinstance(ops, list) else ops


def _step(op: Any) -> Any:
    if not isinstance(op, dict) or "op" not in op:
        return op
    step: dict[str, Any] = rename_keys(op, tables.OP_KEYS.get(op["op"], {}))
    step["op"] = tables.OPS.get(op["op"], op["op"])
    for name in tables.NESTED_STEPS:
        _change(step, name, _steps)
    return step


# --- The network for photographs --------------------------------------------------------------------------------------


def photo_metadata(values: Any) -> Any:
    """What the network for photographs says of itself, but for the checksum of its weights."""
    fields = rename_keys(values, tables.PHOTO_METADATA)
    _change(fields, "data", lambda each: rename_keys(each, tables.PHOTO_DATA))
    _change(fields, "scores", lambda rows: [rename_keys(each, tables.PHOTO_SCORE) for each in rows])
    return fields
