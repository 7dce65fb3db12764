"""Adding a data set of one's own: a file is dropped, looked at, and kept where it is right."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import streamlit as st

from aecore import limits
from aecore.data.cards import CARDS
from aecore.errors import UserError
from ui import pages_table
from ui.session import address
from ui.session.text import escape
from ui.views.datasets import fields, owner, reading
from ui.views.datasets.reading import Reading
from ui.views.datasets.sample_rows import sample_rows
from ui.widgets.file_drop import file_drop

if TYPE_CHECKING:
    from aecore.data.adding import AddOptions, Understood

SUFFIXES = (".zip", ".csv", ".tsv", ".txt", ".parquet", ".npz", ".npy")
LABEL, HINT = "Choose a file", "or drop it here: .zip, .csv, .tsv, .parquet, .npz or .npy, at most 500 MB"
ADDED_KEY = "ae-added"  # the data set that this session has added last
KIND_PARAMETER = "data-kind"  # of the address: which cards are listed
FORMATS = """
- **Pictures**: a .zip of PNG, JPEG, WebP, GIF, BMP or TIFF files. The folder of a picture is its class.
- **A table**: a .csv, .tsv or .parquet file whose first line names the columns; a row is a sample.
- **Series**: a .csv with a series in each row, or with a moment in each row.
- **Arrays**: an .npz with `x` (and `y` for labels), or an .npy.
"""
MAX_CLASSES_NAMED = 20


def add_section() -> None:
    """The door for people's own data, from the file to the first training."""
    st.header("Add data", anchor="add")
    _room_note()
    before = reading.current()
    if file := file_drop("add-file", LABEL, SUFFIXES, HINT, before.key if before else ""):
        reading.begin(file)
        st.session_state.pop(ADDED_KEY, None)
    with st.expander("What can be added"):
        st.markdown(FORMATS)
    current = reading.current()
    if current and current.file.exists:
        with st.container(border=True):
            _show(current)
    elif added := st.session_state.get(ADDED_KEY):
        _show_added(added)


def _room_note() -> None:
    from aecore.data.adding import room_left

    st.markdown(
        "A file of your own becomes a data set that models train on. **Everybody on this server can see what you "
        "add**, and train on it: add nothing that others must not see."
    )
    try:
        room = room_left(owner.signature())
    except UserError as error:
        st.warning(escape(error), icon=":material/warning:")
        return
    st.caption(
        f"Room for {limits.format_bytes(room.left)} more: of {limits.format_bytes(room.person_limit)} for each person "
        f"you use {limits.format_bytes(room.person_used)}, and of {limits.format_bytes(room.limit)} on this server "
        f"{limits.format_bytes(room.used)} are used."
    )


def _show(current: Reading) -> None:
    from aecore.data.adding import AddOptions

    name, leave = st.columns([4, 1], vertical_alignment="center")
    name.subheader(f"{escape(current.file.name)}, {file_size(current.file.size)}", anchor=False)
    with leave.container(horizontal=True, horizontal_alignment="right"):
        st.button("Discard", icon=":material/close:", on_click=reading.end)
    if not (current.found or current.problem):
        current.read(AddOptions())  # what fields there are depends on what is in it
    fields_place, summary, columns = st.container(), st.container(), st.container()
    with fields_place:
        said = fields.options(current, columns)
    with summary:
        current.read(said)
        if current.found is None:
            st.error(escape(current.problem), icon=":material/error:")
            return
        _summary(current.found)
    _column_table(current.found)
    found, noun = current.found, current.found.modality.noun
    sample_rows(f"{len(found.samples)} training {noun.many}", found.samples, found.modality, found.sample_labels)
    _keep_form(current, found, said)


def _summary(found: Understood) -> None:
    """What the file will be, before it is kept."""
    noun = found.modality.noun
    train, validation, test = found.split_sizes
    lines = [
        f"**{found.n_samples:,} {noun.many}**: {escape(found.modality.size)}; {file_size(found.bytes)} on the disk",
        f"**Split**: {train:,} training, {validation:,} validation and {test:,} test {noun.many}",
        f"**Classes**: {_class_list(found) if found.class_counts else 'none'}",
        *map(escape, found.notes),
    ]
    st.markdown("\n".join(f"- {line}" for line in lines))


def file_size(n_bytes: int) -> str:
    """Bytes for people, small files in kB."""
    return limits.format_bytes(n_bytes) if n_bytes >= 1e6 else f"{max(1, round(n_bytes / 1000))} kB"


def _class_list(found: Understood) -> str:
    pairs = list(found.class_counts.items())
    named = [f"{escape(name)} ({count:,})" for name, count in pairs[:MAX_CLASSES_NAMED]]
    more = [f"and {len(pairs) - MAX_CLASSES_NAMED} more"] if len(pairs) > MAX_CLASSES_NAMED else []
    return ", ".join(named + more)


def _column_table(found: Understood) -> None:
    """Columns whose kind cannot be changed: of series all, of tables those that are no values."""
    fixed = [each for each in found.columns if found.kind != "table" or each.kind not in fields.COLUMN_KINDS]
    if not fixed:
        return
    with st.expander(f"{'Other columns' if found.kind == 'table' else 'Columns'} ({len(fixed):,})"):
        st.dataframe(
            [
                {"column": each.name, "used as": each.kind, "missing": each.n_missing,
                 "different values": each.n_distinct, "example": each.example} for each in fixed
            ],
            hide_index=True,
            alt=f"{len(fixed)} columns of the file with what each is used as, missing cells and different values.",
        )  # fmt: skip


def _keep_form(current: Reading, found: Understood, said: AddOptions) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", found.title, max_chars=80, key=f"add-name-{current.key}", width=320)
        licence = st.text_input(
            "Licence or source",
            max_chars=200,
            key=f"add-licence-{current.key}",
            placeholder="such as: my own photographs, CC BY 4.0",
            width=320,
            help="Others read it on the card. Add only what you may pass on.",
        )
        pressed = st.button("Add to this server", type="primary", icon=":material/add:")
    if pressed:
        _keep(found, dataclasses.replace(said, name=name, licence=licence, added_by=owner.signature()))


def _keep(found: Understood, options: AddOptions) -> None:
    from aecore.data.adding import keep

    with st.spinner("Writing the data set ..."):
        try:
            card = keep(found, options)
        except UserError as error:
            st.error(escape(error), icon=":material/error:")
            return
    reading.end()
    st.session_state[ADDED_KEY] = card.name
    address.write(KIND_PARAMETER, "own")
    st.rerun()


def _show_added(name: str) -> None:
    """The obvious next step."""
    card = CARDS.get(name)
    if card is None:  # deleted meanwhile
        return
    st.success(f"**{escape(card.title)}** is on this server now, and its card stands below.", icon=":material/check:")
    if st.button("Train on it", type="primary", icon=pages_table.get_page("train").icon, key="train-added"):
        st.switch_page(pages_table.get_page("train").file, query_params={"dataset": name})


def forget_added(name: str) -> None:
    """Says no more that a data set was added."""
    if st.session_state.get(ADDED_KEY) == name:
        del st.session_state[ADDED_KEY]
