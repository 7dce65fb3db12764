"""Who may talk to the server: this machine unless it is told otherwise, by its own names, from its own pages."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import http.server
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from starlette.datastructures import Headers

from tests.kit.cases import few
from tools import classroom
from tools.browser import ROOT, free_port, start_server
from ui import server
from ui.session import cookies
from ui.widgets import glossary

STREAM = "/_stcore/stream"
ROUTES = (
    "/",
    "/denoise_photo",
    "/_stcore/health",
    "/_stcore/host-config",
    "/_stcore/metrics",
    "/_stcore/agent/openapi.json",
    "/_stcore/upload_file/session/file",
    "/media/0123.png",
    "/app/static/icon.png",
    "/static/js/index.js",
    "/component/none/index.html",
    "/upload/dataset",
    "/nothing",
)
FOREIGN_HOSTS = ("evil.example", "evil.example:{port}", "localhost.evil.example:{port}", "0.0.0.0:{port}", "127.0.0.2")
FOREIGN_ORIGINS = (
    "http://evil.example",
    "http://evil.example:{port}",
    "http://localhost:{other}",  # a page of another port of this machine
    "http://127.0.0.1:{other}",
    "http://localhost",
    "http://127.0.0.1:{port}",  # opened under another of our names
    "https://localhost",
    "null",
    "file://",
    "",
)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory):
    return {"AECORE_RUNS": str(tmp_path_factory.mktemp("network"))}


@pytest.fixture(scope="module", params=["", "lab"], ids=["alone", "below a path"])
def lab(request, shelf) -> Iterator[str]:
    """The address of a laboratory, started as `streamlit run app.py` starts it."""
    with start_server(env=shelf, base=request.param) as address:
        yield address


def ask(address: str, path: str, method: str = "GET", **headers: str | None) -> http.client.HTTPResponse:
    """The answer to a request with these headers; `Host` is the address's own unless it is given, None sends none."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection("127.0.0.1", parts.port or 80, timeout=20)
    named = {name.replace("_", "-"): value for name, value in ({"Host": parts.netloc} | headers).items()}
    connection.putrequest(method, parts.path + path, skip_host=True, skip_accept_encoding=True)
    for name, value in named.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders()
    return connection.getresponse()


def shake(address: str, **headers: str | None) -> int:
    """The status that a WebSocket's handshake is answered with."""
    asked = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    return ask(address, STREAM, **asked, Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25jZQ==", **headers).status


def origin(address: str) -> str:
    return f"http://{urlsplit(address).netloc}"


def filled(text: str, address: str) -> str:
    return text.format(port=urlsplit(address).port, other=free_port())


# --- Names and origins ------------------------------------------------------------------------------------------------


def test_every_route_answers_our_names_only(lab):
    for route in ROUTES:
        own = ask(lab, route).status
        assert own != 403, route
        for host in FOREIGN_HOSTS:
            refused = ask(lab, route, Host=filled(host, lab))
            assert refused.status == 403 and refused.read().decode() == server.UNKNOWN_HOST, (route, host)
    assert ask(lab, "/_stcore/health", Host=None).status == 400  # uvicorn's own answer


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "localhost."])
def test_this_machine_answers_under_each_of_its_names(lab, name):
    host = f"{name}:{urlsplit(lab).port}"
    assert ask(lab, "/_stcore/health", Host=host).status == 200
    assert ask(lab, "/_stcore/health", Host=host, Origin=f"http://{host}").status == 200
    assert shake(lab, Host=host, Origin=f"http://{host}") == 101


def test_a_foreign_page_reaches_no_route_and_no_stream(lab):
    for text in FOREIGN_ORIGINS:
        page = filled(text, lab)
        assert shake(lab, Origin=page) == 403, page
        for route in ROUTES:
            refused = ask(lab, route, Origin=page)
            assert refused.status == 403 and refused.read().decode() == server.FOREIGN_ORIGIN, (route, page)
    for host in FOREIGN_HOSTS:
        assert shake(lab, Host=filled(host, lab), Origin=f"http://{filled(host, lab)}") == 403, host
        assert shake(lab, Host=filled(host, lab)) == 403, host


