"""docs/architecture.md and CONTRIBUTING.md name files and names that are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = ("docs/architecture.md", "CONTRIBUTING.md")
PATH = re.compile(r"(?:[\w.-]+/)*[\w.-]+\.(?:py|json|js|md|svg|toml)")
AROUND = ("", "aecore", "ui", "static", "docs")  # folders that a path may be told from
NOT_FILES = {"config.json", "tests/test_wire.py"}  # one in every run folder; one that is to come
BEFORE = re.compile(r"^\| [^|]+\| [^|]+\| [^|]+\| (.*)$")  # the columns of the newcomer's test that tell of today


def _text(document: str) -> str:
    """A document; of the newcomer's test only what it says of today's layout."""
    return "\n".join(BEFORE.sub(r"\1", line) for line in (ROOT / document).read_text().splitlines())


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_is_there(document):
    names = {name for name in PATH.findall(_text(document)) if "<" not in name}
    text = _text(document)
    names = {name for name in names if f">{name}" not in text and f"<name>{name}" not in text}
    lost = {name for name in names if not any((ROOT / folder / name).exists() for folder in AROUND)}
    assert names and not {name for name in lost - NOT_FILES if not list(ROOT.glob(f"aecore/**/{name}"))}


def test_the_rooms_are_the_packages():
    text = (ROOT / "docs" / "architecture.md").read_text()
    rows = re.findall(r"^\| (`.*?`) \|", text, flags=re.M)
    rooms = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    packages = {path.parent.name for path in (ROOT / "aecore").glob("*/__init__.py")}
    modules = {path.stem for path in (ROOT / "aecore").glob("*.py")} - {"__init__", "__main__"}
    assert packages | modules <= rooms


def test_functions_that_the_newcomer_is_led_to_are_where_it_says():
    """`file (`name`)` in the last columns of the table: the name is defined in that file."""
    wrong = []
    for file, name in re.findall(r"([\w/]+\.py) \(`([\w.]+)`", _text("CONTRIBUTING.md")):
        (path,) = {*ROOT.glob(f"aecore/{file}"), *ROOT.glob(file), *ROOT.glob(f"aecore/**/{file}")} or {None}
        defined = set() if path is None else _defined(path)
        wrong += [] if name in defined else [f"{file}: {name}"]
    assert not wrong


def _defined(path: Path) -> set[str]:
    names = set()
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
            inside = [each for each in ast.walk(node) if each is not node]
            names |= {f"{node.name}.{each.name}" for each in inside if isinstance(each, ast.FunctionDef)}
            names |= {
                f"{node.name}.{each.target.id}"
                for each in inside
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name)
            }
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names |= {each.id for each in targets if isinstance(each, ast.Name)}
    return names
