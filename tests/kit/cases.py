"""Full products of cases, and the few of them that `make test` runs: those that have every pair of values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import combinations, product
from typing import Any, TypeVar

import pytest

T = TypeVar("T")


def pairwise(cases: Sequence[T], values: Callable[[T], Sequence[Any]]) -> list[T]:
    """Some of the cases that together have every pair of values that any of them has (all-pairs testing): most faults
    need no more than two settings to meet (Kuhn, Wallace & Gallo 2004). Greedy, so not the fewest there could be."""
    held = [{*combinations(enumerate(values(case)), 2)} for case in cases]
    left, chosen = set().union(*held), []
    while left:
        best = max(range(len(cases)), key=lambda at: len(held[at] & left))
        chosen.append(best)
        left -= held[best]
    return [cases[at] for at in sorted(chosen)]


def marked(cases: Iterable[T], quick: Iterable[T], name: Callable[[T], str] = str) -> list[Any]:
    """The cases as pytest's parameters; those that are not among the `quick` ones are slow: for `make test-all`."""
    kept = list(quick)
    return [_param((case,), case in kept, name(case)) for case in cases]


def few(cases: Sequence[T], *quick: T, name: Callable[[T], str] = str) -> list[Any]:
    """The cases as pytest's parameters, all but the `quick` ones slow: these go the same way through other data."""
    assert all(each in cases for each in quick)
    return marked(cases, quick, name)


def crossed(*axes: Sequence[Any]) -> list[Any]:
    """The full product of the axes as pytest's parameters, all but the pairs slow. Of two axes, whose pairs are all of
    them, each value of either is kept once or more: on the diagonal."""
    cases = list(product(*axes))
    if len(axes) > 2:
        quick = pairwise(cases, lambda case: case)
    else:
        first, second = axes
        length = max(len(first), len(second))
        quick = [(first[at % len(first)], second[at % len(second)]) for at in range(length)]
    return [_param(case, case in quick) for case in cases]


def _param(values: Sequence[Any], quick: bool, name: str | None = None) -> Any:
    return pytest.param(*values, id=name, marks=() if quick else pytest.mark.slow)