def test_a_program_without_an_origin_is_let_in(lab):
    assert ask(lab, "/_stcore/health").read() == b"ok"
    assert shake(lab) == 101


def test_other_pages_may_link_here_and_not_embed(lab):
    said = {"Sec_Fetch_Site": "same-site", "Sec_Fetch_Mode": "no-cors", "Sec_Fetch_Dest": "image"}
    assert ask(lab, "/app/static/icon.png", **said).status == 403
    assert ask(lab, "/app/static/icon.png", **said | {"Sec_Fetch_Site": "same-origin"}).status == 200
    linked = ask(lab, "/", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate", Sec_Fetch_Dest="document")
    assert linked.status == 200
    assert linked.headers["X-Frame-Options"] == "SAMEORIGIN"


def test_a_file_cannot_be_uploaded_from_elsewhere(lab):
    for page in ("http://evil.example", filled("http://localhost:{other}", lab)):
        asked = ask(lab, "/_stcore/upload_file/session/file", "PUT", Origin=page, Content_Length="0")
        assert asked.status == 403 and asked.read().decode() == server.FOREIGN_ORIGIN
    own = ask(lab, "/_stcore/upload_file/session/file", "PUT", Origin=origin(lab), Content_Length="0")
    assert own.read().decode() != server.FOREIGN_ORIGIN  # Streamlit's own check: no such session


def test_two_hosts_in_a_request_are_refused():
    both = Headers(raw=[(b"host", b"localhost"), (b"host", b"evil.example")])
    assert server.refusal(both) == server.UNKNOWN_HOST


def test_hosts_are_named_for_a_reverse_proxy(shelf):
    with start_server(env=shelf | {server.HOSTS_VARIABLE: "lab.example.org, www.other.example:8443"}) as address:
        for host in ("lab.example.org", "www.other.example:8443", "localhost:1"):
            assert ask(address, "/_stcore/health", Host=host).status == 200
            assert shake(address, Host=host, Origin=f"https://{host}") == 101
        # a proxy that passes on the name of its backend
        assert shake(address, Origin="https://lab.example.org") == 101
        assert shake(address, Origin="https://www.other.example:8443") == 101
        assert shake(address, Origin="https://www.other.example") == 403
        assert shake(address, Origin="https://sub.lab.example.org") == 403
        assert ask(address, "/_stcore/health", Host="sub.lab.example.org").status == 403


def test_streamlits_own_list_adds_names_and_keeps_this_machine(shelf):
    env = shelf | {"STREAMLIT_SERVER_ALLOWED_HOSTS": "*.example.org"}
    with start_server(env=env) as address:
        host = "lab.example.org"
        assert shake(address, Host=host, Origin=f"http://{host}") == 101
        assert shake(address) == 101 and shake(address, Host="evil.example") == 403


# --- Nothing is asked outside -----------------------------------------------------------------------------------------

SPY = """
import pathlib
import sys

import streamlit as st
from streamlit import net_util

sys.path.insert(0, {root!r})
from ui import server


def look_up(*_):
    pathlib.Path({asked!r}).write_text("asked")


net_util._make_blocking_http_get = look_up
net_util.get_external_ip = look_up
if __name__ == "__main__":
    st.title("Here")
else:
    app = st.App(__file__, **server.application())
"""


def test_no_origin_makes_the_server_look_for_its_own_address(shelf, tmp_path):
    asked, script = tmp_path / "asked", tmp_path / "spied.py"
    script.write_text(SPY.format(root=str(ROOT), asked=str(asked)))
    with start_server(script, env=shelf | {server.HOSTS_VARIABLE: "lab.example.org"}) as address:
        for text in FOREIGN_ORIGINS:
            assert shake(address, Origin=filled(text, address)) == 403
        assert shake(address, Origin="https://lab.example.org") == 101  # not the host's: Streamlit alone would look
        assert shake(address, Origin=origin(address)) == 101
        assert not asked.exists()


def test_streamlit_alone_would_look(monkeypatch):
    """What the test above guards against: should Streamlit stop, our rewriting of the origin may go."""
    from streamlit import net_util
    from streamlit.web.server.starlette import starlette_websocket

    asked: list[int] = []
    monkeypatch.setattr(net_util, "get_external_ip", lambda: asked.append(1))
    assert not starlette_websocket._is_origin_allowed("http://evil.example", "localhost:8501")
    assert asked


# --- Headers ----------------------------------------------------------------------------------------------------------


def test_every_answer_has_the_security_headers(lab):
    for route in ROUTES:
        headers = ask(lab, route).headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == "'self'"
        assert policy["img-src"] == "'self' data: blob:"
        assert policy["connect-src"].startswith("'self' data: blob: ws://localhost")
        assert not {"'unsafe-inline'", "'unsafe-eval'"} & {*policy["script-src"].split()}
        assert "http" not in policy["script-src"]
        assert policy["frame-ancestors"] == "'self'" and policy["object-src"] == "'none'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_the_scripts_that_may_run_are_those_that_streamlits_page_and_ours_have():
    page = (Path(server.file_util.get_static_dir()) / "index.html").read_text()
    ours = {cookies.SCRIPT, glossary.SCRIPT}  # texts that are the same for everybody
    assert page.count("<script>") >= 1 and len(server._inline_scripts()) == page.count("<script>") + len(ours)


# --- Where it listens -------------------------------------------------------------------------------------------------


def listening(process: psutil.Process) -> set[str]:
    """The addresses that a process and its children listen on."""
    family = [process, *process.children(recursive=True)]
    found = [each for one in family for each in one.net_connections("tcp") if each.status == psutil.CONN_LISTEN]
    return {each.laddr.ip for each in found}


@contextlib.contextmanager
def started(command: list[str], port: int, **env: str) -> Iterator[subprocess.Popen[str]]:
    """A process that serves on a port, once it answers there; ended at the end with all of its own."""
    process = subprocess.Popen(
        command, cwd=ROOT, env=os.environ | env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        wait_until(lambda: answers(port) or process.poll() is not None)
        yield process
    finally:
        family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
        process.terminate()
        for each in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.terminate()
        process.communicate(timeout=20)


def answers(port: int, host: str = "localhost", **headers: str) -> bool:
    try:
        return ask(f"http://{host}:{port}", "/_stcore/health", **headers).status == 200
    except OSError:
        return False


def wait_until(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.05)


def test_it_listens_on_this_machine_only_unless_told_otherwise(shelf):
    port = free_port()
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    with started([*command, "--server.port", str(port)], port, **shelf) as process:
        assert listening(psutil.Process(process.pid)) == {"127.0.0.1"}
    makefile = (ROOT / "Makefile").read_text()
    assert "server.address" not in makefile and "streamlit run app.py" in makefile


@pytest.mark.parametrize(("headless", "opened"), [(False, ["http://localhost:8600"]), (True, [])])
def test_the_browser_is_opened_where_there_is_a_screen(monkeypatch, headless, opened):
    asked: list[str] = []
    told = {"server.headless": headless, "browser.serverAddress": "localhost", "browser.serverPort": 8600}
    option = server.config.get_option
    monkeypatch.setattr(server.config, "get_option", lambda name: told.get(name, option(name)))
    monkeypatch.setattr(server.cli_util, "open_browser", asked.append)

    async def started_and_stopped() -> None:
        async with server._lifespan(None):
            await asyncio.sleep(0)

    with ThreadPoolExecutor(1) as pool:  # where Playwright has its own loop running, this thread can have no other
        pool.submit(asyncio.run, started_and_stopped()).result()
    assert asked == opened


# --- The classroom ----------------------------------------------------------------------------------------------------


def serving(process: subprocess.Popen[str]) -> psutil.Process:
    """The server that a classroom keeps."""
    wait_until(lambda: psutil.Process(process.pid).children())
    return psutil.Process(process.pid).children()[0]


def room(port: int, address: str = "lab.example.org") -> list[str]:
    return [sys.executable, "-m", "tools.classroom", "--port", str(port), "--address", address]


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_a_classroom_answers_the_address_it_prints_and_starts_a_killed_server_again(shelf):
    port = free_port()
    with started(room(port), port, **shelf) as process:
        address = f"http://lab.example.org:{port}"
        assert listening(psutil.Process(process.pid)) == {"0.0.0.0"}
        for name in ("lab.example.org", "localhost", "127.0.0.1", socket.gethostname()):
            host = f"{name}:{port}"
            assert ask(address, "/", Host=host).status == 200, name
            assert shake(address, Host=host, Origin=f"http://{host}") == 101, name
        assert shake(address, Origin=filled("http://lab.example.org:{other}", address)) == 403
        assert shake(address, Origin=f"http://{socket.gethostname()}") == 403
        assert ask(address, "/", Host=f"other.example.org:{port}").status == 403
        first = serving(process)
        first.kill()
        wait_until(lambda: not first.is_running() or first.status() == psutil.STATUS_ZOMBIE)
        wait_until(lambda: answers(port, "lab.example.org"))
        second = serving(process)
        assert second.pid != first.pid
        process.send_signal(signal.SIGTERM)
        said = process.communicate(timeout=20)[0]
        assert process.returncode == 0
        wait_until(lambda: not second.is_running())
        assert address in said and said.count("The server ended (killed by SIGKILL); it starts again in 1 s.") == 1


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can tie a process to its parent")
def test_a_server_does_not_outlive_its_classroom(shelf):
    port = free_port()
    with started(room(port), port, **shelf) as process:
        server_process = serving(process)
        process.kill()
        wait_until(lambda: not server_process.is_running() or server_process.status() == psutil.STATUS_ZOMBIE, 20)
    assert not answers(port)


def supervised(source: str, before: str = "") -> tuple[int, str]:
    """The status and the words of a supervisor of a process that runs `source`, with pauses of no length."""
    script = f"""
        import sys
        from tools import classroom
        classroom.BACKOFF = (0.0,) * 5
        {before}
        sys.exit(classroom.Supervisor([sys.executable, "-c", {source!r}], "is port 1 taken?").run())
    """
    ran = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=ROOT, capture_output=True, text=True, timeout=30
    )
    return ran.returncode, ran.stderr


def test_a_server_that_dies_at_once_again_and_again_is_given_up():
    status, said = supervised("raise SystemExit(3)")
    assert status == 1
    assert said.splitlines() == [
        *["The server ended (status 3); it starts again in 0 s."] * 4,
        "The server ended at once 5 times in a row (status 3): is port 1 taken?",
    ]


def test_early_ends_are_counted_anew_after_a_steady_time(tmp_path):
    count = tmp_path / "count"
    source = f"""
import pathlib, time
count = pathlib.Path({str(count)!r})
count.write_text(count.read_text() + "x" if count.exists() else "x")
time.sleep(0.6 if len(count.read_text()) == 4 else 0)
"""
    assert supervised(source, "classroom.MIN_UPTIME = 0.5")[0] == 1
    assert len(count.read_text()) == 4 + 5  # three early ends, a steady one, five early ones


def test_pauses_grow():
    assert list(classroom.BACKOFF) == sorted(classroom.BACKOFF) and classroom.BACKOFF[-1] > classroom.BACKOFF[0] > 0


# --- In a browser -----------------------------------------------------------------------------------------------------

TRY = """async ([address, socket]) => {
  const tried = { page: location.origin };
  tried.socket = await new Promise(done => {
    const opened = new WebSocket(socket, ['streamlit']);
    opened.onopen = () => done('open');
    opened.onerror = () => done('refused');
  });
  tried.upload = await fetch(address + '/_stcore/upload_file/s/f', { method: 'PUT', body: 'x' })
    .then(answer => answer.status, error => error.name);
  tried.read = await fetch(address + '/_stcore/health').then(answer => answer.status, error => error.name);
  tried.image = await new Promise(done => {
    const image = new Image();
    image.onload = () => done('shown');
    image.onerror = () => done('refused');
    image.src = address + '/app/static/icon.png';
  });
  return tried;
}"""


class _Recorder(http.server.BaseHTTPRequestHandler):
    """A page of another port of this machine, which notes what it is asked for."""

    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        body = b"<!doctype html><title>x</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, list[str]]]:
    """Another server of this machine: its address, and what it was asked for."""
    asked: list[str] = []
    handler = type("Handler", (_Recorder,), {"asked": asked})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        yield f"http://localhost:{other.server_address[1]}", asked
        other.shutdown()


# in a browser one of the two is enough for `make test`: what is refused is asked of both without one, above
BOTH = pytest.mark.parametrize("lab", few(["", "lab"], "", name=lambda base: base or "alone"), indirect=True)


@pytest.mark.browser
@BOTH
def test_a_page_of_another_port_drives_nothing(lab, browser, elsewhere):
    page = browser.new_context().new_page()
    page.goto(elsewhere[0])
    stream = lab.replace("http", "ws", 1) + STREAM
    tried = page.evaluate(TRY, [lab, stream])
    assert tried == {
        "page": elsewhere[0],
        "socket": "refused",
        "upload": "TypeError",
        "read": "TypeError",
        "image": "refused",
    }
    page.goto(lab)
    own = page.evaluate(TRY, [lab, stream])
    assert own["socket"] == "open" and own["read"] == 200 and own["image"] == "shown"
    assert own["upload"] in (400, 403)  # Streamlit's: there is no such session


@pytest.mark.browser
@BOTH
def test_a_page_of_ours_asks_no_other_machine(lab, browser, elsewhere):
    """Not even where a hole in the escaping let an image through."""
    address, asked = elsewhere
    page = browser.new_context().new_page()
    page.goto(lab)
    outcome = page.evaluate(
        """async address => {
          const image = await new Promise(done => {
            const each = document.body.appendChild(new Image());
            each.onload = () => done('shown');
            each.onerror = () => done('refused');
            each.src = address + '/image.png';
          });
          const read = await fetch(address + '/read', { mode: 'no-cors' }).then(() => 'read', () => 'refused');
          const script = await import(address + '/script.js').then(() => 'run', () => 'refused');
          return [image, read, script];
        }""",
        address,
    )
    assert outcome == ["refused"] * 3 and asked == []


PAGES = ["", *(path.stem for path in sorted((ROOT / "pages").glob("*.py")))]
VIOLATED = """window.violated = [];
document.addEventListener('securitypolicyviolation',
  event => violated.push([event.effectiveDirective, event.blockedURI]));"""


@pytest.mark.browser
@pytest.mark.parametrize("lab", [""], indirect=True, ids=["alone"])
@pytest.mark.parametrize("path", few(PAGES, "train"))
def test_no_page_needs_what_its_policy_forbids(lab, browser, path):
    from tools.browser import wait_until_idle

    page = browser.new_context().new_page()
    page.add_init_script(VIOLATED)
    page.goto(f"{lab}/{path}")
    wait_until_idle(page)
    assert page.evaluate("violated") == []
    page.evaluate("fetch('http://evil.example').catch(() => 0)")  # it would be noticed
    page.wait_for_function("() => violated.length")
    assert page.evaluate("violated[0][0]") == "connect-src"


@pytest.mark.browser
@BOTH
@pytest.mark.parametrize("name", few(["localhost", "127.0.0.1"], "127.0.0.1"))
def test_a_photograph_is_uploaded_under_each_name(lab, browser, name):
    from tests.browser.test_photograph import grainy, png, upload
    from tools.browser import record_errors, wait_until_idle

    context = browser.new_context()
    faults, page = record_errors(context), context.new_page()
    page.goto(f"{lab.replace('localhost', name)}/denoise_photo?photo=upload")
    wait_until_idle(page)
    upload(page, png(grainy()))
    page.get_by_text("64 x 48 pixels.").wait_for(timeout=20_000)
    wait_until_idle(page)
    assert page.get_by_role("slider", name="Edge between before and after").count() == 1
    assert not faults
