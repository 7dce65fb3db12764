"""The doctor at work: findings with their cures, or a clean bill with the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from aecore.analysis.diagnosis import doctor
from aecore.content.wording import for_samples
from aecore.data.cards import CARDS
from aecore.jobs import api
from aecore.store import runs
from ui.run_data import statistics
from ui.session import identity
from ui.session.address import link, open_page
from ui.session.failures import or_stop

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel


def is_ill(run: LoadedModel) -> bool:
    """Whether the doctor finds anything wrong with a finished run."""
    fresh = _checkup(run)
    return fresh is not None and bool(doctor.diagnose(doctor.evidence_of(runs.entry(run.id), fresh)))


def _checkup(run: LoadedModel) -> dict[str, Any] | None:
    """The checkup of a finished run; None where there is none. Of a training that was stopped the history is the case:
    what may still come is no trouble yet."""
    return {} if run.stopped_after is not None else statistics.checkup(run)


def show_diagnosis(run: LoadedModel) -> None:
    """All that the doctor, the diagnosis of a training, says of a run."""
    stopped = run.stopped_after is not None
    entry, fresh = runs.entry(run.id), _checkup(run)
    if fresh is None:
        st.info(
            f"No checkup was kept of this run, and {run.card.title} is not on this computer to make one.",
            icon=":material/info:",
        )
        link("data", "Get the data set")
        return
    case = doctor.evidence_of(entry, fresh)
    found = doctor.diagnose(case)
    if found:
        show_findings(case, found)
    else:
        numbers = " · ".join(f"{_capitalised(name)}: {value}" for name, value in doctor.health_summary(case))
        st.success(
            f"**The doctor (training diagnosis) finds nothing wrong{' so far' * stopped}.** {numbers}",
            icon=":material/health_and_safety:",
        )
    with st.expander("Health metrics and thresholds"):
        _show_health_summary(case)


def show_findings(evidence: doctor.Evidence, results: list[doctor.Finding]) -> None:
    """What is wrong, the cause first: what shows it, what it means, and one click to a run without it."""
    with st.container(border=True):
        _show_finding(evidence, results[0], first=True)
    if others := results[1:]:
        with st.expander(f"Other findings (possible consequences): {', '.join(each.name for each in others)}"):
            for finding in others:
                _show_finding(evidence, finding, first=False)


def _show_finding(evidence: doctor.Evidence, finding: doctor.Finding, first: bool) -> None:
    noun = CARDS[evidence.config.dataset].modality.noun
    st.markdown(f":material/stethoscope: **{_capitalised(finding.name)}.** {for_samples(finding.message, noun)}")
    st.caption(for_samples(f"{finding.meaning} {finding.advice}".strip(), noun))
    if finding.fix and st.button(
        f"Retrain with {finding.fix_text}",
        key=f"retrain-{evidence.config.id}-{finding.name}",
        icon=":material/healing:",
        type="primary" if first else "secondary",
        help="Trains a new run with these settings; this one stays as it is.",
    ):
        _retrain(evidence, finding)


def _capitalised(text: str) -> str:
    """As a sentence begins; the rest stays as it is (ReLU)."""
    return text[:1].upper() + text[1:]


def _retrain(evidence: doctor.Evidence, finding: doctor.Finding) -> None:
    from aecore.models.families.build import resolve_config

    config = or_stop(resolve_config, doctor.with_fix(evidence.config, finding))
    or_stop(api.submit, config, None, identity.current_user())
    open_page("train", config.id)


def _show_health_summary(evidence: doctor.Evidence) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.caption("Validation metrics: numbers that the doctor looks at")
        st.dataframe(
            [{"metric": name, "value": value} for name, value in doctor.health_summary(evidence)],
            hide_index=True,
            height="content",
            alt="; ".join(f"{name}: {value}" for name, value in doctor.health_summary(evidence)),
        )
    with right:
        st.caption("Thresholds: where trouble begins")
        st.dataframe(
            [
                {"check": name, "threshold": limit.value, "reason": limit.reason}
                for name, limit in doctor.THRESHOLDS.items()
            ],
            hide_index=True,
            height=320,
            alt="The thresholds of the doctor, each with its reason.",
        )
