"""Caches that all sessions share: Streamlit's, each bounded by its entries, and by their bytes all together.

What they may take, with what aecore keeps, is aecore.limits.cache_bytes; over that, what nobody has asked for for
longest goes (aecore/cache_budget.py). Nobody writes into what is kept.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Generic, ParamSpec, TypeVar

import streamlit as st

from aecore import limits
from aecore.cache_budget import CACHE_BUDGET, CacheEntry

P = ParamSpec("P")
T = TypeVar("T")


class CachedFunction(Generic[P, T]):
    """A function whose results are kept. As in st.cache_resource, arguments that begin with _ tell nothing apart."""

    def __init__(self, function: Callable[P, T], max_entries: int, show_spinner: str | bool) -> None:
        functools.update_wrapper(self, function)
        names = list(inspect.signature(function).parameters)

        @functools.wraps(function)  # Streamlit knows a cache by the name and the source of its function
        def entry(*args: P.args, **kwargs: P.kwargs) -> CacheEntry:
            value = function(*args, **kwargs)
            # not those that tell nothing apart: a model would live as long as what was made of it
            known = [None if name.startswith("_") else each for name, each in zip(names, args, strict=False)]
            named = {name: None if name.startswith("_") else each for name, each in kwargs.items()}
            return CacheEntry(value, lambda: self._entries.clear(*known, **named))

        self._entries: Any = st.cache_resource(max_entries=max_entries, show_spinner=show_spinner)(entry)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        found: CacheEntry = self._entries(*args, **kwargs)
        CACHE_BUDGET.touch(found)
        value: T = found.value
        return value

    def remeasure(self, *args: P.args, **kwargs: P.kwargs) -> None:
        """Counts the bytes of a result anew that has grown since it was kept."""
        CACHE_BUDGET.remeasure(self._entries(*args, **kwargs))

    def clear(self, *args: Any, **kwargs: Any) -> None:
        """Forgets the result for these arguments; all of them where there are none."""
        self._entries.clear(*args, **kwargs)


def cached(max_entries: int, show_spinner: str | bool = False) -> Callable[[Callable[P, T]], CachedFunction[P, T]]:
    """Keeps the results of the function below for all sessions: so many at most, and as the bytes of all caches allow;
    `show_spinner` is what people read while one is made."""

    def decorate(function: Callable[P, T]) -> CachedFunction[P, T]:
        return CachedFunction(function, max_entries, show_spinner)

    return decorate


def status() -> str:
    """What all caches of this server keep, of what they may: a line for people."""
    return f"Cache: {limits.format_bytes(CACHE_BUDGET.total)} of {limits.format_bytes(limits.max_cache_bytes())}"
