"""Components that run in the browser: how their files under static/ are mounted, and how bytes get to them.

Browsers are sent to a copy, static/served/{hash}/, where the hash is that of all files. A module finds those that it
imports beside itself, so what runs together always comes from one state of the files, whatever the browser has kept and
whatever has changed on the disk since. A server stays with the copy that it began with, for its Python is of that state
too. `make run RELOAD=1` looks at the files for each mount instead: a page loaded again shows what was edited.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from aecore.errors import UserError
from aecore.export.static_files import markup, module_graph, stylesheet
from ui.session.failures import or_stop

STATIC = Path(__file__).parents[2] / "static"
SERVED_DIR = "served"  # the folder in it for copies
TEMP_PREFIX = ".tmp-"  # what the name of a copy begins with while it is written or removed
MAX_AGE = 24 * 3600  # seconds after which a copy that nobody has used is removed
# Streamlit gives no lifetime, and browsers then keep a file for a tenth of its age (RFC 9111, 4.2.2): for years
MTIME = 946_684_800  # 2000-01-01

# What stands in a view until what runs it has come (static/index.js hides it): said once somebody has waited.
LOADING = '<p data-loading class="loading">Loading …</p>'
LOADING_STYLE = """
.loading { position: absolute; margin: 0.25rem; padding: 0 0.25rem; background: var(--st-background-color);
  color: var(--st-text-color); animation: appear 0s 0.5s both; }
@keyframes appear { from { visibility: hidden; } }
"""

_lock = threading.Lock()
_version = ""  # of the copy that this server sends browsers to; empty before the first mount


def mount(name: str) -> Callable[..., Any]:
    """The component of a view, which static/index.js loads: static/views/{name}/{name}.js, {name}.html, which it fills,
    and {name}.css, all where there are such files. Says why and ends the page when they cannot be served."""
    return _component(or_stop(version), name)


@cache
def _component(copy: str, name: str) -> Callable[..., Any]:
    root = STATIC / SERVED_DIR / copy
    place = root / "views" / name
    # A browser that learns of an import by reading what imports it would wait for one answer after the other.
    needed = json.dumps(module_graph(root, "index.js", f"views/{name}/{name}.js"))
    js = f"""
    const root = new URL("app/static/{SERVED_DIR}/{copy}/", document.baseURI);
    for (const file of {needed}) import(new URL(file, root));
    const entry = await import(new URL("index.js", root));
    export default entry.default;
    """
    html = place / f"{name}.html"
    component: Callable[..., Any] = st.components.v2.component(
        name,
        html=LOADING + (markup(html) if html.exists() else f'<div class="{name}"></div>'),
        css=stylesheet(place / f"{name}.css") + LOADING_STYLE,
        js=js,
    )
    return component


def version() -> str:
    """The name of the copy in static/served/ that browsers are sent to; it is there. UserError when it cannot be."""
    global _version
    with _lock:  # of several sessions that begin at once one writes, and the others wait for it
        if st.get_option("server.runOnSave") or not (_version and _touch(STATIC / SERVED_DIR / _version)):
            try:
                found = publish(STATIC)
            except UserError as error:
                _print_once(str(error))
                raise
            if found != _version:
                _component.cache_clear()  # Streamlit knows one component of a name: the one registered last
            _version = found
        return _version


def publish(static: Path) -> str:
    """Copies all of `static` but its copies to static/served/{version}, unless that is there, and removes copies that
    nobody has used for a day. Returns the version: a hash of the names and the bytes of the files.

    Several processes may do it at once. UserError when the copy cannot be written.
    """
    files = {
        path.relative_to(static).as_posix(): path.read_bytes()
        for path in sorted(static.rglob("*"))
        if path.is_file() and path.relative_to(static).parts[0] != SERVED_DIR
    }
    digest = sha256()
    for name, content in files.items():
        digest.update(f"{name}\0{len(content)}\0".encode() + content)
    place = static / SERVED_DIR / digest.hexdigest()[:12]
    if not place.is_dir():
        try:
            _write(files, place)
        except OSError as error:
            raise UserError(
                f"What runs in the browser cannot be shown because {place.parent} cannot be written "
                f"({error.strerror or error}): allow the account that runs the laboratory to write there, and load the "
                "page again."
            ) from error
    _touch(place)
    _remove_unused(place)
    return place.name


def _write(files: Mapping[str, bytes], target: Path) -> None:
    """Writes all files or none: they get their place when they are complete."""
    part = _temp_path(target)
    try:
        for name, content in files.items():
            file = part / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
            os.utime(file, (MTIME, MTIME))
        part.rename(target)
    except OSError:
        if not target.is_dir():  # else another process was faster, with the same contents
            raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _temp_path(target: Path) -> Path:
    return target.with_name(f"{TEMP_PREFIX}{secrets.token_hex(8)}")


def _touch(copy_dir: Path) -> bool:
    """Notes that a copy is in use; returns whether it is there. It need not be ours to write."""
    try:
        os.utime(copy_dir)
    except OSError:
        return copy_dir.is_dir()
    return True


def _remove_unused(used: Path) -> None:
    for place in used.parent.iterdir():
        try:
            if place == used or time.time() - place.stat().st_mtime < MAX_AGE:
                continue
            place = place.rename(_temp_path(place))  # at once: half a copy under its name would count as a whole one
        except OSError:  # another process removes it, or it is not ours
            continue
        shutil.rmtree(place, ignore_errors=True)


@cache
def _print_once(message: str) -> None:
    """Says it where the server was started; once, though every page meets it."""
    print(message, file=sys.stderr, flush=True)


def blob(content: bytes | np.ndarray) -> Any:
    """Bytes (or those of an array) for a component, which finds them at `blob.getChild('blob').get(0)`: as they are
    they would arrive as their Python repr, so they come in a table. They are not copied: nobody may write into them."""
    import pyarrow as pa

    held = pa.py_buffer(np.ascontiguousarray(content) if isinstance(content, np.ndarray) else content)
    ends = pa.py_buffer(np.array([0, held.size], np.int64))
    return pa.table({"blob": pa.LargeBinaryArray.from_buffers(pa.large_binary(), 1, [None, ends, held])})
