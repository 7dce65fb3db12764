"""Uploads are bounded: for each session and for the server in bytes, and for sessions that have left in time.

Streamlit keeps what is uploaded until its session ends, which is minutes after its browser has gone, and takes as many
files as are sent.
"""

from __future__ import annotations

import threading
import time
from http import HTTPStatus

from starlette.exceptions import HTTPException
from streamlit import runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from aecore import limits

A_SESSION = 48 << 20  # bytes of one session: two files of the largest that are taken, as many as a page shows
LEAST_SERVER, SHARE = 64 << 20, 1 / 32  # bytes of all sessions: of the machine's memory
LEFT, LOOK = 10.0, 5.0  # seconds that files stay when their session's browser has gone, and between two looks


class BoundedUploads(MemoryUploadedFileManager):
    """Lets go of a session's older files when newer ones need their room, and refuses what the server has none for."""

    def add_file(self, session_id: str, file: UploadedFileRec) -> None:
        size = len(file.data)
        with self._lock:
            others = {each: rec for each, rec in self.file_storage.get(session_id, {}).items() if each != file.file_id}
        room = A_SESSION - size - sum(len(rec.data) for rec in others.values())
        for older, rec in others.items():  # in the order in which they came
            if room >= 0:
                break
            self.remove_file(session_id, older)
            room += len(rec.data)
        if size + self._total_bytes > most():
            self.forget({each for each in list(self.file_storage) if not _connected(each)})
        if size + self._total_bytes > most():
            raise HTTPException(
                HTTPStatus.INSUFFICIENT_STORAGE,
                f"Uploads of all people take the {limits.in_words(most())} that there are for them: try again in a "
                "minute.",
            )
        super().add_file(session_id, file)

    def forget(self, sessions: set[str]) -> None:
        """Lets go of all files of some sessions."""
        for each in sessions:
            self.remove_session_files(each)


def most() -> int:
    """Bytes that the uploads of all sessions may take."""
    return max(LEAST_SERVER, int(SHARE * limits.machine_memory()))


def _connected(session: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(session)


class Sweeper(threading.Thread):
    """Lets go of the files of sessions whose browser has been gone for a while."""

    def __init__(self, uploads: BoundedUploads) -> None:
        super().__init__(name="uploads", daemon=True)
        self.uploads = uploads
        self.gone: dict[str, float] = {}  # since when

    def run(self) -> None:
        while True:
            time.sleep(LOOK)
            self.look(time.monotonic())

    def look(self, now: float) -> None:
        away = {each for each in list(self.uploads.file_storage) if not _connected(each)}
        self.gone = {each: self.gone.get(each, now) for each in away}
        self.uploads.forget({each for each, since in self.gone.items() if now - since >= LEFT})


def bound() -> None:
    """Bounds the uploads of this server; nothing where pages run without one."""
    if not runtime.exists():
        return
    uploads = runtime.get_instance().uploaded_file_mgr
    if type(uploads) is MemoryUploadedFileManager:
        uploads.__class__ = BoundedUploads  # its routes hold on to this object
        assert isinstance(uploads, BoundedUploads)
        Sweeper(uploads).start()
