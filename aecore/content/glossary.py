"""The glossary: terms of the field, found in the texts of pages, and written as docs/glossary.md.

`python -m aecore.content.glossary > docs/glossary.md` writes that page. Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from aecore.content.glossary_terms import (
    adversarial,
    anomalies,
    data,
    discrete_and_sparse,
    evaluation,
    flows,
    latents,
    masking,
    models,
    networks,
    priors,
    semi_supervised,
    training,
    variational,
)
from aecore.content.glossary_terms.term import Term as Term
from aecore.content.stored_names import STORED_NAMES, StoredName

_SUBJECTS = (
    adversarial,
    anomalies,
    data,
    discrete_and_sparse,
    evaluation,
    flows,
    latents,
    masking,
    models,
    networks,
    priors,
    semi_supervised,
    training,
    variational,
)

GLOSSARY: Mapping[str, Term] = MappingProxyType(
    {term.id: term for term in sorted((t for each in _SUBJECTS for t in each.TERMS), key=lambda term: term.id)}
)
"""Every term by its id, in alphabetical order of the ids."""

_LEAD = """# Glossary

Terms of the field as this laboratory uses them, in two sentences each; the second says what one has to know to use the
word. Pages show an entry where its term first appears. The last section lists the names that stand in files.

This page is made by `python -m aecore.content.glossary > docs/glossary.md`: change `aecore/content/glossary_terms/`.
"""

_STORED = """## Names in files

What `config.json`, `history.jsonl`, `result.json`, `weights.safetensors` and the command line call things since format
version 2, and what format 1 called them. `python -m aecore upgrade` converts folders of format 1. Where the paper of a
family has a symbol or a word of its own for a setting, it stands beside it.
"""


def find(text: str) -> Term | None:
    """Look up a term by its name.

    Parameters
    ----------
    text
        An id, a term or one of its labels; case, hyphens and outer white space do not matter.

    Returns
    -------
    Term or None
        The entry; None where the glossary has none of that name.

    Examples
    --------
    >>> find("ELBO").id
    'evidence-lower-bound'
    >>> find("free bits") is GLOSSARY["free-bits"]
    True
    """
    return _by_name().get(_plain(text))


def first_mentions(text: str) -> list[tuple[int, int, Term]]:
    """Find where each term first appears in a text.

    Parameters
    ----------
    text
        Plain text, such as a label or a sentence of a page.

    Returns
    -------
    list of (start, end, Term)
        In order of appearance, each term once; `text[start:end]` is what stands there. Names match as whole words in
        any case; where several begin at one place, the longest does.
    """
    found: dict[str, tuple[int, int, Term]] = {}
    for match in _pattern().finditer(text):
        term = _by_name()[_plain(match.group())]
        found.setdefault(term.id, (match.start(), match.end(), term))
    return list(found.values())


def terms_in(text: str) -> list[Term]:
    """List the terms that a text mentions, each once, in order of appearance (see `first_mentions`).

    Examples
    --------
    >>> [term.id for term in terms_in("A KL weight of 4 leads to posterior collapse")]
    ['kl-weight', 'posterior-collapse']
    """
    return [term for _, _, term in first_mentions(text)]


def markdown(names: Iterable[StoredName] = STORED_NAMES) -> str:
    """Write the glossary as a Markdown page.

    Parameters
    ----------
    names
        Stored names for the table of the last section.

    Returns
    -------
    str
        The text of docs/glossary.md: terms in alphabetical order, then the table.
    """
    entries = [_entry(term) for term in sorted(GLOSSARY.values(), key=lambda term: term.term.lower())]
    rows = [
        "| where | format 1 | now | label | symbol | in the paper |",
        "|---|---|---|---|---|---|",
        *(_row(name) for name in names),
    ]
    return "\n".join([_LEAD, "## Terms\n", *entries, _STORED, *rows]) + "\n"


def _entry(term: Term) -> str:
    also = ", ".join(f"[{GLOSSARY[each].term}](#{each})" for each in term.see_also)
    notes = [
        ", ".join(term.labels) and f"Also: {', '.join(term.labels)}.",
        term.symbol and f"Symbol: ${term.symbol}$.",
        term.source and f"Source: {term.source}.",
        also and f"See {also}.",
    ]
    return "\n".join([f"### {term.term}\n", term.text, "", " ".join(filter(None, notes)), ""])


def _row(name: StoredName) -> str:
    symbol = f"${name.symbol}$" if name.symbol else ""
    old = f"`{name.old}`" if name.old != name.new else ""
    return f"| {' | '.join((name.where, old, f'`{name.new}`', name.label, symbol, name.paper))} |"


def _plain(name: str) -> str:
    """A name as it is compared: lower case, hyphens and white space as single spaces."""
    return re.sub(r"[-\s]+", " ", name.strip().lower())


@cache
def _by_name() -> Mapping[str, Term]:
    return {_plain(name): term for term in GLOSSARY.values() for name in (term.id, term.term, *term.labels)}


@cache
def _pattern() -> re.Pattern[str]:
    """Any name as a whole word, the longest first."""
    names = sorted(_by_name(), key=lambda name: (-len(name), name))
    joined = "|".join(re.escape(name).replace(r"\ ", r"[-\s]+") for name in names)
    return re.compile(rf"(?<![\w-])(?:{joined})(?![\w-])", re.IGNORECASE)


if __name__ == "__main__":
    print(markdown(), end="")
