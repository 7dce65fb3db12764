"""The house rules that a machine can see: how long files and functions are, how full folders, which way imports go."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("aecore", "ui", "pages", "tools")
MAX_FILE, MAX_FUNCTION, MAX_MODULES = 300, 40, 20

SOURCES = [ROOT / "app.py", *(path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py")))]
SCRIPTS = sorted(path for path in (ROOT / "static").rglob("*.js") if "served" not in path.parts)


def _named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _functions(path: Path) -> dict[str, int]:
    """The lines of each function of a file, its docstring left out."""
    lengths = {}
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0]
            told = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
            docstring = first.end_lineno - first.lineno + 1 if told and isinstance(first.value.value, str) else 0
            lengths[f"{_named(path)}:{node.name}"] = node.end_lineno - node.lineno + 1 - docstring
    return lengths


def _too_large(sizes: dict[str, int], limit: int) -> list[str]:
    """Which are over a limit; the largest is named where none is."""
    name, size = max(sizes.items(), key=lambda item: item[1])
    print(f"the largest: {name}, {size} of {limit}")
    return [f"{name}: {size}" for name, size in sorted(sizes.items(), key=lambda item: -item[1]) if size > limit]


def test_no_file_is_longer_than_300_lines():
    sizes = {_named(path): len(path.read_text().splitlines()) for path in [*SOURCES, *SCRIPTS]}
    assert not _too_large(sizes, MAX_FILE)


def test_no_function_is_longer_than_40_lines():
    sizes = {name: length for path in SOURCES for name, length in _functions(path).items()}
    assert not _too_large(sizes, MAX_FUNCTION)


def test_no_folder_holds_more_than_20_modules():
    names = [path for path in [*SOURCES, *SCRIPTS] if path.name != "__init__.py"]
    assert not _too_large(Counter(_named(path.parent) for path in names), MAX_MODULES)


def test_no_import_goes_in_a_circle():
    graph = grimp.build_graph("aecore", "ui")
    for one in list(graph.modules):  # a table in a package's __init__ may hold what lies in the package
        for other in graph.find_modules_directly_imported_by(one):
            if one.startswith(f"{other}."):
                graph.remove_import(importer=one, imported=other)
    pairs = ((one, other) for one in graph.modules for other in graph.find_modules_directly_imported_by(one))
    assert not [f"{one} -> {other}" for one, other in pairs if graph.chain_exists(importer=other, imported=one)]


def test_what_opens_first_imports_no_torch():
    """The modules of import-linter's contract, which sees their own lines only, imported one after the other."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    modules = next(each for each in contracts if each["id"] == "light")["source_modules"]
    code = f"""
import importlib, pkgutil, sys
for name in {modules}:
    package = importlib.import_module(name)
    for each in [name, *(found.name for found in pkgutil.walk_packages(getattr(package, "__path__", []), name + "."))]:
        importlib.import_module(each)
        if "torch" in sys.modules:
            sys.exit(each)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize("package", PACKAGES)
def test_a_module_opens_with_a_sentence(package):
    mute = [_named(path) for path in SOURCES if path.parts[len(ROOT.parts)] == package and path.stat().st_size]
    mute = [name for name in mute if not ast.get_docstring(ast.parse((ROOT / name).read_text()))]
    assert not mute
