"""What a server does once, after it has answered its first visitor: bounds uploads, imports torch, registers itself."""

from __future__ import annotations

import gc
import threading

import streamlit as st

from aecore.cache_budget import MemoryTrimmer
from ui.session import uploads


@st.cache_resource(show_spinner=False)
def preload() -> threading.Event:
    """Once for each server: bounds its uploads and, after the first paint, imports torch and starts the process that
    training forks from.

    Returns an event that is set when that is done.
    """
    done = threading.Event()
    uploads.limit_uploads()

    def load() -> None:
        from aecore.analysis import loaded  # noqa: F401
        from aecore.jobs import supervisor

        supervisor.register_server()
        # what is imported stays; collections need not look through it again (see also runner.postScriptGC)
        gc.collect()
        gc.freeze()
        MemoryTrimmer().start()
        done.set()

    threading.Timer(0.5, load).start()
    return done
