"""The catalogue of data sets: those that come with the laboratory, and those that people added here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aecore.data import own_datasets
from aecore.data.card import DatasetCard as DatasetCard
from aecore.data.image_cards import IMAGE_CARDS
from aecore.data.simulated_cards import SIMULATED_CARDS
from aecore.data.table_cards import TABLE_CARDS
from aecore.errors import UserError

BUILT_IN: dict[str, DatasetCard] = {card.name: card for card in (*IMAGE_CARDS, *TABLE_CARDS, *SIMULATED_CARDS)}


class Catalogue(Mapping[str, DatasetCard]):
    """Cards by name. People's own are read when they are asked for: another process may have added one."""

    def __getitem__(self, name: str) -> DatasetCard:
        return BUILT_IN[name] if name in BUILT_IN else own_datasets.read_card(name)

    def __iter__(self) -> Iterator[str]:
        yield from BUILT_IN
        yield from own_datasets.names()

    def __len__(self) -> int:
        return len(BUILT_IN) + len(own_datasets.names())


CARDS = Catalogue()


def get_card(name: str) -> DatasetCard:
    """The card of the data set `name`, or a UserError that lists those there are."""
    try:
        return CARDS[name]
    except KeyError:
        raise UserError(f"There is no data set called {name}; the data sets are: {', '.join(CARDS)}.") from None
