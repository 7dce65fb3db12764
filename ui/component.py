"""Components that run in the browser: how their files under static/ are mounted, and how bytes get to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

STATIC = Path(__file__).parent.parent / "static"


@cache
def mounted(folder: str, name: str) -> Callable[..., Any]:
    """The component whose modules lie in static/{folder}, beginning with index.js; {name}.html is what it fills, and
    {name}.css its style, both where there are such files.
    """
    place = STATIC / folder
    # in the addresses of the modules, so that no browser mixes an old one with a new one
    version = max(file.stat().st_mtime_ns for file in place.iterdir()) // 1_000_000
    js = f"""
    const entry = await import(new URL("app/static/{folder}/index.js?{version}", document.baseURI));
    export default entry.default;
    """
    html = place / f"{name}.html"
    component: Callable[..., Any] = st.components.v2.component(
        f"{folder}_{name}",
        html=html.read_text() if html.exists() else f'<div class="{name}"></div>',
        css=_style(place / f"{name}.css") or None,
        js=js,
    )
    return component


def _style(file: Path) -> str:
    """A style sheet with those that it imports put in: one inside a page cannot import by address."""
    text = file.read_text() if file.exists() else ""
    return re.sub(r'@import "(.+)";', lambda named: _style(file.parent / named[1]), text)


def blob(content: bytes) -> Any:
    """Bytes for a component, which finds them at `blob.getChild('blob').get(0)`: as they are they would arrive as
    their Python repr, so they come in a table."""
    import pyarrow as pa

    return pa.table({"blob": pa.array([content], pa.large_binary())})
