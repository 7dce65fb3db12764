"""The Python side of what the browser decodes by itself: sends a model once, and mounts views of it.

A view `name` is a module static/live/{name}.js (what it must be stands at the top of static/live/index.js) and, where
there are such files, {name}.html, which it fills, and {name}.css.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui import component, shared

if TYPE_CHECKING:
    from aecore.trained import Trained


def weights(run: Trained) -> str | None:
    """Sends a model to the browser, once for a page; returns the key under which views find it there.

    None when the browser cannot compute this model; that is said here, and the page draws on the server instead.
    """
    from aecore.browser import Unknown

    try:
        program = shared.program(run)
    except Unknown as error:
        st.info(f"{error} The server draws it instead: pictures follow when you let go.", icon=":material/dns:")
        return None
    key = f"{run.id}-{run.result['created']}"
    head = {**program.head, "likelihood": run.config.likelihood}
    given = {"view": "weights", "model": key, "head": head, "blob": component.blob(program.weights.tobytes())}
    component.mounted("live", "weights")(key=f"weights-{key}", data=given)
    return key


def view(
    name: str,
    model_key: str | None,
    key: str,
    data: Mapping[str, Any],
    height: int | None = None,
    on_change: Mapping[str, Callable[[], None]] | None = None,
    default: Mapping[str, Any] | None = None,
) -> Any:
    """Mounts a view of a model that `weights` has sent, or of none (`model_key` None); `key` is its own on the page.

    `data` is sent anew, all of it, when any of it changes. What the view says with setStateValue(name, ...) and
    setTriggerValue(name, ...) is an attribute of the result for every name in `on_change`, whose functions are called
    then; `default` holds what states are before the view has said anything.
    """
    calls = {f"on_{state}_change": call for state, call in (on_change or {}).items()}
    return component.mounted("live", name)(
        key=key,
        data={**data, "view": name, "model": model_key},
        height="content" if height is None else height,
        default=dict(default) if default else None,
        **calls,
    )
