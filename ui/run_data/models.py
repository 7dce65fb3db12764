"""Runs, opened once for all sessions: finished ones, and those that were stopped."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING

from ui.run_data.per_run import per_run
from ui.session import cache

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.program import Program

_LOAD_LOCK = threading.Lock()  # one at a time: while it is read, a model takes twice its memory
_MODELS: weakref.WeakValueDictionary[tuple[str, float], LoadedModel] = weakref.WeakValueDictionary()


@cache.cached(max_entries=12, show_spinner="Opening the model ...")
def load_model(run: str, created: float) -> LoadedModel:
    """A run that is finished or was stopped, opened. Whoever still looks at one that was let go of shares it with who
    asks anew."""
    from aecore.analysis import loaded

    with _LOAD_LOCK:
        found = _MODELS.get((run, created)) or loaded.load(run, allow_stopped=True)
        _MODELS[run, created] = found
    return found


@per_run(max_entries=8)
def program(run: LoadedModel) -> Program:
    """The model as the browser computes it; raises aecore.export.program.UnsupportedLayer when it cannot."""
    from aecore.export import compile_browser

    return compile_browser.compile_model(run)
