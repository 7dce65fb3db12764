"""The names of `aecore`: few, imported when first used, told in numpydoc, and their examples run."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import aecore

ROOT = Path(__file__).resolve().parents[1]
TORCH_FREE = ("Config", "Dataset", "RunInfo", "Split", "UserError", "cancel", "default_config", "download_dataset",
              "list_runs", "load_dataset", "metrics", "projections", "submit", "watch")  # fmt: skip


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT).stdout


def test_importing_aecore_loads_no_torch_nor_anything_else_that_is_slow():
    code = (
        "import sys, aecore; dir(aecore); print(*{'torch', 'numpy', 'sklearn', 'streamlit', 'PIL'} & set(sys.modules))"
    )
    assert _python(code).split() == []


def test_names_that_need_no_torch_load_none():
    code = f"import sys, aecore; [getattr(aecore, name) for name in {TORCH_FREE}]; print('torch' in sys.modules)"
    assert _python(code).strip() == "False"


def test_the_names_are_about_twenty_and_all_there():
    assert 20 <= len(aecore.__all__) <= 30
    assert set(aecore.__all__) <= set(dir(aecore))
    assert all(getattr(aecore, name) is not None for name in aecore.__all__)
    with pytest.raises(AttributeError, match="no attribute 'autoencode'"):
        _ = aecore.autoencode


def test_type_checkers_see_the_same_names():
    tree = ast.parse((ROOT / "aecore" / "__init__.py").read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        (alias,) = node.names
        module = alias.name in ("metrics", "projections")
        seen[alias.asname] = f"{node.module}.{alias.name}" if module else f"{node.module}:{alias.name}"
    assert seen == aecore._SOURCES


# --- Docstrings -------------------------------------------------------------------------------------------------------

OBJECTS = {name: getattr(aecore, name) for name in aecore.__all__}
MODULES = {name: each for name, each in OBJECTS.items() if isinstance(each, ModuleType)}
DOCUMENTED = {
    name: each
    for name, each in OBJECTS.items()
    if (inspect.isclass(each) or inspect.isfunction(each)) and name != "UserError"
}
FUNCTIONS = {name: each for name, each in DOCUMENTED.items() if inspect.isfunction(each)}


def _sections(each: object) -> dict[str, str]:
    """The sections of a numpydoc docstring by their headings."""
    parts = re.split(r"^(\w+)\n-{3,}\n", inspect.getdoc(each) or "", flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def _described(section: str) -> set[str]:
    """The names that a section describes: lines that are not indented."""
    lines = [line for line in section.splitlines() if line and not line.startswith(" ")]
    return {name.strip().lstrip("*") for line in lines for name in line.split(",")}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_public_name_is_told_in_numpydoc_with_an_example(name):
    sections = _sections(DOCUMENTED[name])
    assert ">>>" in sections["Examples"]
    assert {"Parameters", "Attributes", "Returns", "Yields"} & set(sections)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_public_function_tells_every_parameter_and_what_comes_back(name):
    signature, sections = inspect.signature(FUNCTIONS[name]), _sections(FUNCTIONS[name])
    assert _described(sections.get("Parameters", "")) == set(signature.parameters)
    assert "Returns" in sections or "Yields" in sections


@pytest.mark.parametrize("name", MODULES)
def test_every_function_of_a_public_module_is_told(name):
    module = MODULES[name]
    own = [each for each in vars(module).values() if inspect.isfunction(each) and each.__module__ == module.__name__]
    assert all(inspect.getdoc(each) for each in own if not each.__name__.startswith("_"))


def _examples() -> list[doctest.DocTest]:
    finder = doctest.DocTestFinder(recurse=False)
    found = finder.find(aecore, "aecore", globs={})
    for name, each in DOCUMENTED.items():
        found += finder.find(each, name, globs={})
    for name, module in MODULES.items():
        for function in vars(module).values():
            if inspect.isfunction(function) and function.__module__ == module.__name__:
                found += finder.find(function, f"{name}.{function.__name__}", globs={})
    return [each for each in found if each.examples]


@pytest.mark.parametrize("example", _examples(), ids=lambda example: example.name)
def test_an_example_gives_what_it_says(example, tmp_path_factory, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path_factory.mktemp("runs")))
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL)
    runner.run(example, out=report.append)
    assert not runner.summarize(verbose=False).failed, "".join(report)
