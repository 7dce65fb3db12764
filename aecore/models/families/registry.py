"""Declaring families: a decorator, and the table that form, command line, docs and tests read."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aecore.config import Config
from aecore.models.findings import Trouble
from aecore.models.recipe import Recipe
from aecore.models.terms import Knobs, Part, Term, number
from aecore.params import Knob, Value, complete, knobs_of

Remark = Callable[[Config], str]


@dataclass(frozen=True)
class CodebookKnobs:
    """The settings of a family with a codebook: how many vectors it holds, and whether unused ones are moved to where
    they are used."""

    size: str
    resets: str


@dataclass(frozen=True)
class Family:
    """A family as declared. Whoever asks what a setting or a part of a loss means asks here, never by its name."""

    name: str
    title: str
    build: Callable[..., Recipe]
    fixed: Mapping[str, Any]  # settings of a run that this family leaves no choice in
    usual: Mapping[str, Any]  # settings that suit it better than the form's
    remark: Remark | None = None  # what is to be said of some settings before they are trained
    parts: Mapping[str, Part] = field(default_factory=dict)  # of its loss beside the reconstruction, by their names
    corruption: str = ""  # the setting that says how strongly inputs are corrupted
    codebook: CodebookKnobs | None = None
    cures: Mapping[Trouble, Mapping[str, Value]] = field(default_factory=dict)  # where it has settings of its own

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.build) or ""

    @property
    def knobs(self) -> tuple[Knob, ...]:
        return knobs_of(self.build)

    @property
    def source(self) -> str:
        return inspect.getsource(self.build)

    def complete(self, knobs: Knobs) -> Knobs:
        """All of its settings, those not given at their defaults."""
        return complete(self.build, knobs)

    def kl_weight(self, knobs: Knobs) -> float:
        """How many nats of reconstruction it charges for a nat that a code tells of its picture (beta, for a beta-VAE);
        0 where it charges nothing for that."""
        charged = (part.weighs(self.complete(knobs)) for part in self.parts.values() if part.term.charges_information)
        return next(charged, 0.0)

    def target(self, knobs: Knobs) -> float | None:
        """The value that its loss pulls codes to (rho, for a sparse autoencoder); None where it has none."""
        named = (part.target for part in self.parts.values() if part.target)
        return next((number(self.complete(knobs)[name]) for name in named), None)

    def part_of(self, term: Term) -> str:
        """What its loss calls a term; "" where it has none."""
        return next((name for name, part in self.parts.items() if part.term is term), "")


FAMILIES: dict[str, Family] = {}


def family(
    title: str,
    remark: Remark | None = None,
    usual: Mapping[str, Any] | None = None,
    parts: Mapping[str, Part] | None = None,
    corruption: str = "",
    codebook: CodebookKnobs | None = None,
    cures: Mapping[Trouble, Mapping[str, Value]] | None = None,
    **fixed: Any,
) -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Declares the function below as a family; `fixed` names settings that it leaves no choice in, `usual` those that
    forms should start with. The others are what Family says of them."""

    def declare(build: Callable[..., Recipe]) -> Callable[..., Recipe]:
        name = build.__name__.replace("_", "-")
        FAMILIES[name] = Family(
            name, title, build, fixed, usual or {}, remark, parts or {}, corruption, codebook, cures or {}
        )
        return build

    return declare
