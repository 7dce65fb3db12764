"""The doctor: what is wrong with a model, the number that shows it, and the settings that cure it.

It reads what a training leaves behind (its history, and the checkup at its end), never the model itself, so it answers
while a model still trains, and for one that broke. All of it is of validation images. Causes come before what follows
from them: the first finding is the one to mend.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from aecore.analysis.diagnosis.checks import CHECKS
from aecore.analysis.diagnosis.evidence import Evidence as Evidence
from aecore.analysis.diagnosis.evidence import Finding as Finding
from aecore.analysis.diagnosis.evidence import format_share
from aecore.analysis.diagnosis.thresholds import CHANCE_DISCRIMINATOR_LOSS
from aecore.analysis.diagnosis.thresholds import THRESHOLDS as THRESHOLDS
from aecore.config import Config
from aecore.store import history
from aecore.store.run_info import RunInfo


def diagnose(evidence: Evidence) -> list[Finding]:
    """Find what went wrong in a training, the cause first.

    Parameters
    ----------
    evidence
        What is known of the run, as `aecore.analysis.diagnosis.doctor.evidence_of` gathers it.

    Returns
    -------
    list of Finding
        Each with a message, its meaning and settings that mend it. Empty for a healthy run, and for one of which
        nothing is known yet.

    Examples
    --------
    >>> import aecore
    >>> from aecore.analysis.diagnosis.doctor import evidence_of
    >>> aecore.diagnose(evidence_of(next(run for run in aecore.list_runs() if run.config.dataset == "digits")))
    []
    """
    asked = (sign for sign, waits in CHECKS.items() if not (waits and evidence.too_early))
    return [found for sign in asked if (found := sign(evidence))]


def with_fix(config: Config, finding: Finding) -> Config:
    """The same run with the settings that cure a finding, from fresh weights where it had them. `resolve_config` has
    still to check it."""
    own = {each.name for each in dataclasses.fields(Config)}
    family = str(finding.fix.get("family", config.family))
    kept = dict(config.params) if family == config.family else {}
    params = kept | {name: value for name, value in finding.fix.items() if name not in own}
    settings: dict[str, Any] = {name: value for name, value in finding.fix.items() if name in own}
    return dataclasses.replace(config, **settings, params=params)


def health_summary(evidence: Evidence) -> list[tuple[str, str]]:
    """The numbers that were looked at, as name and value in words: what a healthy run gets, and any other."""
    lines, code = [], evidence.code
    if evidence.checkup:
        size = evidence.checkup["effective_code_size"]
        lines.append(
            (
                "explained variance (R2)",
                f"{format_share(evidence.r2)} (PCA with {size}: {format_share(evidence.pca_r2)})",
            )
        )
    if evidence.history:
        lines.append(
            (
                "generalisation gap",
                f"{max(0.0, evidence.generalisation_gap):.1%} of what was learnt is missing on validation images",
            )
        )
    if "kl" in code:
        lines.append(
            ("active dimensions", f"{evidence.active_dimensions} of {len(code['kl'])}, total KL {evidence.kl:.2f} nats")
        )
    if "active_rate" in code:
        dead = sum(share == 0 for share in code["active_rate"])
        lines.append(("dead units", f"{dead} of {len(code['active_rate'])}"))
    if "usage" in code:
        named = evidence.family.codebook
        size = f" of {named.count(evidence.params)}" if named else ""
        lines.append(("codebook entries used", f"{len(code['usage'])}{size}"))
    for name, wrong in evidence.discriminator_losses.items():
        lines.append((f"{name} loss", f"{wrong:.2f} nats (chance: {CHANCE_DISCRIMINATOR_LOSS:.2f})"))
    if counts := evidence.outliers:
        lines.append(("outliers", _outlier_text(counts)))
    if evidence.signals:
        lines.append(("saturated errors", f"{evidence.signals['saturated_wrong']:.2%} of pixels"))
    return lines


def _outlier_text(counts: Mapping[str, int]) -> str:
    sides = (("train", "training"), ("validation", "validation"))
    shares = (f"{counts[name] / counts[f'n_{name}']:.1%} of {counts[f'n_{name}']:,} {of}" for name, of in sides)
    return f"{' images, '.join(shares)} images"


def evidence_of(entry: RunInfo, checkup: Mapping[str, Any] | None = None) -> Evidence:
    """The case of a run of the store whose settings can be read, with a `checkup` made just now or that of its end."""
    assert entry.config
    found = entry.result.get("checkup", {}) if checkup is None else checkup
    return Evidence(entry.config, history.history(entry.id), found, entry.diverged)
