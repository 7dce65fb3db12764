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

SESSION_BYTES = 48 << 20  # bytes of one session: two files of the largest that are taken, as many as a page shows
MIN_SERVER_BYTES, MEMORY_SHARE = 64 << 20, 1 / 32  # bytes of all sessions: of the machine's memory
GRACE_PERIOD, SWEEP_INTERVAL = (
    10.0,
    5.0,
)  # seconds that files stay when their session's browser has gone, and between two looks


class BoundedUploads(MemoryUploadedFileManager):
    """Lets go of a session's older files when newer ones need their room, and refuses what the server has none for."""

    def add_file(self, session_id: str, file: UploadedFileRec) -> None:
        size = len(file.data)
        with self._lock:
            others = {each: rec for each, rec in self.file_storage.get(session_id, {}).items() if each != file.file_id}
        room = SESSION_BYTES - size - sum(len(rec.data) for rec in others.values())
        for older, rec in others.items():  # in the order in which they came
            if room >= 0:
                break
            self.remove_file(session_id, older)
            room += len(rec.data)
        if size + self._total_bytes > max_server_bytes():
            self.remove_sessions({each for each in list(self.file_storage) if not _is_connected(each)})
        if size + self._total_bytes > max_server_bytes():
            raise HTTPException(
                HTTPStatus.INSUFFICIENT_STORAGE,
                f"Uploads of all people take the {limits.format_bytes(max_server_bytes())} that there are for them: "
                "try again in a minute.",
            )
        super().add_file(session_id, file)

    def remove_sessions(self, sessions: set[str]) -> None:
        """Lets go of all files of some sessions."""
        for each in sessions:
            self.remove_session_files(each)


def max_server_bytes() -> int:
    """Bytes that the uploads of all sessions may take."""
    return max(MIN_SERVER_BYTES, int(MEMORY_SHARE * limits.machine_memory()))


def _is_connected(session: str) -> bool:
    return runtime.exists() and runtime.get_instance().is_active_session(session)


class Sweeper(threading.Thread):
    """Lets go of the files of sessions whose browser has been gone for a while."""

    def __init__(self, uploads: BoundedUploads) -> None:
        super().__init__(name="uploads", daemon=True)
        self.uploads = uploads
        self.disconnected_since: dict[str, float] = {}  # since when

    def run(self) -> None:
        while True:
            time.sleep(SWEEP_INTERVAL)
            self.sweep(time.monotonic())

    def sweep(self, now: float) -> None:
        away = {each for each in list(self.uploads.file_storage) if not _is_connected(each)}
        self.disconnected_since = {each: self.disconnected_since.get(each, now) for each in away}
        self.uploads.remove_sessions(
            {each for each, since in self.disconnected_since.items() if now - since >= GRACE_PERIOD}
        )


def limit_uploads() -> None:
    """Bounds the uploads of this server; nothing where pages run without one."""
    if not runtime.exists():
        return
    uploads = runtime.get_instance().uploaded_file_mgr
    if type(uploads) is MemoryUploadedFileManager:
        uploads.__class__ = BoundedUploads  # its routes hold on to this object
        assert isinstance(uploads, BoundedUploads)
        Sweeper(uploads).start()
