"""Which networks fit which families."""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any

from aecore.errors import UserError
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.models.families.registry import Family
from aecore.models.networks import NetworkFactory

SERVER_ONLY = {"flow-vae", "real-nvp"}  # families with a part that has no step in the browser: the server computes


@cache
def is_refused(family: str, network: str) -> bool:
    """Whether a family cannot have a network, of those that fit images."""
    try:
        resolve_config(presets.default_config("digits", network, family=family))
    except UserError:
        return True
    return False


def architecture_of(family: Family) -> dict[str, Any]:
    """What a family fixes of its networks, as a `NetworkFactory` takes it."""
    names = {each.name for each in dataclasses.fields(NetworkFactory)} - {"likelihood"}  # a name there, a module here
    return {name: value for name, value in family.fixed.items() if name in names}
