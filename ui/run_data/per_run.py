"""The decorator of everything that is computed of a run and kept for all sessions."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, Generic, NamedTuple, ParamSpec, TypeVar

from ui.session.cache import CachedFunction

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

P = ParamSpec("P")
T = TypeVar("T")


class Key(NamedTuple):
    """A run as caches know it."""

    run: str
    created: float  # seconds since 1970: it may be deleted and trained again under its name
    data_available: bool  # whether its data set is here: one may be fetched at any time
    class_label: int  # that a conditional model decodes as; 0 where the result does not depend on it


def key_of(run: LoadedModel, by_label: bool = False) -> Key:
    """The key of a run in the caches."""
    from aecore.data import datasets

    available = datasets.is_available(run.config.dataset)
    return Key(run.id, run.result["created"], available, run.class_label if by_label else 0)


class PerRun(Generic[P, T]):
    """A function of a run, and of other arguments, whose results are kept."""

    def __init__(
        self, function: Callable[Concatenate[LoadedModel, P], T], max_entries: int, spinner: str | bool, by_label: bool
    ) -> None:
        functools.update_wrapper(self, function)
        self._function, self._signature, self._by_label = function, inspect.signature(function), by_label

        def compute(key: Key, arguments: tuple[Any, ...], _call: Callable[[], T]) -> T:
            return _call()

        # Streamlit knows a cache by the name of its function
        compute.__module__, compute.__qualname__ = function.__module__, function.__qualname__
        self._cached = CachedFunction(compute, max_entries, spinner)

    def __call__(self, run: LoadedModel, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._cached(*self._asked(run, *args, **kwargs))

    def remeasure(self, run: LoadedModel, *args: P.args, **kwargs: P.kwargs) -> None:
        """Counts the bytes of a result anew that has grown since it was kept."""
        self._cached.remeasure(*self._asked(run, *args, **kwargs))

    def _asked(
        self, run: LoadedModel, *args: P.args, **kwargs: P.kwargs
    ) -> tuple[Key, tuple[Any, ...], Callable[[], T]]:
        """What the cache below is asked with."""
        if run.class_label and not self._by_label:
            run = dataclasses.replace(run, class_label=0)
        given = self._signature.bind(run, *args, **kwargs)
        given.apply_defaults()
        arguments = tuple(value for name, value in given.arguments.items() if value is not run and name[0] != "_")
        return key_of(run, self._by_label), arguments, lambda: self._function(run, *args, **kwargs)

    def clear(self) -> None:
        """Forgets all results."""
        self._cached.clear()


def per_run(
    max_entries: int, spinner: str | bool = False, by_label: bool = False
) -> Callable[[Callable[Concatenate[LoadedModel, P], T]], PerRun[P, T]]:
    """Keeps the results of the function below for all sessions, by the run that it is given first and its other
    arguments (but those that begin with _): so many at most, and as the bytes of all caches allow.

    `spinner` is what people read while one is made. `by_label` tells results of a conditional run by the class that it
    decodes as; without it the function gets the run with the first class chosen. Nobody writes into what is kept.
    """

    def decorate(function: Callable[Concatenate[LoadedModel, P], T]) -> PerRun[P, T]:
        return PerRun(function, max_entries, spinner, by_label)

    return decorate
