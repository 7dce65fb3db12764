"""A run's settings as the parameters of an address: the data set, the model, and what differs from where a form begins.

    dataset=mnist&family=beta-vae&beta=50&hidden-sizes=64

Names are those of the command line. A form begins with `initial_config`; `to_query` and `from_query` are each other's
inverse for every run that does not start from the weights of another.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from aecore.config import Config
from aecore.data.cards import get_card
from aecore.errors import UserError
from aecore.models import presets
from aecore.models.families.registry import FAMILIES, get_family
from aecore.params import Param, ParamValue, params_of

CHOICES = ("dataset", "family", "preset")  # what a form asks first; the other settings begin where these say


def parameter_name(setting: str) -> str:
    """What an address calls a setting: `latent_dim` is `latent-dim`."""
    return setting.replace("_", "-")


def parameter_names() -> frozenset[str]:
    """Every parameter that a setup can have in an address, whatever the model."""
    own = (param.name for family in FAMILIES.values() for param in family.params)
    return frozenset([*CHOICES, *map(parameter_name, [*(param.name for param in params_of(Config)), *own])])


def initial_config(dataset: str, family: str, preset: str = "default", network: str | None = None) -> Config:
    """The settings that a form begins with; UserError for an unknown name. Not checked together yet."""
    chosen = get_family(family)
    network = str(chosen.fixed.get("network") or network or presets.default_config(dataset, None, preset).network)
    start = presets.fit_latent_dim(presets.default_config(dataset, network, preset, **chosen.defaults))
    own: dict[str, ParamValue] = {param.name: param.default for param in chosen.params}
    return dataclasses.replace(start, family=family, params=own, **chosen.fixed_for(get_card(dataset).shape))


def to_query(config: Config, preset: str = "default") -> dict[str, str]:
    """A complete Config (see `resolve_config`) as the parameters of an address. Raises UserError for a run that starts
    from another's weights: these are not in any address."""
    if config.parent:
        raise UserError("This run starts from the weights of another: its settings alone do not make it.")
    start = initial_config(config.dataset, config.family, preset, config.network)
    usual, default = presets.default_config(config.dataset, None, preset), Config()
    fixed = get_family(config.family).fixed
    said = {"dataset": config.dataset} if config.dataset != default.dataset else {}
    said |= {"family": config.family} if config.family != default.family else {}
    said |= {"preset": preset} if preset != "default" else {}
    if config.network != usual.network and "network" not in fixed:
        said["network"] = config.network
    for param in params_of(Config):
        value = getattr(config, param.name)
        if param.name not in (*fixed, "network") and value != getattr(start, param.name):
            said[parameter_name(param.name)] = param.to_text(value)
    for param in get_family(config.family).params:
        if config.params.get(param.name, param.default) != param.default:
            said[parameter_name(param.name)] = param.to_text(config.params[param.name])
    return said


def from_query(query: Mapping[str, str]) -> Config:
    """The Config that `to_query` wrote; what is not named begins where the form does. UserError for an unknown
    parameter, or a value that its setting cannot take."""
    if unknown := sorted(set(query) - parameter_names()):
        raise UserError(f"There is no setting called {unknown[0]}.")
    default = Config()
    dataset, family_name = query.get("dataset", default.dataset), query.get("family", default.family)
    start = initial_config(dataset, family_name, query.get("preset", "default"), query.get("network"))
    family = get_family(start.family)
    fields = {param.name: param for param in params_of(Config) if param.name not in family.fixed}
    own = {param.name: param for param in family.params}
    return dataclasses.replace(start, **_given(query, fields), params={**start.params, **_given(query, own)})


def problems(query: Mapping[str, str]) -> dict[str, str]:
    """What of a form's parameters cannot be, each with the reason in a sentence; nothing where all can."""
    params = {parameter_name(param.name): param for param in params_of(Config)}
    checks: dict[str, Callable[[str], object]] = {"dataset": get_card, "family": get_family, "preset": _check_preset}
    found = _refused({name: checks[name] for name in CHOICES}, query)
    family = Config().family if "family" in found else query.get("family", Config().family)
    params |= {parameter_name(param.name): param for param in get_family(family).params}
    found |= _refused({name: param.validate for name, param in params.items()}, query)
    foreign = (query.keys() & parameter_names()) - {*CHOICES, *params}
    return found | {name: f"{family} has no setting called {name}." for name in sorted(foreign)}


def _check_preset(name: str) -> None:
    presets.default_config(Config().dataset, preset=name)


def _refused(checks: Mapping[str, Callable[[str], object]], query: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in checks.keys() & query.keys():
        try:
            checks[name](query[name])
        except UserError as error:
            found[name] = str(error)
    return found


def _given(query: Mapping[str, str], params: Mapping[str, Param]) -> dict[str, Any]:
    return {
        name: param.validate(query[parameter_name(name)])
        for name, param in params.items()
        if parameter_name(name) in query
    }
