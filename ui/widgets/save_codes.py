"""A button that saves codes as a file."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import streamlit as st

from aecore.export.codes import FORMATS, Table


def save_codes(run: str, count: int, table: Callable[[], Table], noun: str = "image") -> None:
    """Offers the codes of `count` samples in each format; the table is made when one is asked for."""
    words = f"Save {count:,} {'code' if count == 1 else 'codes'}"
    with st.popover(words, icon=":material/download:", disabled=not count):
        st.caption(f"A row for each {noun}: split, index, class, place on this map, and the code z1, z2 ...")
        with st.container(horizontal=True):
            for kind, write in FORMATS.items():
                st.download_button(
                    {"csv": "CSV", "parquet": "Parquet"}.get(kind, kind),
                    partial(_content, write, table),
                    f"{run}-codes.{kind}",
                    key=f"save-codes-{kind}",
                    on_click="ignore",
                )


def _content(write: Callable[[Table], bytes], table: Callable[[], Table]) -> bytes:
    return write(table())
