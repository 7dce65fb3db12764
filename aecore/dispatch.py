"""Tables by kind: of code, or of model. A kind has what its parents have, so a new one needs no entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


def lookup(table: Mapping[type, T], cls: type) -> T:
    """What a table says of a kind: its own entry, or that of the nearest of its parents."""
    return next(table[each] for each in cls.__mro__ if each in table)


def collect(table: Mapping[type, T], types: Sequence[type]) -> list[T]:
    """What a table holds for kinds and for the kinds that they are kinds of, in the table's order."""
    return [entry for kind, entry in table.items() if any(issubclass(own, kind) for own in types)]
