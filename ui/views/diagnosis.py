"""The doctor at work: findings with their cures, or a clean bill with the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from aecore.analysis.diagnosis import doctor
from aecore.jobs import api
from aecore.store import runs
from ui import frame, shared
from ui.session import identity

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained


def visit(run: Trained) -> None:
    """All that the doctor says of a finished run."""
    entry, fresh = runs.entry(run.id), shared.checkup(run)
    if fresh is None:
        st.info(
            f"No checkup was kept of this run, and {run.card.title} is not on this computer to make one.",
            icon=":material/info:",
        )
        return
    case = doctor.of(entry, fresh)
    found = doctor.diagnose(case)
    if found:
        findings(case, found)
    else:
        numbers = " · ".join(f"{_opening(name)}: {value}" for name, value in doctor.bill(case))
        st.success(f"**The doctor finds nothing wrong.** {numbers}", icon=":material/health_and_safety:")
    with st.expander("The doctor's numbers, and where trouble begins"):
        _bill(case)


def findings(case: doctor.Case, found: list[doctor.Finding]) -> None:
    """What is wrong, the cause first: what shows it, what it means, and one click to a run without it."""
    with st.container(border=True):
        _finding(case, found[0], first=True)
    if others := found[1:]:
        with st.expander(f"Also found, and may follow from it: {', '.join(each.name for each in others)}"):
            for finding in others:
                _finding(case, finding, first=False)


def _finding(case: doctor.Case, finding: doctor.Finding, first: bool) -> None:
    st.markdown(f":material/stethoscope: **{_opening(finding.name)}.** {finding.said}")
    st.caption(f"{finding.means} {finding.advice}".strip())
    if finding.cure and st.button(
        f"Fork with the cure: {finding.words}",
        key=f"cure-{case.config.id}-{finding.name}",
        icon=":material/healing:",
        type="primary" if first else "secondary",
        help="Trains a new run with these settings; this one stays as it is.",
    ):
        _fork(case, finding)


def _opening(words: str) -> str:
    """As a sentence begins; the rest stays as it is (ReLU)."""
    return words[:1].upper() + words[1:]


def _fork(case: doctor.Case, finding: doctor.Finding) -> None:
    from aecore.models.families.build import settle

    config = frame.attempt(settle, doctor.cured(case.config, finding))
    frame.attempt(api.submit, config, None, identity.me())
    st.switch_page("pages/train.py", query_params=frame.address(config.id))


def _bill(case: doctor.Case) -> None:
    left, right = st.columns([2, 3], gap="large")
    with left:
        st.caption("Of validation pictures")
        st.dataframe(
            [{"what": name, "number": value} for name, value in doctor.bill(case)],
            hide_index=True,
            height="content",
            alt="; ".join(f"{name}: {value}" for name, value in doctor.bill(case)),
        )
    with right:
        st.caption("Where trouble begins")
        st.dataframe(
            [{"what": name, "limit": limit.at, "why there": limit.why} for name, limit in doctor.LIMITS.items()],
            hide_index=True,
            height=320,
            alt="The limits of the doctor, each with its reason.",
        )
