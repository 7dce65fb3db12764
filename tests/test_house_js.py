"""How long files and functions of static/ may be: as long as those of Python, with one difference that is said here.

A function may have 40 lines. A closure that holds the state of a view is a list of short inner functions, as a class is
a list of methods: the lines of a function with a body in braces count for it alone, and as one line for the function
around it. Blank lines and lines of comment do not count, as docstrings do not in Python.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[1] / "static"
FILES = sorted(path for path in STATIC.rglob("*.js") if "served" not in path.relative_to(STATIC).parts)
MAX_FILE_LINES, MAX_FUNCTION_LINES = 300, 40
CONTROL = {"if", "for", "while", "switch", "catch", "with"}
# Comments, strings and regular expressions, in which braces mean nothing; the last stand where a value may
QUIET = re.compile(
    r"//[^\n]*|/\*.*?\*/|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\""
    r"|(?<=[(,=:!&|?])[ ]*/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\[\n])+/",
    re.DOTALL,
)
TEMPLATE = re.compile(r"`(?:\\.|\$\{[^{}`]*\}|[^`\\])*`", re.DOTALL)


@dataclass
class Function:
    name: str
    first: int  # line, from 0
    last: int = 0
    inner: list[Function] = field(default_factory=list)

    def own_lines(self, counted: set[int]) -> int:
        own = counted & set(range(self.first, self.last + 1))
        for each in self.inner:
            own -= set(range(each.first + 1, each.last + 1))
        return len(own)


def bare(text: str) -> str:
    """The code with a blank for every letter of comments, strings, templates and regular expressions."""

    def blank(found: re.Match[str]) -> str:
        return re.sub(r"[^\n]", " ", found[0])

    # templates first where they hold quotes, then again those that held templates
    for pattern in (QUIET, TEMPLATE, TEMPLATE):
        text = pattern.sub(blank, text)
    return text


def opening(code: str, end: int) -> int:
    """Where the parenthesis begins that ends before `end`."""
    depth = 0
    for at in range(end - 1, -1, -1):
        depth += (code[at] == ")") - (code[at] == "(")
        if not depth:
            return at
    raise ValueError("unbalanced")


def head(code: str, brace: int) -> tuple[str, int] | None:
    """Name and beginning of the function whose body a brace opens; None when it opens something else."""
    before = code[:brace].rstrip()
    if before.endswith("=>"):
        before = before[:-2].rstrip()
        start = opening(before, len(before)) if before.endswith(")") else len(before.rstrip("_$" + WORD))
        return "=>", start
    if not before.endswith(")"):
        return None
    start = opening(before, len(before))
    found = re.search(r"([#\w$]+)\s*$", before[:start])
    return None if not found or found[1] in CONTROL else (found[1], found.start())


WORD = "".join(map(chr, [*range(48, 58), *range(65, 91), *range(97, 123)]))


def functions(text: str) -> list[Function]:
    """All functions of a module with a body in braces, each with those right inside it."""
    code, found, stack = bare(text), [], []
    for at, letter in enumerate(code):
        if letter == "{":
            named = head(code, at)
            function = Function(named[0], code.count("\n", 0, named[1])) if named else None
            if function:
                around = next((each for each in reversed(stack) if each), None)
                (around.inner if around else []).append(function)
                found.append(function)
            stack.append(function)
        elif letter == "}":
            function = stack.pop()
            if function:
                function.last = code.count("\n", 0, at)
    assert not stack, "every brace is closed"
    return found


def counted_lines(text: str) -> set[int]:
    return {at for at, line in enumerate(text.split("\n")) if not re.match(r"\s*(//|/\*\*|\*|$)", line)}


def test_functions_are_found_and_measured():
    text = """export function outer({ a, b = {} }) {
  // a comment with a brace {
  const text = `${a}{`, pattern = /[{/]/;

  if (a) {
    b();
  }
  const arrow = (x) => {
    return x;
  };
  return { method() { return "}"; }, get size() { return 1; } };
}
class Kind {
  #hidden(x) {
    for (const each of x) { each(); }
  }
}
"""
    found = {each.name: each for each in functions(text)}
    assert list(found) == ["outer", "=>", "method", "size", "#hidden"]
    assert (found["outer"].first, found["outer"].last) == (0, 11)
    assert [each.name for each in found["outer"].inner] == ["=>", "method", "size"]
    assert (
        found["outer"].own_lines(counted_lines(text)) == 12 - 2 - 2
    )  # a comment and a blank; two lines of the arrow's
    assert found["#hidden"].own_lines(counted_lines(text)) == 3


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(STATIC).as_posix())
def test_no_file_and_no_function_is_too_long(path):
    text = path.read_text("utf-8")
    assert text.count("\n") <= MAX_FILE_LINES
    counted = counted_lines(text)
    lengths = {f"{each.name}, line {each.first + 1}": each.own_lines(counted) for each in functions(text)}
    assert not {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}


def test_no_folder_has_too_many_files():
    folders = {folder: len(list(folder.glob("*.js"))) for folder in {path.parent for path in FILES}}
    assert max(folders.values()) <= 20
