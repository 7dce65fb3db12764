"""Declaring families: a decorator, and the table that form, command line, docs and tests read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aecore.config import Config
from aecore.knobs import Knob, knobs_of
from aecore.recipe import Recipe

Remark = Callable[[Config], str]


@dataclass(frozen=True)
class Family:
    """A family as declared."""

    name: str
    title: str
    build: Callable[..., Recipe]
    fixed: Mapping[str, Any]  # settings of a run that this family leaves no choice in
    usual: Mapping[str, Any]  # settings that suit it better than the form's
    remark: Remark | None = None  # what is to be said of some settings before they are trained

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.build) or ""

    @property
    def knobs(self) -> tuple[Knob, ...]:
        return knobs_of(self.build)

    @property
    def source(self) -> str:
        return inspect.getsource(self.build)


FAMILIES: dict[str, Family] = {}


def family(
    title: str, remark: Remark | None = None, usual: Mapping[str, Any] | None = None, **fixed: Any
) -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Declares the function below as a family; `fixed` names settings that it leaves no choice in, `usual` those that
    forms should start with."""

    def declare(build: Callable[..., Recipe]) -> Callable[..., Recipe]:
        name = build.__name__.replace("_", "-")
        FAMILIES[name] = Family(name, title, build, fixed, usual or {}, remark)
        return build

    return declare
