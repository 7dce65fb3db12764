"""Text out of files and forms, made fit to be shown: titles, names of classes and columns, lists of names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

MAX_NAME, MAX_TITLE = 80, 80  # characters


def one_line(text: str, limit: int = MAX_NAME) -> str:
    """One line without control characters, at most so long."""
    kept = "".join(" " if unicodedata.category(each) in ("Cc", "Cf", "Cs", "Zl", "Zp") else each for each in text)
    return re.sub(r"\s+", " ", kept).strip()[:limit].strip()


def unique(names: Iterable[str], unnamed: str = "column") -> tuple[list[str], bool]:
    """Names made different by numbers, and whether any had to be."""
    made: list[str] = []
    taken: set[str] = set()
    repeated = False
    last: dict[str, int] = {}
    for at, each in enumerate(names):
        name = stem = one_line(each) or f"{unnamed} {at + 1}"
        while name in taken:
            repeated = True
            last[stem] = last.get(stem, 1) + 1
            name = f"{stem} ({last[stem]})"
        taken.add(name)
        made.append(name)
    return made, repeated


def listed(names: Sequence[str], limit: int = 5) -> str:
    """`a, b and c`, or `a, b, c, d, e and 12 more`."""
    shown = [one_line(name) for name in names[:limit]]
    if len(names) > limit:
        return f"{', '.join(shown)} and {len(names) - limit:,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else ""


def counted(count: int, noun: str, many: str = "") -> str:
    """`1 row`, `12 rows`."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"
