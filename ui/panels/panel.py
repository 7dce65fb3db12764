"""Panel: one thing to see of a model, as the page that shows it needs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel


@dataclass(frozen=True)
class Panel:
    """A title in standard terms, one or two sentences on what one sees, and what draws the rest."""

    id: str  # what the address calls it
    title: str
    description: str
    show: Callable[[LoadedModel], None]
