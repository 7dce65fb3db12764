"""No word of the private language is left in a public name: identifiers, labels, keys of JSON, the command line.

Names are compared whole and by what they name: `numbers` as the name of a function is such a word, in `version_numbers`
or in prose it is none. What begins with an underscore is private, local variables are nobody's.
"""

from __future__ import annotations

import argparse
import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from aecore.analysis.projections import PROJECTIONS
from aecore.cli.parser import parser
from aecore.config import Config
from aecore.models.families.build import FAMILIES
from aecore.params import params_of
from tests.kit import private_words as words

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [path for name in ("aecore", "ui", "pages", "tools") for path in sorted((ROOT / name).rglob("*.py"))]
UPGRADE = ROOT / "aecore" / "store" / "upgrade"  # where the names of format 1 stand, and nowhere else
Kind = Literal["module", "class", "function", "attribute", "parameter"]

WORDS: dict[Kind, str] = {
    "module": words.MODULES,
    "class": words.CLASSES,
    "function": words.FUNCTIONS,
    "attribute": words.ATTRIBUTES,
    "parameter": words.PARAMETERS,
}


def _public(name: str) -> bool:
    return not name.startswith("_")


def _targets(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.Assign):
        yield from (each.id for each in node.targets if isinstance(each, ast.Name))
    elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        yield node.target.id


def _identifiers(body: list[ast.stmt]) -> Iterator[tuple[Kind, str]]:
    """The public names that a module or a class gives: what they name, and the name."""
    for node in body:
        yield from (("attribute", name) for name in _targets(node))
        if isinstance(node, ast.ClassDef) and _public(node.name):
            yield "class", node.name
            yield from _identifiers(node.body)
        elif isinstance(node, ast.FunctionDef) and (_public(node.name) or node.name == "__init__"):
            yield "function", node.name
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            yield from (("parameter", each.arg) for each in arguments)
            if node.name == "__init__":
                yield from (("attribute", name) for name in _own(node))


def _own(constructor: ast.FunctionDef) -> Iterator[str]:
    """The attributes that a constructor gives an object."""
    for node in ast.walk(constructor):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and isinstance(node.value, ast.Name):
            yield node.attr


def _found(kind: Kind, source: Path) -> set[str]:
    names = {name for each, name in _identifiers(ast.parse(source.read_text()).body) if each == kind and _public(name)}
    return names | ({source.stem} if kind == "module" else set())


@pytest.mark.parametrize("kind", WORDS)
def test_no_identifier_is_a_private_word(kind):
    private = set(WORDS[kind].split())
    where = {
        f"{name} ({source.relative_to(ROOT)})"
        for source in SOURCES
        if UPGRADE not in source.parents
        for name in _found(kind, source) & private
        if name not in words.EXCEPTIONS.get(kind, {})
    }
    assert not where


def _labels() -> Iterator[str]:
    """The labels of settings, and what widgets, headings and panels are given to show first."""
    for source in (Config, *(family.build for family in FAMILIES.values()), *PROJECTIONS.values()):
        yield from (param.label for param in params_of(source))
    for path in SOURCES:
        if path.parts[len(ROOT.parts)] in ("ui", "pages"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                    yield str(node.args[0].value)


def test_no_label_is_a_private_word():
    assert set(_labels()) & set(words.LABELS) <= set(words.EXCEPTIONS["label"])


def _keys_of(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys_of(each)


def _schema_keys() -> Iterator[str]:
    """The keys that the schema of what lies in run folders knows."""
    for path in sorted((ROOT / "aecore" / "store").glob("schema*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Dict):
                yield from (key.value for key in node.keys if isinstance(key, ast.Constant))


def test_no_key_of_a_file_is_a_private_word():
    keys = set(_schema_keys())
    for file in (ROOT / "pretrained").rglob("*.json"):
        keys |= set(_keys_of(json.loads(file.read_text())))
    assert keys & set(words.KEYS.split()) <= set(words.EXCEPTIONS["key"])


def _command_words(top: argparse.ArgumentParser) -> Iterator[str]:
    for action in top._actions:
        yield from action.option_strings
        yield from action.choices or () if not isinstance(action, argparse._SubParsersAction) else ()
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield name
                yield from _command_words(command)


def test_no_word_of_the_command_line_is_private():
    assert not set(_command_words(parser())) & set(words.COMMAND_WORDS.split())


def test_exceptions_are_needed_and_have_a_reason():
    for kind, reasons in words.EXCEPTIONS.items():
        assert all(len(reason) > 10 for reason in reasons.values()), kind
    for kind in WORDS:
        there = set().union(*(_found(kind, source) for source in SOURCES))
        assert set(words.EXCEPTIONS.get(kind, {})) <= there & set(WORDS[kind].split()), kind
