"""Projections that take a while: which one is asked for, how far it is, and what there is instead of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.jobs import projection_jobs
from aecore.store import permissions
from ui.run_data import splits
from ui.session import identity
from ui.session.failures import or_stop
from ui.session.text import duration, escape

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.jobs.projection_jobs import ProjectionStatus

POLL = 0.5  # seconds between two looks at a projection


@dataclass(frozen=True)
class MapRequest:
    """A map that somebody wants to see."""

    projection: str  # RAW, or one of aecore.analysis.projections.PROJECTIONS
    subset: str  # one of splits.SUBSETS
    count: int
    params: Mapping[str, Any]
    is_default: bool = True  # whether it needs no word of confirmation: nobody has set anything


def map_codes(run: LoadedModel, request: MapRequest) -> np.ndarray:
    """The codes `[count, D]` of a map."""
    return splits.codes(run, request.subset)[: request.count]


def projection_status(run: LoadedModel, request: MapRequest) -> ProjectionStatus | None:
    """Where the map stands. The usual one is begun when nobody has; others wait until somebody says so."""
    codes = map_codes(run, request)
    found = or_stop(projection_jobs.status, codes, request.projection, request.params)
    if (request.is_default and found is None) or (found and found.state == "waiting"):
        # one that waits may only have been prepared
        return or_stop(projection_jobs.submit, codes, request.projection, request.params, user=identity.current_user())
    return found


def show_status(run: LoadedModel, request: MapRequest, status: ProjectionStatus | None) -> None:
    """What there is instead of the map: how far it is, or why there is none, and a way on."""
    if status and status.state in ("waiting", "running"):
        st.fragment(_progress, run_every=POLL)(run, request)
    elif status is None:
        _start_button(run, request, "Compute projection")
    else:
        tell = st.error if status.state == "failed" else st.info
        said, icon = escape(status.message), ":material/error:" if status.message else None
        tell(said or "This projection was cancelled.", icon=icon)
        _start_button(run, request, "Compute again")
    st.caption(f"Below: the same {request.count:,} {run.card.modality.noun.many} by PCA.")


def _start_button(run: LoadedModel, request: MapRequest, label: str) -> None:
    if st.button(label, icon=":material/play_arrow:", type="primary"):
        or_stop(
            projection_jobs.submit,
            map_codes(run, request),
            request.projection,
            request.params,
            user=identity.current_user(),
        )
        st.rerun()


def _progress(run: LoadedModel, request: MapRequest) -> None:
    """How far the drawing is, again and again; once it has ended the whole page looks anew."""
    drawing = projection_jobs.status(map_codes(run, request), request.projection, request.params)
    if drawing is None or drawing.state not in ("waiting", "running"):
        st.rerun()
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(drawing.fraction, _status_text(request.projection, drawing))
        why = permissions.denial_reason(
            "cancel", projection_jobs.request_for_projection(drawing.users, identity.current_user())
        )
        if st.button("Cancel", icon=":material/close:", key="cancel-map", disabled=bool(why), help=escape(why) or None):
            if others := or_stop(projection_jobs.cancel, drawing, identity.current_user()):
                st.toast(f"It goes on, for {others} {'other' if others == 1 else 'others'} who asked for it.")
            st.rerun()


def _status_text(projection: str, status: ProjectionStatus) -> str:
    """Where a drawing stands, in words."""
    left = f", about {duration(max(1, status.seconds_left))} left" if status.seconds_left else ""
    if status.state == "running":
        return f"Computing {projection}{left or ' ...'}"
    if status.ahead:
        return f"Queued: {status.ahead} {'projection' if status.ahead == 1 else 'projections'} ahead{left}"
    return f"Starting {projection}{left or ' ...'}"
