"""Downloads of data sets with pooch: hashes checked, progress reported, nothing unfinished under its final name."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from aecore.data.cards import DatasetCard, get_card
from aecore.data.datasets import is_available
from aecore.data.torchvision_files import FILES, TorchvisionFiles, data_dir, files_complete
from aecore.errors import UserError

_CHUNK = 2**16  # bytes between two reports of progress
_STALE = 24 * 3600  # seconds after which the folder of a killed download is removed
_TIMEOUT = 30  # seconds without a byte until a server counts as unreachable
_DISK_ERRORS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT)


class DownloadFailed(UserError):
    """A download that ended without a data set."""


def download(name: str) -> Iterator[float]:
    """Download a data set into the folder AECORE_DATA.

    Nothing stands under the data set's own name before all of it has arrived; closing the generator early ends the
    download.

    Parameters
    ----------
    name
        Name of the data set.

    Yields
    ------
    float
        Progress in [0, 1], about five times a second. The last is 1.0, and comes at once for what is here already.

    Raises
    ------
    DownloadFailed
        When the server cannot be reached, sends other files than those whose hashes are known, or the disk is full.
    UserError
        When there is no data set of that name.

    Examples
    --------
    >>> import aecore
    >>> list(aecore.download_dataset("digits"))
    [1.0]
    """
    card = get_card(name)
    if is_available(name):
        yield 1.0
        return
    files, temporary = FILES[name], _temporary_folder(card)
    thread = _DownloadThread(files, temporary)
    try:
        thread.start()
        while thread.is_alive():
            # 1.0 is kept for the moment when the data set can be used
            yield min(0.99, thread.progress.bytes_done / card.download_bytes)
            thread.join(0.2)
        if thread.error is not None or not files_complete(files, temporary):
            raise _download_error(card, thread.error) from thread.error
        _move(files, temporary, card)
    finally:
        thread.progress.cancelled = True  # before the removal, so that a thread that still writes cleans up itself
        shutil.rmtree(temporary, ignore_errors=True)
    yield 1.0


class _DownloadCancelled(Exception):
    """Ends a download that nobody waits for any more."""


class DownloadProgress:
    """Counts bytes; pooch calls it as it would call a bar of tqdm."""

    def __init__(self) -> None:
        self.total = 0  # bytes of the archive on its way; pooch sets it
        self.cancelled = False
        self._finished = 0  # bytes of the archives before it
        self._current = 0

    @property
    def bytes_done(self) -> int:
        """How many bytes have arrived."""
        return self._finished + self._current

    def update(self, count: int) -> None:
        """Add `count` bytes. Raises what ends the download where nobody waits for it."""
        if self.cancelled:
            raise _DownloadCancelled
        self._current = min(self._current + count, self.total or self._current + count)

    def reset(self) -> None:
        """Begin the archive again."""
        self._current = 0

    def close(self) -> None:
        """End the archive."""
        self._finished, self._current = self.bytes_done, 0


def fetch_files(files: TorchvisionFiles, root: Path, progress: DownloadProgress) -> None:
    """Download every archive of a data set, check it against its MD5 and unpack it under `root`.

    Raises OSError (the disk, or the network: requests derives its errors from it) or ValueError (wrong content).
    """
    import pooch

    pooch.get_logger().setLevel("WARNING")  # it would name every file on the terminal
    folder = root if len(files.archives) == 1 else root / files.subdir
    for archive, md5 in files.archives.items():
        unpack = (
            pooch.Untar(members=[f"{files.subdir}/{name}" for name in files.sizes], extract_dir=".")
            if archive.endswith(".tar.gz")
            else pooch.Decompress(name=archive.removesuffix(".gz"))
        )
        for mirror in files.mirrors:
            progress.reset()
            downloader = pooch.HTTPDownloader(progressbar=progress, chunk_size=_CHUNK, timeout=_TIMEOUT)
            try:
                pooch.retrieve(mirror + archive, f"md5:{md5}", archive, folder, unpack, downloader)
            except (OSError, ValueError) as error:
                if mirror == files.mirrors[-1] or (isinstance(error, OSError) and error.errno in _DISK_ERRORS):
                    raise
            else:
                break


class _DownloadThread(threading.Thread):
    """The download of one data set into an empty folder; `error` tells how it ended."""

    def __init__(self, files: TorchvisionFiles, root: Path) -> None:
        super().__init__(name=f"download {files.class_name}", daemon=True)
        self.files, self.root = files, root
        self.error: Exception | None = None
        self.progress = DownloadProgress()

    def run(self) -> None:
        try:
            fetch_files(self.files, self.root, self.progress)
        except Exception as error:  # it crosses to the thread that waits, which says it
            self.error = error
        finally:
            if self.progress.cancelled:
                shutil.rmtree(self.root, ignore_errors=True)


def _temporary_folder(card: DatasetCard) -> Path:
    """A new folder in data_dir(), so that moving out of it is a rename; removes what killed downloads left."""
    prefix = f".download-{card.name}-"
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        for old in data_dir().glob(prefix + "*"):
            if time.time() - old.stat().st_mtime > _STALE:
                shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=data_dir()))
    except OSError as error:
        raise _download_error(card, error) from error


def _move(files: TorchvisionFiles, temporary: Path, card: DatasetCard) -> None:
    """Move each file by one rename, so that `is_available` never finds half a file.

    Renaming the whole folder would fail where one with damaged files, or with other files, stands already.
    """
    try:
        (data_dir() / files.subdir).mkdir(parents=True, exist_ok=True)
        for name in files.sizes:
            os.replace(temporary / files.subdir / name, data_dir() / files.subdir / name)
    except OSError as error:
        raise _download_error(card, error) from error


def _download_error(card: DatasetCard, error: Exception | None) -> DownloadFailed:
    """The sentence for what went wrong: with the disk, or (all else) on the way from the server."""
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return DownloadFailed(
            f"{card.title} could not be written to {data_dir()} ({os.strerror(error.errno)}): make room there, "
            "or let the environment variable AECORE_DATA name another folder."
        )
    return DownloadFailed(
        f"{card.title} could not be downloaded because its server could not be reached or did not send the "
        "right files: check the network and try again, use digits or shapes, which need no network, or "
        f"copy the files {', '.join(FILES[card.name].sizes)} to {data_dir() / FILES[card.name].subdir}."
    )
