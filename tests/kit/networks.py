"""Which networks fit which families."""

from __future__ import annotations

from functools import cache

from aecore.errors import UserError
from aecore.models import presets
from aecore.models.families.build import resolve_config


@cache
def is_refused(family: str, network: str) -> bool:
    """Whether a family cannot have a network, of those that fit images."""
    try:
        resolve_config(presets.default_config("digits", network, family=family))
    except UserError:
        return True
    return False
