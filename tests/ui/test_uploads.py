"""Uploads: one session, all together and sessions that have left can fill only so much memory."""

from __future__ import annotations

import contextlib
import http.client
import time
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from starlette.exceptions import HTTPException
from streamlit.runtime.uploaded_file_manager import UploadedFileRec

from aecore import limits
from ui.session import uploads
from ui.session.uploads import SESSION_BYTES, BoundedUploads, Sweeper

MB = 1_000_000


@pytest.fixture
def manager(monkeypatch):
    monkeypatch.setenv("AECORE_MEMORY", str(4 << 30))
    monkeypatch.setattr(uploads, "_is_connected", lambda session: not session.startswith("gone"))
    return BoundedUploads("/upload")


def put(manager: BoundedUploads, session: str, name: str, size: int) -> None:
    manager.add_file(session, UploadedFileRec(name, f"{name}.png", "image/png", bytes(size)))


def there(manager: BoundedUploads, session: str) -> list[str]:
    return [name for name in "abcdefgh" if manager.get_files(session, [name])]


def test_a_session_keeps_its_newest_files(manager):
    """40 files of 19 MB stayed 760 MB: now two of them do."""
    for number in range(40):
        put(manager, "ada", str(number), 19 * MB)
    assert (
        manager.get_files("ada", ["38"]) and manager.get_files("ada", ["39"]) and not manager.get_files("ada", ["37"])
    )
    assert manager._total_bytes == 38 * MB <= SESSION_BYTES


def test_small_files_all_stay_and_one_sent_again_takes_its_own_place(manager):
    for name in "abcdefgh":
        put(manager, "ada", name, MB)
    put(manager, "ada", "a", 2 * MB)
    assert there(manager, "ada") == list("abcdefgh") and manager._total_bytes == 9 * MB


def test_the_server_refuses_when_all_are_full_and_says_so(manager):
    assert uploads.max_server_bytes() == 128 << 20
    for number in range(6):
        put(manager, f"person {number}", "a", 20 * MB)
    with pytest.raises(HTTPException) as refused:
        put(manager, "one more", "a", 20 * MB)
    assert refused.value.status_code == 507
    assert refused.value.detail == (
        f"Uploads of all people take the {limits.format_bytes(128 << 20)} that there are for them: try again in a "
        f"minute."
    )
    assert manager._total_bytes == 120 * MB and not there(manager, "one more")
    put(manager, "person 3", "b", 8 * MB)


def test_sessions_that_have_left_make_room_at_once_when_it_is_needed(manager):
    for number in range(6):
        put(manager, f"gone {number}", "a", 20 * MB)
    put(manager, "ada", "a", 20 * MB)
    assert there(manager, "ada") == ["a"] and manager._total_bytes == 20 * MB


def test_files_of_a_session_that_has_left_go_soon_and_those_of_a_short_absence_stay(manager, monkeypatch):
    sweeper = Sweeper(manager)
    put(manager, "ada", "a", MB)
    put(manager, "gone", "a", MB)
    sweeper.sweep(100.0)
    sweeper.sweep(100.0 + uploads.GRACE_PERIOD / 2)
    assert there(manager, "gone") == ["a"]
    monkeypatch.setattr(uploads, "_is_connected", lambda session: True)  # it comes back
    sweeper.sweep(100.0 + uploads.GRACE_PERIOD)
    monkeypatch.setattr(uploads, "_is_connected", lambda session: session != "gone")
    sweeper.sweep(101.0 + uploads.GRACE_PERIOD)
    assert there(manager, "gone") == ["a"], "away for a moment again"
    sweeper.sweep(101.0 + 2 * uploads.GRACE_PERIOD)
    assert not there(manager, "gone") and there(manager, "ada") == ["a"]


def test_pages_without_a_server_have_nothing_to_bound():
    uploads.limit_uploads()


# --- A real server ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _session(host: str) -> Iterator[str]:
    """An open page: the name of its session."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.sync.client import connect

    with connect(f"ws://{host}/_stcore/stream", subprotocols=["streamlit"], max_size=None) as page:
        asked = BackMsg()
        asked.rerun_script.query_string = ""
        page.send(asked.SerializeToString())
        while True:
            message = ForwardMsg.FromString(page.recv(timeout=60))
            if message.WhichOneof("type") == "new_session":
                yield message.new_session.initialize.session_id
                return


def _sent(host: str, session: str, size: int) -> tuple[int, str]:
    head = 'Content-Disposition: form-data; name="f"; filename="a.png"\r\nContent-Type: image/png'
    body = f"--x\r\n{head}\r\n\r\n".encode() + bytes(size) + b"\r\n--x--\r\n"
    server = http.client.HTTPConnection(host, timeout=60)
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    server.request("PUT", f"/_stcore/upload_file/{session}/{uuid.uuid4()}", body, kind)
    answer = server.getresponse()
    return answer.status, answer.read().decode()


@pytest.mark.slow
def test_forty_uploads_of_19_megabytes_leave_a_server_small(tmp_path):
    """They stayed 835 MB for minutes. Now two of them do while the page is open, and soon after it is closed none."""
    import psutil

    from tools.browser import start_server

    told = {"AECORE_RUNS": str(tmp_path / "runs"), "STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION": "false"}
    with start_server(env=told) as address:
        host = urlsplit(address).netloc
        (server,) = (each for each in psutil.Process().children() if "streamlit" in " ".join(each.cmdline()))
        with _session(host) as session:
            deadline = time.monotonic() + 60
            while server.memory_info().rss < 400e6 and time.monotonic() < deadline:
                time.sleep(0.5)  # until torch is there
            time.sleep(3)
            before = server.memory_info().rss
            assert {_sent(host, session, 19 * MB)[0] for _ in range(40)} == {204}
            assert server.memory_info().rss - before < 200e6
        time.sleep(uploads.GRACE_PERIOD + 2 * uploads.SWEEP_INTERVAL)
        assert server.memory_info().rss - before < 60e6
