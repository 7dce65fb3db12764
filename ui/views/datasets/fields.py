"""The fields that say how a file is read: each change reads it again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.views.datasets.reading import Reading

if TYPE_CHECKING:
    from aecore.data.adding import AddOptions

AUTOMATIC = "As guessed"
KINDS = {"": AUTOMATIC, "table": "Table: a row is a sample", "series": "Series", "points": "Points: two numbers a row",
         "vector": "Vectors"}  # fmt: skip
ARRAY_KINDS = {"": AUTOMATIC, "image": "Images", "series": "Series", "points": "Points", "vector": "Vectors"}
COLOURS = {"": "As in the files", "gray": "Gray", "colour": "Colour"}
SIDES = (8, 16, 28, 32, 48, 64, 96, 128)
LAYOUTS = {
    "": AUTOMATIC,
    "rows": "Each row is a series",
    "long": "Each row is a moment of one of many series",
    "windows": "Each row is a moment of one long series, cut into windows",
}
SPLITS = {"seed": "At random", "group": "Groups stay together", "time": "The last in time for testing"}
COLUMN_KINDS = ("number", "category", "boolean", "cyclic", "drop")
COLUMN_HELP = (
    "**number**: standardised. **category**: one of several values. **boolean**: yes or no. **cyclic**: an hour or a "
    "month, after the last of which comes the first. **drop**: left out."
)


def options(reading: Reading, columns: DeltaGenerator) -> AddOptions:
    """Draws the fields that fit the file, and in `columns` those of a table; returns what they say."""
    from aecore.data.adding import AddOptions

    kind, said = reading.kind, dict[str, Any]()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if kind == "image" and not reading.is_array:
            said |= _image_fields(reading)
        elif reading.is_array:
            said["kind"] = _select(reading, "kind", "What it holds", ARRAY_KINDS)
        elif reading.may_be_table:
            said |= _table_fields(reading, kind)
        if reading.found or reading.file_columns:
            said |= _split_fields(reading)
    if kind == "table" and reading.guessed:
        with columns:
            said["column_kinds"] = _column_kinds(reading)
    return AddOptions(**said)


def _select(reading: Reading, name: str, label: str, choices: Mapping[str, str] | Sequence[str], **more: Any) -> str:
    labels = dict(choices) if isinstance(choices, Mapping) else {each: each for each in choices}
    found = st.selectbox(
        label, list(labels), format_func=lambda each: labels.get(each, each), key=f"add-{name}-{reading.key}",
        width=240, **more,
    )  # fmt: skip
    return found or ""


def _number(reading: Reading, name: str, label: str, low: int, high: int, start: int, **more: Any) -> int:
    return int(st.number_input(label, low, high, start, key=f"add-{name}-{reading.key}", width=140, **more))


def _image_fields(reading: Reading) -> dict[str, Any]:
    sides = {str(side): f"{side} x {side} pixels" for side in SIDES}
    side = _select(reading, "side", "Size", sides, index=SIDES.index(32), help="Each picture is fitted to this size.")
    colour = _select(reading, "colour", "Colours", COLOURS, help="As in the files: gray if all of them are.")
    return {"side": int(side), "colour": {"gray": False, "colour": True}.get(colour)}


def _table_fields(reading: Reading, kind: str) -> dict[str, Any]:
    from aecore.data.adding.understood import NO_LABEL

    guess = [f"{AUTOMATIC}: {each}" for each in reading.first_guess or ()] or [AUTOMATIC, AUTOMATIC]
    kinds = KINDS | {"": guess[0]}
    said: dict[str, Any] = {"kind": _select(reading, "kind", "What it holds", kinds)}
    kind = said["kind"] or kind
    columns = {name: name for name in reading.file_columns}
    label = {"": guess[1], NO_LABEL: "None"} | columns
    said["label"] = _select(
        reading,
        "label",
        "Label column",
        label,
        help="Its values are the classes; a model never learns from them.",
    )
    if kind == "series":
        said |= _series_fields(reading, columns)
    return said


def _series_fields(reading: Reading, columns: Mapping[str, str]) -> dict[str, Any]:
    said: dict[str, Any] = {"layout": _select(reading, "layout", "A row of the file", LAYOUTS)}
    optional = {"": AUTOMATIC, **columns}
    if said["layout"] == "long":
        said["id_column"] = _select(reading, "id", "Column of the series", optional, help="Which series a row is of.")
    if said["layout"] in ("long", "windows"):
        said["time_column"] = _select(reading, "time", "Column of the time", optional)
    if said["layout"] == "windows":
        said["window"] = _number(reading, "window", "Rows of a window", 2, 10_000, 100)
        said["stride"] = _number(reading, "stride", "Rows between two", 1, 10_000, 50)
    return said


def _split_fields(reading: Reading) -> dict[str, Any]:
    """How training, validation and test are told apart."""
    columns = reading.file_columns
    how = _select(reading, "split", "Split", SPLITS) if columns else "seed"
    if how == "group":
        return {"group_column": _select(reading, "group", "Column of the groups", columns)}
    if how == "time":
        return {"split_time_column": _select(reading, "split-time", "Column of the time", columns)}
    return {"seed": _number(reading, "seed", "Split seed", 0, 9999, 0, help="Another seed, another random split.")}


def _column_kinds(reading: Reading) -> dict[str, str]:
    """The kinds of columns that somebody has set; draws them all, as they were guessed, to be changed."""
    free = [each for each in reading.guessed if each.kind in COLUMN_KINDS]
    st.markdown("**Columns**: change a kind where the guess is wrong.", help=COLUMN_HELP)
    edited = st.data_editor(
        [
            {"column": each.name, "kind": each.kind, "missing": each.n_missing, "different values": each.n_distinct,
             "example": each.example} for each in free
        ],
        hide_index=True,
        height="auto" if len(free) > 10 else "content",
        disabled=("column", "missing", "different values", "example"),
        column_config={"kind": st.column_config.SelectboxColumn(options=COLUMN_KINDS, required=True, help=COLUMN_HELP)},
        key=f"add-columns-{reading.key}",
        alt=f"{len(free)} columns of {reading.file.name} with kind, missing cells, different values, example.",
    )  # fmt: skip
    pairs = zip(free, edited, strict=True)
    return {before.name: str(now["kind"]) for before, now in pairs if now["kind"] != before.kind}
