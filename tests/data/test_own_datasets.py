"""Folders of people's own data sets: what is spoilt in one stops nobody who lists them all."""

import pytest

from aecore.data import own_datasets
from aecore.data.cards import BUILT_IN, CARDS, get_card
from aecore.errors import UserError

NAME = "own-birds-0123abcd"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": 1}', "\0" * 10])
def test_a_spoilt_card_is_left_out_of_the_catalogue(content, tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    folder = own_datasets.folder_of(NAME)
    folder.mkdir(parents=True)
    (folder / own_datasets.CARD_FILE).write_text(content)
    assert list(CARDS) == [card.name for card in CARDS.values()] == list(BUILT_IN) and len(CARDS) == len(BUILT_IN)
    with pytest.raises(UserError, match=f"no data set called {NAME}; the data sets are: digits"):
        get_card(NAME)


@pytest.mark.parametrize("name", ["own", "own-", "own-a-0123abc", "own-a/../b-0123abcd", "own-A-0123abcd", "digits2"])
def test_what_is_no_name_of_one_leads_to_no_folder(name):
    with pytest.raises(KeyError):
        own_datasets.folder_of(name)
