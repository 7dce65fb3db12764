"""The merchants of drawn payments: twelve groups of eight categories, and what is usually paid there, when and how.

All numbers are ours: they are meant to look like a life, not to be anybody's statistics.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class _Group(NamedTuple):
    share: float  # of all payments, %
    median: float  # euros
    spread: float  # standard deviation of the logarithm of an amount
    online: float  # share of its payments that are made online
    hour: float  # about which most are made
    names: str  # of its eight categories, the most frequent first


_GROUPS = {
    "food": _Group(30, 18, 0.7, 0.03, 15, "supermarkets, bakeries, corner shops, butchers, greengrocers, organic food, "
                   "drinks, delicatessens"),
    "eating out": _Group(16, 15, 0.6, 0.1, 17, "restaurants, cafés, fast food, canteens, pizza delivery, bars, "
                         "ice cream parlours, caterers"),
    "on the way": _Group(14, 14, 0.8, 0.15, 13, "fuel stations, public transport, parking, taxis, charging points, "
                         "bicycle shops, car sharing, tolls"),
    "household": _Group(9, 24, 0.7, 0.3, 14, "drugstores, pharmacies, hardware stores, household goods, pet shops, "
                        "garden centres, florists, furniture"),
    "digital": _Group(8, 5, 0.7, 1.0, 19, "streaming, games, music, apps, news sites, cloud storage, "
                      "e-books, software"),
    "clothing": _Group(6, 40, 0.6, 0.45, 15, "clothes, shoes, sportswear, children's clothes, second-hand shops, "
                       "accessories, dry cleaners, tailors"),
    "leisure": _Group(5, 19, 0.7, 0.4, 18, "book shops, cinemas, swimming pools, toys, concerts, museums, theatres, "
                      "lotteries"),
    "services": _Group(4, 45, 0.6, 0.2, 13, "cash, post offices, repairs, charities, vets, photo services, "
                       "printing, moving"),
    "body": _Group(3, 38, 0.6, 0.1, 12, "hairdressers, doctors, gyms, cosmetics, dentists, opticians, massage, "
                   "hearing aids"),
    "bills": _Group(3, 65, 0.6, 0.9, 10, "telephone, electricity, insurance, internet access, water, rent, "
                    "school fees, taxes"),
    "travel": _Group(1.4, 120, 0.8, 0.75, 14, "railways, hotels, airlines, holiday flats, car rental, coaches, "
                     "campsites, ferries"),
    "valuables": _Group(0.6, 130, 0.9, 0.5, 15, "electronics, gift cards, jewellers, perfumeries, designer goods, "
                        "watches, foreign currency, pawnbrokers"),
}  # fmt: skip

CATEGORIES = tuple(name for group in _GROUPS.values() for name in group.names.split(", "))
GROUP_OF = np.repeat(np.arange(len(_GROUPS)), len(CATEGORIES) // len(_GROUPS))  # [96], the group of each category
_POSITION = np.arange(len(CATEGORIES)) % (len(CATEGORIES) // len(_GROUPS))


def _per_category(field: str) -> np.ndarray:
    """A number of its group for each category, `[96]`."""
    return np.array([getattr(group, field) for group in _GROUPS.values()], float)[GROUP_OF]


def _of(*groups: str) -> np.ndarray:
    """The categories of some groups."""
    return np.flatnonzero(np.isin(GROUP_OF, [list(_GROUPS).index(group) for group in groups]))


MEDIAN, SPREAD, ONLINE_SHARE = _per_category("median"), _per_category("spread"), _per_category("online")
USUAL_HOUR = _per_category("hour")
POPULARITY = _per_category("share") / (1 + _POSITION)  # within a group as Zipf has it
DIGITAL = list(_GROUPS).index("digital")
CASH = CATEGORIES.index("cash")
ONLINE_SHARE[CASH] = 0.0
VALUABLES = _of("valuables")
TRAVELLING = _of("eating out", "on the way", "travel")
SHOPPING = _of("household", "clothing", "leisure")  # where thieves shop online as customers do
TESTED_AT = np.append(_of("digital"), CATEGORIES.index("charities"))
