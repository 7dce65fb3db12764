"""Text for people: escaping of what is not ours, and durations.

What was typed, or comes from an address, a file or a device, is escaped before it is shown as Markdown or in a figure:
what looks like an image or a link in it would make the browser ask another machine.
"""

from __future__ import annotations

import html
import re

WORD_JOINER = "\u2060"  # takes no room and joins words

# What Markdown, GitHub's tables and strikethrough, and Streamlit's formulas read as syntax anywhere in a line
_INLINE_SYNTAX = re.compile(r"[\\`*_~\[\]<>$|&]")
# What begins a heading, a list or a rule at the start of one
_LINE_START_SYNTAX = re.compile(r"^(?:[-+=#]|\d{1,9}(?=[.)]))")
# Bare addresses and Streamlit's :icons: and :colours: are found after backslashes have been taken out
_AUTOLINK_SYNTAX = re.compile(r":(?=[^\W\d]|/|[\w+-]+:)|www(?=\.)|@", re.IGNORECASE)


def escape(text: object) -> str:
    """Text as Markdown that shows it as it is, in one line; what cannot be printed is shown as a replacement
    character."""
    line = "".join(each if each.isprintable() else "\ufffd" for each in " ".join(str(text).split()))
    line = _INLINE_SYNTAX.sub(r"\\\g<0>", line)
    line = _LINE_START_SYNTAX.sub(lambda found: f"{found[0]}\\" if found[0].isdigit() else f"\\{found[0]}", line)
    return _AUTOLINK_SYNTAX.sub(rf"\g<0>{WORD_JOINER}", line)


def escape_figure(text: object) -> str:
    """Text for a figure of Plotly, which reads some HTML, links among it, and `%{...}` in what it shows on hover."""
    return html.escape(str(text), quote=False).replace("%{", f"%{WORD_JOINER}{{")


def duration(seconds: float) -> str:
    """Seconds in words, in the unit that fits."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
