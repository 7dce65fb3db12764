"""Every test runs on one thread, on the CPU, and with a runs folder of its own: never the user's."""

import functools
import os
import sys
import tempfile

import pytest

from tests.kit.chrome import need_chromium
from tests.kit.disks import mounted
from tools.browser import launch_browser

_FOLDER = tempfile.TemporaryDirectory(prefix="aecore-tests-")

os.environ |= {  # before anything imports torch or aecore
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "AECORE_RUNS": os.path.join(_FOLDER.name, "runs"),
    "AECORE_DEVICE": "cpu",
    "AECORE_PRECOMPUTE": "off",  # none drawn before anybody asks
}
os.environ.setdefault("AECORE_DATA", os.path.join(_FOLDER.name, "no-data"))


# The files that take longest, the longest first: two workers take whole files one after the other, and a long one
# that begins last leaves the other with nothing to do. Seconds change from machine to machine, their order hardly does.
LONGEST = (
    "test_paths.py",
    "test_jobs.py",
    "test_service.py",
    "test_doctor.py",
    "test_live_health.py",
    "test_latent_map.py",
    "test_home.py",
    "test_live_views.py",
    "test_contract.py",
    "test_pad_and_draw.py",
    "test_projections.py",
    "test_pages.py",
    "test_replay.py",
    "test_worker.py",
    "test_truths.py",
    "test_training_choices.py",
)


def pytest_collection_modifyitems(items):
    order = {name: at for at, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(item.path.name, len(order)))  # in a file everything stays as it is


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    if "torch" in sys.modules:  # imported while the tests were collected; later imports read the environment
        sys.modules["torch"].set_num_threads(1)


@pytest.fixture(scope="session", autouse=True)
def _packages_read_once():
    """Every AppTest reads the metadata of all installed packages anew (0.1 s), looking for components; they stay the
    same while tests run."""
    from streamlit.components.v2 import manifest_scanner

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            manifest_scanner, "scan_component_manifests", functools.cache(manifest_scanner.scan_component_manifests)
        )
        yield


@pytest.fixture
def numbers_forgotten(monkeypatch):
    """Runs open without the scores that were kept of them, as one of before they were."""
    import dataclasses

    from aecore.analysis import loaded
    from ui.run_data import models, statistics

    opened = loaded.load

    def load(run, **how):
        found = opened(run, **how)
        return dataclasses.replace(
            found, result={name: each for name, each in found.result.items() if name != "scores"}
        )

    monkeypatch.setattr(loaded, "load", load)
    caches = models.load_model, statistics.report
    for cache in caches:
        cache.clear()
    yield
    for cache in caches:
        cache.clear()


@pytest.fixture
def small_disk(monkeypatch, tmp_path):
    """A runs folder on a disk of 4 MB."""
    with mounted(tmp_path / "disk", "4m") as disk:
        (disk / "runs").mkdir()
        monkeypatch.setenv("AECORE_RUNS", str(disk / "runs"))
        yield disk / "runs"


@pytest.fixture(scope="session")
def browser():
    """One Chromium for all tests of a process: Playwright starts only one at a time."""
    need_chromium()
    with launch_browser() as chrome:
        yield chrome


def pytest_unconfigure():
    _FOLDER.cleanup()
