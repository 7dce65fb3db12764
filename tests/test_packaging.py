"""What `pip install .` gives: the library and its command, without the pages, from the same versions."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import grimp
import pytest

from aecore.content import gallery
from aecore.store import runs

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# what is imported under another name than it is installed under
IMPORT_NAMES = {"scikit-learn": "sklearn", "umap-learn": "umap", "pillow": "PIL", "scikit-image": "skimage"}
BROUGHT = {"scipy", "sklearn", "threadpoolctl", "requests", "knncolle"}  # by those that need them


def _requirements(name: str) -> set[str]:
    lines = (line.partition(" #")[0].strip() for line in (ROOT / name).read_text().splitlines())
    return {line for line in lines if line and not line.startswith(("#", "-r"))}


def _name(requirement: str) -> str:
    return requirement.partition(">")[0]


def test_what_is_installed_is_what_requirements_say():
    optional = PROJECT["optional-dependencies"]
    assert {*PROJECT["dependencies"], *optional["app"]} == _requirements("requirements.txt")
    assert set(optional["onnx"]) <= _requirements("requirements-dev.txt")


def test_the_library_imports_nothing_that_is_not_installed_with_it():
    graph = grimp.build_graph("aecore", include_external_packages=True)
    foreign = {name for name in graph.modules if "." not in name} - {"aecore"} - sys.stdlib_module_names
    names = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["onnx"]]
    known = {IMPORT_NAMES.get(_name(each), _name(each)) for each in names}
    assert foreign <= known | BROUGHT


def test_without_pretrained_models_a_sentence_says_where_they_are(monkeypatch, tmp_path):
    assert gallery.gallery_error() == ""
    monkeypatch.setattr(runs, "PRETRAINED_DIR", tmp_path / "pretrained")
    assert "AECORE_PRETRAINED" in gallery.gallery_error() and not [run for run in gallery.list_runs() if run.pretrained]


@pytest.mark.slow
def test_an_installation_has_the_command_and_the_library_and_no_pages(tmp_path):
    """Nothing is downloaded: the packages are those that run this test."""
    source = tmp_path / "source"
    source.mkdir()
    tracked = ["git", "ls-files", "aecore", "pyproject.toml", "README.md", "LICENSE"]
    files = subprocess.run(tracked, check=True, capture_output=True, text=True, cwd=ROOT).stdout.split()
    for name in files:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_bytes((ROOT / name).read_bytes())
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    python = venv / "bin" / "python"
    where = sysconfig.get_path("purelib", vars={"base": str(venv), "platbase": str(venv)})
    Path(where, "others.pth").write_text(sysconfig.get_path("purelib"))
    install = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        source,
    ]
    subprocess.run(install, check=True)
    environment = {name: value for name, value in os.environ.items() if name != "AECORE_PRETRAINED"}

    def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=environment)

    listed = run(venv / "bin" / "aecore", "datasets")
    assert listed.returncode == 0 and listed.stdout.startswith("name")
    trained = run(venv / "bin" / "aecore", "train", "--family", "vanilla", "--epochs", "1", "--device", "cpu")
    assert trained.returncode == 0 and "MSE" in trained.stdout, trained.stderr
    assert "AECORE_PRETRAINED" in run(venv / "bin" / "aecore", "runs").stderr
    code = "import aecore; print(aecore.__file__, len(aecore.load_dataset('digits').test))"
    assert run(python, "-c", code).stdout.split() == [f"{where}/aecore/__init__.py", "359"]
    assert not [each for each in ("ui", "pages", "tests", "static", "tools") if Path(where, each).exists()]
