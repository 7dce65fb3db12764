"""Errors that people can mend: shown where they happen, or when the page is drawn next."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, ParamSpec, TypeVar

import streamlit as st

from aecore.errors import UserError
from ui.session.address import link
from ui.session.text import escape

P = ParamSpec("P")
T = TypeVar("T")
STATE_KEY = "ae-errors"


def or_stop(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The function's result; when it raises what people can mend, its sentence is shown and the page ends there."""
    try:
        return function(*args, **kwargs)
    except UserError as error:
        st.error(escape(error), icon=":material/error:")
        from aecore.data.datasets import DatasetNotAvailable

        if isinstance(error, DatasetNotAvailable):
            link("data", "Get the data set")
        st.stop()


def call_each(function: Callable[..., T], calls: Iterable[Sequence[Any]]) -> list[T]:
    """The function's results for each of these arguments. What people can mend is said when the page is drawn next, and
    the others are done all the same."""
    done = []
    for arguments in calls:
        try:
            done.append(function(*arguments))
        except UserError as error:
            st.session_state.setdefault(STATE_KEY, []).append(str(error))
    return done


def show_errors() -> None:
    """Says what could not be done since the page was last drawn."""
    for sentence in st.session_state.pop(STATE_KEY, []):
        st.error(escape(sentence), icon=":material/error:")
