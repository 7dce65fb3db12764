"""What the declarations of families say of titles and defaults, read from their source: importing them brings torch,
and the list of runs does not wait for that."""

from __future__ import annotations

import ast
import dataclasses
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from aecore.config import Config
from aecore.data.cards import get_card
from aecore.models import presets
from aecore.params import ParamValue

SOURCES = Path(__file__).parent / "families"


@dataclass(frozen=True)
class FamilyDefaults:
    """A family as its declaration says it."""

    title: str
    defaults: Mapping[str, Any]  # fields of Config that its form begins with
    fixed: Mapping[str, Any]  # fields of Config that it leaves no choice in
    params: Mapping[str, ParamValue]  # its own, at their defaults
    lossless: bool = False  # whether a code has as many dimensions as a sample has values


@cache
def family_defaults() -> dict[str, FamilyDefaults]:
    """Every family of `aecore.models.families` by its name. What is no literal in the source is left out."""
    found = {}
    for file in sorted(SOURCES.glob("*.py")):
        for function in ast.parse(file.read_text("utf-8")).body:
            if isinstance(function, ast.FunctionDef) and (call := _declaration(function)):
                found[function.name.replace("_", "-")] = _read(function, call)
    return found


def _declaration(function: ast.FunctionDef) -> ast.Call | None:
    """The call of `family` that decorates a function; None where none does."""
    calls = (each for each in function.decorator_list if isinstance(each, ast.Call))
    return next((each for each in calls if isinstance(each.func, ast.Name) and each.func.id == "family"), None)


def _read(function: ast.FunctionDef, call: ast.Call) -> FamilyDefaults:
    said = dict(_literals((keyword.arg or "", keyword.value) for keyword in call.keywords))
    fields = {field.name for field in dataclasses.fields(Config)}
    names = [argument.arg for argument in function.args.args][-len(function.args.defaults) :]
    params = dict(_literals(zip(names, function.args.defaults, strict=False)))
    fixed = {name: value for name, value in said.items() if name in fields}
    return FamilyDefaults(ast.literal_eval(call.args[0]), said.get("defaults", {}), fixed, params, "lossless" in said)


def _literals(nodes: Any) -> Iterator[tuple[str, Any]]:
    for name, node in nodes:
        try:
            yield name, ast.literal_eval(node)
        except ValueError:  # made by other code
            continue


@lru_cache(maxsize=512)
def initial_settings(dataset: str, family: str, network: str) -> Config:
    """The settings that a form begins with, as `aecore.models.config_query.initial_config` gives them; of an unknown
    family those that do not hang on it."""
    known = family_defaults().get(family, FamilyDefaults(family, {}, {}, {}))
    network = str(known.fixed.get("network", network))
    start = presets.fit_latent_dim(presets.default_config(dataset, network, **known.defaults))
    fixed = {**known.fixed, **({"latent_dim": math.prod(get_card(dataset).shape)} if known.lossless else {})}
    return dataclasses.replace(start, family=family, params=dict(known.params), **fixed)
