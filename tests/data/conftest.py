"""Data folders for the tests of this package."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.kit.dataset_files import write_mnist_like


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with nothing in it."""
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="session")
def mnist_like(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The four MNIST files in their true sizes."""
    return write_mnist_like(tmp_path_factory.mktemp("files"))
