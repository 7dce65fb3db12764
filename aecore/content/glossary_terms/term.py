"""Term: one entry of the glossary."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Term:
    """A term of the field, explained in two sentences.

    Parameters
    ----------
    id
        Its name in addresses: the term in lower case, words joined by hyphens (`kl-divergence`).
    term
        The term as headings show it.
    text
        Two sentences of plain text: what it is, and what one has to know to use it.
    labels
        Other words for it: abbreviations, synonyms, and the labels under which pages show it. No label is shared by two
        terms.
    symbol
        Its usual symbol in LaTeX, without dollar signs; "" where it has none.
    see_also
        Ids of terms that explain this one further.
    source
        The paper that introduced it, as authors and year; "" where there is no single one.
    """

    id: str
    term: str
    text: str
    labels: tuple[str, ...] = ()
    symbol: str = ""
    see_also: tuple[str, ...] = ()
    source: str = ""
