"""Downloads are all or nothing: checked, silent, ended on request, and said in a sentence where they fail."""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import os
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from aecore.data import datasets, download, torchvision_files
from aecore.data.torchvision_files import FILES
from tests.kit.dataset_files import DOWNLOADED, is_one_sentence, link_files


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """The folder of a web server on this computer, and its address."""
    folder = tmp_path_factory.mktemp("server")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    class Patient(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A download that is ended hangs up: no news."""

    with Patient(("127.0.0.1", 0), partial(Quiet, directory=folder)) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()


def serve(web: tuple[Path, str], monkeypatch: pytest.MonkeyPatch, name: str, archives: dict[str, bytes]) -> None:
    """Lets the server be the home of a data set."""
    folder, address = web
    for file, content in archives.items():
        (folder / file).write_bytes(content)
    hashes = {file: hashlib.md5(content).hexdigest() for file, content in archives.items()}
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setitem(FILES, name, replace(FILES[name], mirrors=(address,), archives=hashes))


@pytest.fixture(scope="module")
def packed(mnist_like: Path) -> dict[str, bytes]:
    """The archives of MNIST."""
    return {
        f"{path.name}.gz": gzip.compress(path.read_bytes(), compresslevel=1, mtime=0)
        for path in sorted(mnist_like.iterdir())
    }


@pytest.fixture
def server(web: tuple[Path, str], packed: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the server, which is the home of MNIST."""
    serve(web, monkeypatch, "mnist", packed)
    return web[0]


def pretend(monkeypatch: pytest.MonkeyPatch, does: Callable[[Path, download.DownloadProgress], object]) -> None:
    """Lets a download do something else: `does` gets the folder to download into, and what counts the bytes."""
    monkeypatch.setattr(download, "fetch_files", lambda files, root, progress: does(root, progress))


def test_addresses_and_hashes_are_those_of_torchvision():
    from torchvision import datasets as theirs

    for name in ("mnist", "fashion_mnist", "kmnist"):
        source = getattr(theirs, FILES[name].class_name)
        assert dict(source.resources) == FILES[name].archives and tuple(source.mirrors) == FILES[name].mirrors
    ours = FILES["cifar10"]
    assert ours.archives == {theirs.CIFAR10.filename: theirs.CIFAR10.tgz_md5}
    assert ours.mirrors[0] + theirs.CIFAR10.filename == theirs.CIFAR10.url and ours.subdir == theirs.CIFAR10.base_folder


def test_a_download_arrives_whole_and_in_silence(server: Path, empty: Path, capfd: pytest.CaptureFixture):
    progress = list(download.download("mnist"))
    assert progress == sorted(progress) and progress[0] >= 0 and progress[-1] == 1.0 and progress[-2] < 1
    assert datasets.is_available("mnist") and len(datasets.load("mnist").train) == 55_000
    assert [path.name for path in empty.iterdir()] == ["MNIST"]  # no temporary folder is left
    assert not list(empty.rglob("*.gz"))  # nor the archives, once unpacked
    assert capfd.readouterr() == ("", "")


def test_an_archive_of_several_files_is_unpacked_too(
    web: tuple[Path, str], empty: Path, monkeypatch: pytest.MonkeyPatch
):
    sizes = {name: 10 + at for at, name in enumerate(FILES["cifar10"].sizes)}
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w:gz") as archive:
        for name, size in {**sizes, "readme.html": 5}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = size
            archive.addfile(member, io.BytesIO(bytes(size)))
    monkeypatch.setitem(FILES, "cifar10", replace(FILES["cifar10"], sizes=sizes))
    serve(web, monkeypatch, "cifar10", {"cifar-10-python.tar.gz": tar.getvalue()})
    assert list(download.download("cifar10"))[-1] == 1.0
    assert sorted(path.name for path in (empty / "cifar-10-batches-py").iterdir()) == sorted(sizes)
    assert [path.name for path in empty.iterdir()] == ["cifar-10-batches-py"]


def test_a_mirror_that_is_away_is_passed_over(server: Path, empty: Path, monkeypatch: pytest.MonkeyPatch):
    mirrors = (FILES["mnist"].mirrors[0] + "away/", *FILES["mnist"].mirrors)
    monkeypatch.setitem(FILES, "mnist", replace(FILES["mnist"], mirrors=mirrors))
    assert list(download.download("mnist"))[-1] == 1.0 and datasets.is_available("mnist")


def test_a_download_mends_a_damaged_data_set_and_leaves_other_files(server: Path, empty: Path):
    raw = empty / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(b"half")
    (raw / "notes.txt").write_text("mine")
    *_, last = download.download("mnist")
    assert last == 1.0 and datasets.is_available("mnist") and (raw / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("content", [b"<html>Please log in to this network</html>", None], ids=["other", "other byte"])
def test_an_archive_of_another_hash_is_not_taken(server: Path, empty: Path, content: bytes | None):
    archive = server / "t10k-labels-idx1-ubyte.gz"
    changed = bytearray(archive.read_bytes())
    changed[len(changed) // 2] ^= 1
    archive.write_bytes(bytes(changed) if content is None else content)
    with pytest.raises(download.DownloadFailed, match="did not send the right files"):
        list(download.download("mnist"))
    assert not datasets.is_available("mnist") and not list(empty.iterdir())


def test_what_is_here_is_not_fetched_again(empty: Path, mnist_like: Path, monkeypatch: pytest.MonkeyPatch):
    pretend(monkeypatch, lambda root, _: link_files(mnist_like, root))
    link_files(mnist_like, empty)
    assert list(download.download("mnist")) == list(download.download("digits")) == [1.0]


@pytest.mark.parametrize("name", DOWNLOADED)
def test_without_a_network_one_sentence_says_what_to_do(name: str, empty: Path, monkeypatch: pytest.MonkeyPatch):
    from requests import ConnectionError

    def unreachable(*_: object, **__: object) -> None:
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr("requests.get", unreachable)  # pooch's own code runs up to here
    with pytest.raises(download.DownloadFailed) as caught:
        list(download.download(name))
    text = str(caught.value)
    assert is_one_sentence(text) and str(empty) in text and "digits or shapes" in text and "network" in text
    assert not list(empty.iterdir())


def test_a_full_disk_is_not_blamed_on_the_network(server: Path, empty: Path, monkeypatch: pytest.MonkeyPatch):
    def full(self: object, url: str, output_file: str, pooch: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("pooch.HTTPDownloader.__call__", full)
    with pytest.raises(download.DownloadFailed, match=r"could not be written to .*AECORE_DATA") as caught:
        list(download.download("mnist"))
    assert is_one_sentence(str(caught.value)) and not list(empty.iterdir())


def test_a_download_that_fails_half_way_leaves_nothing(empty: Path, mnist_like: Path, monkeypatch: pytest.MonkeyPatch):
    pretend(monkeypatch, lambda root, _: (link_files(mnist_like, root) / "t10k-labels-idx1-ubyte").unlink())
    with pytest.raises(download.DownloadFailed):
        list(download.download("mnist"))
    assert not datasets.is_available("mnist") and not list(empty.iterdir())


def test_half_a_move_does_not_pass_for_the_data_set(empty: Path, mnist_like: Path, monkeypatch: pytest.MonkeyPatch):
    moves = iter([os.replace] * 3)

    def jammed(*paths: Path) -> None:
        move = next(moves, None)
        if move is None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        move(*paths)

    pretend(monkeypatch, lambda root, _: link_files(mnist_like, root))
    monkeypatch.setattr("os.replace", jammed)
    with pytest.raises(download.DownloadFailed, match="could not be written"):
        list(download.download("mnist"))
    assert len(list(empty.rglob("*-ubyte"))) == 3 and not datasets.is_available("mnist")
    assert [path.name for path in empty.iterdir()] == ["MNIST"]


def test_what_a_killed_download_leaves_does_not_pass_for_the_data_set(
    empty: Path, mnist_like: Path, monkeypatch: pytest.MonkeyPatch
):
    """The worst moment to be killed in: everything is unpacked, nothing has been moved."""
    arrived, die = threading.Event(), threading.Event()

    def slow(root: Path, _: object) -> None:
        link_files(mnist_like, root)
        arrived.set()
        die.wait(30)

    pretend(monkeypatch, slow)
    progress = download.download("mnist")
    next(progress)
    assert arrived.wait(30)
    assert len(list(empty.rglob("*-ubyte"))) == 4  # they are somewhere under the folder
    assert not datasets.is_available("mnist")  # but do not count
    die.set()
    assert list(progress)[-1] == 1.0 and datasets.is_available("mnist")


def test_a_closed_download_ends_and_cleans_up(empty: Path, monkeypatch: pytest.MonkeyPatch):
    closed, ended, went_on = threading.Event(), threading.Event(), threading.Event()

    def endless(root: Path, progress: download.DownloadProgress) -> None:
        try:
            closed.wait(30)
            (root / "MNIST").mkdir(parents=True)  # the thread still writes after its folder was removed
            progress.update(1)
            went_on.set()
        finally:
            ended.set()

    pretend(monkeypatch, endless)
    progress = download.download("mnist")
    next(progress)
    progress.close()
    assert not list(empty.iterdir())
    closed.set()
    assert ended.wait(30)
    wait_until(lambda: not list(empty.iterdir()))
    assert not went_on.is_set()


def test_pooch_stops_in_the_middle_of_an_archive_when_the_download_is_closed(
    web: tuple[Path, str], server: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
):
    progress, pieces = download.DownloadProgress(), []

    def counting(count: int) -> None:
        pieces.append(count)
        progress.cancelled = len(pieces) == 3
        type(progress).update(progress, count)

    monkeypatch.setattr(progress, "update", counting)
    with pytest.raises(download._DownloadCancelled):
        download.fetch_files(FILES["mnist"], empty, progress)
    assert len(pieces) == 3
    assert not [path for path in empty.rglob("*") if path.is_file()]  # pooch keeps no half archive


def test_bytes_are_counted_over_all_archives():
    progress = download.DownloadProgress()
    for total in (100, 50):
        progress.total = total
        progress.update(64)
        progress.update(64)  # pooch counts whole pieces
        progress.reset()
        progress.update(total)
        progress.close()
    assert progress.bytes_done == 150


def test_what_killed_downloads_left_is_swept_up_a_day_later(server: Path, empty: Path):
    for name, age in (("old", 2), ("new", 0)):
        (empty / f".download-mnist-{name}").mkdir()
        then = time.time() - age * 24 * 3600
        os.utime(empty / f".download-mnist-{name}", (then, then))
    list(download.download("mnist"))
    assert sorted(path.name for path in empty.iterdir()) == [".download-mnist-new", "MNIST"]


def test_files_lie_where_torchvision_looks_for_them(server: Path, empty: Path):
    list(download.download("mnist"))
    from torchvision.datasets import MNIST

    assert len(MNIST(torchvision_files.data_dir(), train=False, download=False)) == 10_000


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
