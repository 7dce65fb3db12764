"""The doctor: what is wrong with a model, the number that shows it, and the settings that cure it.

It reads what a training leaves behind (its history, and the checkup at its end), never the model itself, so it answers
while a model still trains, and for one that broke. All of it is of validation pictures. Causes come before what follows
from them: the first finding is the one to mend.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from aecore.analysis.diagnosis.checks import SIGNS
from aecore.analysis.diagnosis.evidence import FAIR_CRITIC, share_of
from aecore.analysis.diagnosis.evidence import LIMITS as LIMITS
from aecore.analysis.diagnosis.evidence import Case as Case
from aecore.analysis.diagnosis.evidence import Finding as Finding
from aecore.config import Config
from aecore.store import runs


def diagnose(case: Case) -> list[Finding]:
    """All that is wrong, the cause first; empty for a healthy run, and for one of which nothing is known yet."""
    asked = (sign for sign, waits in SIGNS.items() if not (waits and case.early))
    return [found for sign in asked if (found := sign(case))]


def cured(config: Config, finding: Finding) -> Config:
    """The same run with the settings that cure a finding, from fresh weights where it had them. `families.settle` has
    still to check it."""
    own = {each.name for each in dataclasses.fields(Config)}
    family = str(finding.cure.get("family", config.family))
    kept = dict(config.knobs) if family == config.family else {}
    knobs = kept | {name: value for name, value in finding.cure.items() if name not in own}
    settings: dict[str, Any] = {name: value for name, value in finding.cure.items() if name in own}
    return dataclasses.replace(config, **settings, knobs=knobs)


def bill(case: Case) -> list[tuple[str, str]]:
    """The numbers that were looked at, as name and value in words: what a healthy run gets, and any other."""
    lines, code = [], case.code
    if case.checkup:
        size = case.checkup["size"]
        lines.append(("variance given back", f"{share_of(case.given_back)} (PCA with {size}: {share_of(case.plane)})"))
    if case.history:
        lines.append(("missing on pictures it did not learn from", f"{max(0.0, case.gap):.1%} of what was learnt"))
    if "kl" in code:
        lines.append(("numbers in use", f"{case.active} of {len(code['kl'])}, which tell {case.kl:.2f} nats"))
    if "on" in code:
        dead = sum(share == 0 for share in code["on"])
        lines.append(("units never active", f"{dead} of {len(code['on'])}"))
    if "taken" in code:
        named = case.family.codebook
        size = f" of {case.knobs[named.size]}" if named else ""
        lines.append(("vectors in use", f"{len(code['taken'])}{size}"))
    if case.critic is not None:
        lines.append(("critic wrong by", f"{case.critic:.2f} nats (cannot tell: {FAIR_CRITIC:.2f})"))
    if case.vitals:
        lines.append(("certain and wrong", f"{case.vitals['saturated']:.2%} of pixels"))
    return lines


def of(entry: runs.Entry, checkup: Mapping[str, Any] | None = None) -> Case:
    """The case of a run of the store whose settings can be read, with a `checkup` made just now or that of its end."""
    assert entry.config
    found = entry.result.get("checkup", {}) if checkup is None else checkup
    return Case(entry.config, runs.history(entry.id), found, entry.diverged)
