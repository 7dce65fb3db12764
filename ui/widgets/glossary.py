"""Glossary entries where a page first names a term: a row of terms, each of which shows its entry on hover, focus or
tap.

An entry stays while the pointer is on it, and Escape takes it away (WCAG 1.4.13).
"""

from __future__ import annotations

from collections.abc import Collection
from html import escape

import streamlit as st

from aecore.content import glossary

STATE_KEY = "ae-page-terms"  # ids of the terms that the page's own title and lead name
STYLE = """
.ae-terms { position: relative; display: flex; flex-wrap: wrap; gap: 0 .75rem; font-size: .875rem; margin: 0; }
.ae-terms .ae-term { all: unset; cursor: help; padding: .15rem 0; text-decoration: underline dotted;
  text-underline-offset: .2em; }
.ae-terms .ae-term:focus-visible { outline: 2px solid currentColor; outline-offset: 2px; border-radius: 2px; }
.ae-terms .ae-entry { display: none; position: absolute; z-index: 1000; left: 0; top: 100%; box-sizing: border-box;
  width: min(100%, 44rem); padding: .75rem 1rem; border-radius: .5rem; line-height: 1.45;
  background: var(--ae-ground); border: 1px solid rgba(128, 128, 128, .6); box-shadow: 0 4px 16px rgba(0, 0, 0, .2); }
.ae-terms .ae-entry small { display: block; margin-top: .35rem; opacity: .8; }
.ae-term-box:is(:hover, :focus-within) .ae-entry { display: block; }
.ae-terms:has(.ae-term-box:hover) .ae-term-box:not(:hover) .ae-entry { display: none; }
.ae-quiet .ae-terms .ae-entry { display: none; }
"""
# The same for everybody, for the content security policy (ui/server.py) names the scripts that may run by their hash.
SCRIPT = """if (!window.aeTerms) {
  window.aeTerms = true;
  const quiet = (on) => document.documentElement.classList.toggle("ae-quiet", on);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") quiet(true); });
  for (const name of ["focusin", "pointerover", "pointerdown"]) {
    document.addEventListener(name, (event) => { if (event.target.closest?.(".ae-term")) quiet(false); });
  }
}"""


def style() -> str:
    """The rules for terms and entries, on the ground of the theme in use."""
    ground = "#1b1f27" if st.context.theme.type == "dark" else "#ffffff"
    return f":root {{ --ae-ground: {ground}; }}{STYLE}"


def page_terms(title: str, description: str) -> None:
    """The row of a page's title and lead; what they name is not named again below."""
    st.session_state[STATE_KEY] = ()
    st.session_state[STATE_KEY] = show_terms(f"{title}. {description}")


def header(text: str, description: str = "", anchor: str | None = None) -> None:
    """A heading, a sentence or two on it, and the row of the terms that both name first."""
    st.header(text, anchor=anchor)
    if description:
        st.markdown(description)
    show_terms(f"{text}. {description}")


def show_terms(text: str) -> tuple[str, ...]:
    """A row of the glossary's terms in a text, but for those of the page's title and lead; returns their ids."""
    found = [term for term in glossary.terms_in(_plain(text)) if term.id not in st.session_state.get(STATE_KEY, ())]
    if found:
        st.html(_row(found), unsafe_allow_javascript=True)
    return tuple(term.id for term in found)


def _plain(markdown: str) -> str:
    return markdown.replace("*", "").replace("`", "")


def _row(terms: Collection[glossary.Term]) -> str:
    return f'<div class="ae-terms">{"".join(map(_term, terms))}</div><script>{SCRIPT}</script>'


def _term(term: glossary.Term) -> str:
    source = f"<small>{escape(term.source)}</small>" if term.source else ""
    return (
        f'<span class="ae-term-box"><button type="button" class="ae-term" aria-describedby="ae-entry-{term.id}">'
        f'{escape(term.term)}</button><span role="tooltip" class="ae-entry" id="ae-entry-{term.id}">'
        f"<b>{escape(term.term)}</b>: {escape(term.text)}{source}</span></span>"
    )
