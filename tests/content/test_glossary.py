"""The glossary: entries that hold together, found in texts, and the page made from them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from aecore.content import glossary
from aecore.content.glossary import _SUBJECTS as SUBJECTS
from aecore.content.glossary import GLOSSARY, find, first_mentions, markdown, terms_in
from aecore.content.stored_names import STORED_NAMES

ROOT = Path(glossary.__file__).parents[2]
TERMS = [term for each in SUBJECTS for term in each.TERMS]


def test_every_term_is_there_once():
    assert len(TERMS) == len(GLOSSARY) == len({term.term.lower() for term in TERMS})
    assert all(GLOSSARY[term.id] is term for term in TERMS)


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda each: each.__name__.rsplit(".")[-1])
def test_a_file_is_in_alphabetical_order(subject):
    ids = [term.id for term in subject.TERMS]
    assert ids == sorted(ids)


def test_an_entry_is_two_sentences():
    for term in TERMS:
        sentences = re.split(r"(?<=[.!?])\s+", term.text)
        assert len(sentences) == 2, sentences
        assert all(re.match(r"[A-Z0-9]", each) and each.endswith(".") for each in sentences), sentences


def test_an_entry_leads_to_others():
    for term in TERMS:
        assert set(term.see_also) <= GLOSSARY.keys() - {term.id}, term.id
        assert 0 < len(term.see_also) == len(set(term.see_also)), term.id


def test_an_id_is_what_the_heading_of_its_page_is_called():
    for term in TERMS:
        assert term.id == re.sub(r"[^a-z0-9 -]", "", term.term.lower()).replace(" ", "-")


def test_a_source_ends_in_years():
    for term in TERMS:
        assert not term.source or all(re.search(r" (19|20)\d\d$", each) for each in term.source.split("; ")), term.id


def test_no_name_leads_to_two_terms():
    owners: dict[str, str] = {}
    for term in TERMS:
        for name in (term.term, *term.labels):
            assert owners.setdefault(glossary._plain(name), term.id) == term.id, name
            assert find(name) is term


def test_no_label_of_a_term_says_it_again():
    for term in TERMS:
        plain = [glossary._plain(name) for name in (term.term, *term.labels)]
        assert len(plain) == len(set(plain)), term.id


@pytest.mark.parametrize(
    ("said", "id"),
    [
        ("ELBO", "evidence-lower-bound"),
        ("  kl divergence ", "kl-divergence"),
        ("posterior-collapse", "posterior-collapse"),
        ("Gradient norm clip", "gradient-clipping"),
        ("KL per latent dimension", "kl-divergence"),
    ],
)
def test_terms_are_found_by_id_name_and_label(said, id):
    assert find(said) is GLOSSARY[id]


def test_unknown_words_are_no_terms():
    assert find("wardrobe") is None
    assert find("") is None
    assert terms_in("He made it again.") == []


def test_the_longest_name_counts_and_each_term_once():
    text = "A KL weight of 2: the KL rises, the kl weight stays; t-SNE maps of codes, UMAP maps."
    assert [term.id for term in terms_in(text)] == ["kl-weight", "kl-divergence", "t-sne", "latent-code", "umap"]


def test_names_match_as_whole_words():
    assert terms_in("decode, seeded, KLM, sub-code, epochal") == []


def test_places_of_mentions():
    text = "Free   bits, then the ELBO."
    assert [text[start:end] for start, end, _ in first_mentions(text)] == ["Free   bits", "ELBO"]


def test_symbols_are_latex_without_dollars():
    for symbol in [term.symbol for term in TERMS] + [name.symbol for name in STORED_NAMES]:
        assert "$" not in symbol
        assert symbol.count("{") == symbol.count("}")


def test_stored_names_lead_to_terms():
    for name in STORED_NAMES:
        assert not name.term or name.term in GLOSSARY, name
        shown = find(name.label)
        assert shown is None or shown.id == name.term, name


def test_no_stored_name_stands_twice():
    for side in ("old", "new"):
        names = [(name.where, getattr(name, side)) for name in STORED_NAMES]
        assert len(names) == len(set(names))


def test_table_cells_hold_no_bars():
    for name in STORED_NAMES:
        assert "|" not in "".join(vars(name).values())


def test_the_page_is_made_from_the_entries():
    assert (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8") == markdown(), (
        "write it again: python -m aecore.content.glossary > docs/glossary.md"
    )


def test_the_page_has_every_term_and_its_links_lead_somewhere():
    page = markdown()
    headings = re.findall(r"^### (.+)$", page, re.MULTILINE)
    assert headings == sorted((term.term for term in TERMS), key=str.lower)
    assert set(re.findall(r"\(#([^)]+)\)", page)) <= GLOSSARY.keys()


def test_the_glossary_needs_neither_torch_nor_streamlit():
    code = "import sys; import aecore.content.glossary; print({'torch', 'streamlit', 'numpy'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
