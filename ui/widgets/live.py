"""The Python side of what the browser decodes by itself: sends a model once, and mounts views of it.

A view `name` is a module static/views/{name}/{name}.js (what it must be stands at the top of static/index.js) and,
where there are such files, {name}.html, which it fills, and {name}.css.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from aecore.data.modalities import Points
from ui.run_data import models, splits
from ui.session import cache
from ui.session.text import escape
from ui.widgets import component

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.packed_map import PlaneMap
    from aecore.export.program import Program

N_BACKGROUND = 300  # test samples that are drawn behind a point


def send_model(run: LoadedModel) -> str | None:
    """Sends a model to the browser, once for a page; returns the key under which views find it there.

    None when the browser cannot compute this model; that is said here, and the page draws on the server instead.
    """
    from aecore.export.program import UnsupportedLayer

    try:
        program = models.program(run)
    except UnsupportedLayer as error:
        st.info(f"{escape(error)} The server draws it instead: images follow when you let go.", icon=":material/dns:")
        return None
    key = key_of(run.id, run.result["created"])
    send_program(key, program, run.config.likelihood, _background_points(run))
    return key


def key_of(run: str, created: float) -> str:
    """Under which key views find a run's model in the browser."""
    return f"{run}-{created}"


def _background_points(run: LoadedModel) -> list[float] | None:
    """Test points, x and y by turns, among which the browser draws a decoded one; None of other samples, and of points
    that are not on this computer."""
    if not isinstance(run.card.modality, Points) or not splits.data_available(run):
        return None
    values: list[float] = splits.test_split(run).to_float(slice(N_BACKGROUND)).ravel().tolist()
    return values


def send_program(key: str, program: Program, likelihood: str, background: list[float] | None = None) -> None:
    """Sends a model to the browser, where views that are mounted before or after find it under `key`; a model of points
    with others as `background`."""
    data = {"view": "program", "model": key} | _payload(key, likelihood, program, background)
    component.mount("program")(key=f"program-{key}", data=data)


@cache.cached(max_entries=8)
def _payload(key: str, likelihood: str, _program: Program, _background: list[float] | None = None) -> dict[str, Any]:
    """What is sent of the model that `key` names."""
    head, weights = _program.payload(likelihood)
    if _background:
        head["modality"] = {**head["modality"], "background": [round(value, 3) for value in _background]}
    return {"head": head, "blob": component.blob(weights)}


def plane_payload(key: str, plane_map: PlaneMap, label: int = 0) -> dict[str, Any]:
    """What static/map/latent_plane.js reads: codes on a plane under their own `key`, and the label to draw them as."""
    return {"key": key, "head": plane_map.head, "blob": component.blob(plane_map.blob), "class_label": label}


def view(
    name: str,
    model_key: str | None,
    key: str,
    data: Mapping[str, Any],
    height: int | None = None,
    on_change: Mapping[str, Callable[[], None]] | None = None,
    default: Mapping[str, Any] | None = None,
    marks: bool = False,
) -> Any:
    """Mounts a view of a model that `send_program` has sent, or of none (`model_key` None); `key` is the view's.

    `data` is sent anew, all of it, when any of it changes. What the view says with setStateValue(name, ...) and
    setTriggerValue(name, ...) is an attribute of the result for every name in `on_change`, whose functions are called
    then; `default` holds what states are before the view has said anything. A view that `marks` what was chosen before
    the page has heard of it is sent `data` after every choice, though they be as before: with Back pressed at once the
    page shows what it showed last, and the mark has to go.
    """
    turns = f"{key}-turns"

    def counted(call: Callable[[], None]) -> Callable[[], None]:
        def heard() -> None:
            st.session_state[turns] = st.session_state.get(turns, 0) + 1
            call()

        return heard if marks else call

    calls = {f"on_{state}_change": counted(call) for state, call in (on_change or {}).items()}
    turn = {"turn": st.session_state.get(turns, 0)} if marks else {}
    return component.mount(name)(
        key=key,
        data={**data, **turn, "view": name, "model": model_key},
        height="content" if height is None else height,
        default=dict(default) if default else None,
        **calls,
    )
