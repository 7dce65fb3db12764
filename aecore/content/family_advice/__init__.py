"""Advice by family: what to try with its models, what goes wrong with them and how one sees it."""

from __future__ import annotations

from aecore.content.family_advice import adversarial, deterministic, flows, semi_supervised, sparse, variational
from aecore.content.family_advice.records import Advice as Advice
from aecore.content.family_advice.records import Suggestion as Suggestion

BY_FAMILY: dict[str, Advice] = {
    name: advice
    for subject in (deterministic, sparse, variational, adversarial, flows, semi_supervised)
    for name, advice in subject.ADVICE.items()
}
