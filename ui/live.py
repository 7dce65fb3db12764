"""The Python side of what the browser decodes by itself: sends a model once, and mounts views of it.

A view `name` is a module static/live/{name}.js (what it must be stands at the top of static/live/index.js) and, where
there are such files, {name}.html, which it fills, and {name}.css.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from ui import shared

if TYPE_CHECKING:
    from aecore.trained import Trained

STATIC = Path(__file__).parent.parent / "static" / "live"
# in the addresses of the modules, so that no browser mixes an old one with a new one
VERSION = max(file.stat().st_mtime_ns for file in STATIC.iterdir()) // 1_000_000
JS = f"""
const live = await import(new URL("app/static/live/index.js?{VERSION}", document.baseURI));
export default live.default;
"""


@cache
def _component(name: str) -> Callable[..., Any]:
    def text(ending: str) -> str | None:
        file = STATIC / f"{name}.{ending}"
        return file.read_text() if file.exists() else None

    html = text("html") or f'<div class="{name}"></div>'
    # a style sheet inside a page cannot import by address, so what it imports is put in here
    css = re.sub(r'@import "(.+)";', lambda named: (STATIC / named[1]).read_text(), text("css") or "") or None
    mounted: Callable[..., Any] = st.components.v2.component(f"live_{name}", html=html, css=css, js=JS)
    return mounted


def weights(run: Trained) -> str | None:
    """Sends a model to the browser, once for a page; returns the key under which views find it there.

    None when the browser cannot compute this model; that is said here, and the page draws on the server instead.
    """
    import pyarrow as pa

    from aecore.browser import Unknown

    try:
        program = shared.program(run)
    except Unknown as error:
        st.info(f"{error} The server draws it instead: pictures follow when you let go.", icon=":material/dns:")
        return None
    key = f"{run.id}-{run.result['created']}"
    # a table, because bytes as they are would arrive as their Python repr
    blob = pa.table({"blob": pa.array([program.weights.tobytes()], pa.large_binary())})
    _component("weights")(
        key=f"weights-{key}", data={"view": "weights", "model": key, "head": program.head, "blob": blob}
    )
    return key


def view(
    name: str,
    model_key: str,
    key: str,
    data: Mapping[str, Any],
    height: int | None = None,
    on_change: Mapping[str, Callable[[], None]] | None = None,
    default: Mapping[str, Any] | None = None,
) -> Any:
    """Mounts a view of a model that `weights` has sent; `key` is its own on the page.

    `data` is sent anew, all of it, when any of it changes. What the view says with setStateValue(name, ...) and
    setTriggerValue(name, ...) is an attribute of the result for every name in `on_change`, whose functions are called
    then; `default` holds what states are before the view has said anything.
    """
    calls = {f"on_{state}_change": call for state, call in (on_change or {}).items()}
    return _component(name)(
        key=key,
        data={**data, "view": name, "model": model_key},
        height="content" if height is None else height,
        default=dict(default) if default else None,
        **calls,
    )
