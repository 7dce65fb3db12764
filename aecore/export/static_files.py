"""What runs in the browser, as files: which modules of static/ need which, style sheets, and the colours of the theme.

Nothing here imports torch.
"""

from __future__ import annotations

import os
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from aecore.errors import UserError

ROOT = Path(__file__).parents[2]
STATIC, THEME_FILE = ROOT / "static", ROOT / ".streamlit" / "config.toml"
IMPORT_PATTERN = re.compile(r"^((?:import|export) (?:[^'=();]* from )?)'(\.[^']+)';", re.MULTILINE)
THEMES = ("light", "dark")


def require_static() -> Path:
    """The folder of what runs in the browser; UserError where the library was installed without it."""
    if not STATIC.is_dir() or not THEME_FILE.is_file():
        raise UserError(
            "This file is made of the laboratory's own pages (static/), which an installed library is without: call it "
            "in the laboratory's folder."
        )
    return STATIC


def imported_module(module: str, address: str) -> str:
    """The path below static/ of what a module there imports by a relative address."""
    return os.path.normpath(os.path.join(os.path.dirname(module), address)).replace(os.sep, "/")


def with_names(text: str, module: str, prefix: str) -> str:
    """The text of a module that imports the others by names, `{prefix}net/net.js`, not by relative addresses."""
    return IMPORT_PATTERN.sub(lambda found: f"{found[1]}'{prefix}{imported_module(module, found[2])}';", text)


def module_graph(root: Path, *entries: str) -> list[str]:
    """Those of `entries` that there are and all that they import, and so on: paths below `root`, each once."""
    found = {entry: None for entry in entries if (root / entry).exists()}
    left = list(found)
    while left:
        module = left.pop()
        for _, address in IMPORT_PATTERN.findall((root / module).read_text("utf-8")):
            imported = imported_module(module, address)
            if imported not in found:
                found[imported] = None
                left.append(imported)
    return list(found)


def markup(file: Path) -> str:
    """The HTML of a file with what it includes put in, by `<!-- include ../part.html -->`: views share parts."""
    text = file.read_text("utf-8")
    return re.sub(r"<!-- include (\S+) -->", lambda named: markup(file.parent / named[1]).rstrip("\n"), text)


def stylesheet(file: Path) -> str:
    """A style sheet with those that it imports put in: one inside a page cannot import by address."""
    text = file.read_text("utf-8") if file.exists() else ""
    return re.sub(r'@import "(.+)";', lambda named: stylesheet(file.parent / named[1]), text)


@cache
def _theme() -> dict[str, Any]:
    require_static()
    found: dict[str, Any] = tomllib.loads(THEME_FILE.read_text("utf-8"))["theme"]
    return found


def class_colours(theme: str) -> tuple[str, ...]:
    """The colours of the classes on the ground of one of THEMES."""
    return tuple(_theme()[theme]["chartCategoricalColors"])


def theme_properties(theme: str) -> str:
    """The theme as CSS properties, under the names that Streamlit gives them: `--st-text-color: #0b1320; ...`."""
    shared = {name: value for name, value in _theme().items() if name not in THEMES}
    return " ".join(
        f"--st-{re.sub('[A-Z]', lambda letter: f'-{letter[0].lower()}', name)}: {_css(value)};"
        for name, value in {**shared, **_theme()[theme]}.items()
    )


def _css(value: Any) -> str:
    return ",".join(map(str, value)) if isinstance(value, list) else str(value)
