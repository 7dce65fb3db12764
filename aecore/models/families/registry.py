"""Declaring families: a decorator, and the table that form, command line, docs and tests read."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aecore.config import Config
from aecore.errors import UserError
from aecore.models.failure_modes import FailureMode
from aecore.models.loss_terms import LossTerm, Params, WeightedTerm, as_float
from aecore.models.recipe import Recipe
from aecore.params import Param, ParamValue, params_of, resolve

Note = Callable[[Config], str]


@dataclass(frozen=True)
class CodebookParams:
    """The settings of a family with a codebook: how many vectors it holds, and whether unused ones are moved to where
    they are used."""

    size: str
    reset: str
    count: Callable[[Params], int]  # how many vectors there are with some settings


@dataclass(frozen=True)
class Family:
    """A family of autoencoders as declared; what a setting or a term of its loss means stands here and nowhere else.

    Attributes
    ----------
    name, title
        In settings, and for people.
    build
        The function that returns a `Recipe`; its signature declares the family's parameters.
    fixed, defaults
        Fields of `Config` that the family leaves no choice in, and those that suit it better than the form's.
    note
        Function of a `Config`: a sentence on some settings before they are trained.
    loss_terms
        The terms of its loss beside the reconstruction, by name.
    corruption
        The parameter that says how strongly inputs are corrupted; "" where none does.
    codebook
        The parameters of its codebook, where it has one.
    fixes
        Parameters that mend a failure mode.
    semi_supervised
        Whether it learns from labels, and without them where `ForwardPass.y` is -1.
    lossless
        Whether a code has as many dimensions as a sample has values, whatever is asked for.

    Examples
    --------
    >>> import aecore
    >>> [param.name for param in aecore.FAMILIES["beta-tcvae"].params]
    ['beta']
    """

    name: str
    title: str
    build: Callable[..., Recipe]
    fixed: Mapping[str, Any]  # settings of a run that this family leaves no choice in
    defaults: Mapping[str, Any]  # settings that suit it better than the form's
    note: Note | None = None  # what is to be said of some settings before they are trained
    loss_terms: Mapping[str, WeightedTerm] = field(
        default_factory=dict
    )  # of its loss beside the reconstruction, by their names
    corruption: str = ""  # the setting that says how strongly inputs are corrupted
    codebook: CodebookParams | None = None
    fixes: Mapping[FailureMode, Mapping[str, ParamValue]] = field(
        default_factory=dict
    )  # where it has settings of its own
    lossless: bool = False
    semi_supervised: bool = False

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.build) or ""

    @property
    def params(self) -> tuple[Param, ...]:
        return params_of(self.build)

    def fixed_for(self, shape: Sequence[int]) -> dict[str, Any]:
        """The settings of a run that it leaves no choice in, for samples of a shape."""
        return {**self.fixed, **({"latent_dim": math.prod(shape)} if self.lossless else {})}

    @property
    def source(self) -> str:
        return inspect.getsource(self.build)

    def resolve_params(self, params: Params) -> Params:
        """All of its settings, those not given at their defaults."""
        return resolve(self.build, params)

    def kl_weight(self, params: Params) -> float:
        """How many nats of reconstruction it charges for a nat that a code tells of its image (beta, for a beta-VAE);
        0 where it charges nothing for that."""
        charged = (
            part.weight_value(self.resolve_params(params))
            for part in self.loss_terms.values()
            if part.term.penalises_information
        )
        return next(charged, 0.0)

    def target(self, params: Params) -> float | None:
        """The value that its loss pulls codes to (rho, for a sparse autoencoder); None where it has none."""
        named = (part.target_param for part in self.loss_terms.values() if part.target_param)
        return next((as_float(self.resolve_params(params)[name]) for name in named), None)

    def applying_terms(self, params: Params) -> dict[str, WeightedTerm]:
        """The terms of its loss beside the reconstruction with some settings, by name."""
        known = self.resolve_params(params)
        return {name: part for name, part in self.loss_terms.items() if part.applies is None or part.applies(known)}

    def part_name(self, term: LossTerm) -> str:
        """What its loss calls a term; "" where it has none."""
        return next((name for name, part in self.loss_terms.items() if part.term is term), "")


FAMILIES: dict[str, Family] = {}


def get_family(name: str) -> Family:
    """The family called `name`, or a UserError that lists those there are."""
    if name not in FAMILIES:
        raise UserError(f"There is no family called {name}; the families are: {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def family(
    title: str,
    note: Note | None = None,
    defaults: Mapping[str, Any] | None = None,
    loss_terms: Mapping[str, WeightedTerm] | None = None,
    corruption: str = "",
    codebook: CodebookParams | None = None,
    fixes: Mapping[FailureMode, Mapping[str, ParamValue]] | None = None,
    lossless: bool = False,
    semi_supervised: bool = False,
    **fixed: Any,
) -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Declares the function below as a family; `fixed` names settings that it leaves no choice in, `defaults` those
    that forms should start with. The others are what Family says of them."""

    def declare(build: Callable[..., Recipe]) -> Callable[..., Recipe]:
        name = build.__name__.replace("_", "-")
        FAMILIES[name] = Family(
            name,
            title,
            build,
            fixed,
            defaults or {},
            note,
            loss_terms or {},
            corruption,
            codebook,
            fixes or {},
            lossless,
            semi_supervised,
        )
        return build

    return declare
