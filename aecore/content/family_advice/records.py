"""What advice is made of: suggestions, and what goes wrong."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Suggestion:
    """The id of the page to do something on (ui/pages_table.py), and what to do."""

    page: str
    action: str


@dataclass(frozen=True)
class Advice:
    """What is worth doing with a model, and what to look out for."""

    suggestions: tuple[Suggestion, ...]
    pitfalls: tuple[str, ...]
