"""A file that somebody is about to add: where it lies, how it is read, and what was understood of it."""

from __future__ import annotations

import dataclasses
import secrets
import threading
import weakref
from typing import TYPE_CHECKING

import streamlit as st

from aecore import disk
from aecore.errors import UserError
from ui.session.incoming import Received
from ui.session.text import escape

if TYPE_CHECKING:
    from aecore.data.adding import AddOptions, ColumnSummary, Understood

STATE_KEY = "ae-add-reading"
SIMULTANEOUS = 2  # files that are read at a time: of many people some wait, and pages stay quick
_turns = threading.BoundedSemaphore(SIMULTANEOUS)


class Reading:
    """A file and what was last understood of it; both are gone when it is closed, or when its session is."""

    def __init__(self, file: Received) -> None:
        self.file = file
        self.key = secrets.token_hex(4)  # of the fields that belong to this file
        self.found: Understood | None = None
        self.problem = ""  # why nothing was understood
        self.kind = ""  # of what was understood last: fields stay when another choice is refused
        self.file_columns: tuple[str, ...] = ()  # as last seen, for there are none where nothing was understood
        self.guessed: tuple[ColumnSummary, ...] = ()  # before anybody set their kinds
        self.first_guess: tuple[str, str] | None = None  # what its samples are, and which column its label, then
        self._options: AddOptions | None = None
        self._release: weakref.finalize[..., Reading] | None = None

    @property
    def is_array(self) -> bool:
        """Whether it holds arrays, as its name says."""
        return self.file.path.suffix.lower() in (".npz", ".npy")

    @property
    def may_be_table(self) -> bool:
        """Whether it has columns, or may be found to have some when it is read in another way."""
        return bool(self.file_columns) or (
            not self.found and self.file.path.suffix.lower() in (".csv", ".tsv", ".txt", ".parquet")
        )

    def read(self, options: AddOptions) -> None:
        """Understands the file as these options say, unless that is what was done last."""
        wanted = dataclasses.replace(options, name="", licence="", added_by="")
        if wanted == self._options:
            return
        self._forget()
        from aecore.data.adding import understand

        place = st.empty()
        status = place.status(f"Reading {escape(self.file.name)} ...")
        if not _turns.acquire(blocking=False):
            status.update(label="Waiting until the files of other people are read ...")
            _turns.acquire()
        try:
            with disk.user_errors("The file cannot be read"):
                self._take(understand(self.file.path, wanted, lambda said: status.update(label=escape(said))), wanted)
        except UserError as error:
            self.problem = str(error)
        finally:
            _turns.release()
        self._options = wanted
        place.empty()

    def _take(self, found: Understood, options: AddOptions) -> None:
        self.found, self.kind = found, found.kind
        self._release = weakref.finalize(self, found.close)
        self.file_columns = found.file_columns or self.file_columns
        if not (self.first_guess or options.kind or options.label):
            label = next((each.name for each in found.columns if each.kind == "label"), "none")
            self.first_guess = (found.modality.noun.many, label)
        if not options.column_kinds:
            self.guessed = found.columns

    def _forget(self) -> None:
        if self._release:
            self._release()
        self.found, self.problem, self._options, self._release = None, "", None, None

    def close(self) -> None:
        """Removes the file, and what was understood of it."""
        self._forget()
        self.file.close()


def current() -> Reading | None:
    """The file that this session is about to add."""
    found: Reading | None = st.session_state.get(STATE_KEY)
    return found


def begin(file: Received) -> Reading:
    """Another file, in place of the one before."""
    end()
    st.session_state[STATE_KEY] = Reading(file)
    made: Reading = st.session_state[STATE_KEY]
    return made


def end() -> None:
    """Leaves the file, if there is one."""
    if found := st.session_state.pop(STATE_KEY, None):
        found.close()
