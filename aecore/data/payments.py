"""Payments by card that we draw ourselves, with fraud of four known kinds: who pays what, when, where and how.

Nobody's payments: every cause is written down here, so that what a detector finds can be held against it. The kinds of
fraud are those that banks speak of; all numbers are ours.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from aecore.data import merchants
from aecore.data.merchants import CASH, GROUP_OF, MEDIAN, ONLINE_SHARE, SHOPPING, SPREAD, USUAL_HOUR

SEED = 0
CUSTOMERS = (200, 60, 140)  # who trains, validates and tests: no customer is in two splits
DAY, HOUR, MINUTE = 86_400, 3_600, 60  # seconds
WARM_UP, DAYS = 30, 120  # days that only give later payments a past; days that are drawn in all
CONFIRM_FROM = 50.0  # euros, from which on our bank asks the customer to confirm
CHANNELS = ("contactless", "chip", "online", "in an app", "by phone or mail", "cash machine")
CLASSES = ("normal", "stolen card", "card testing", "account takeover", "slow drain")
ABOUT_HOME = 0.5  # km from home that payments online come from, in the mean
_CONTACTLESS, _CHIP, _ONLINE, _APP, _MAIL, _MACHINE = range(len(CHANNELS))
_WEEKDAYS = np.array([0.9, 0.9, 0.95, 1.0, 1.25, 1.3, 0.8])  # Monday first: how much is paid on each


class Payments(NamedTuple):
    """Payments, one after the other: arrays of one length N, and a place of two numbers."""

    customer: np.ndarray  # int64 [N], 0 to 399
    seconds: np.ndarray  # int64 [N], since the first Monday, 0 h
    cents: np.ndarray  # int64 [N]
    category: np.ndarray  # int64 [N], of the merchant: an index into merchants.CATEGORIES
    channel: np.ndarray  # int64 [N], an index into CHANNELS
    place: np.ndarray  # float64 [N, 2], km; online where the customer's device is
    from_home: np.ndarray  # float64 [N], km
    abroad: np.ndarray  # bool [N], whether the merchant is in another country than the customer's home
    new_device: np.ndarray  # bool [N], whether the bank has not seen the phone or computer before
    label: np.ndarray  # int64 [N], an index into CLASSES

    def take(self, rows: np.ndarray) -> Payments:
        """Those of `rows`, in their order."""
        return Payments(*(each[rows] for each in self))


class _Customers(NamedTuple):
    rate: np.ndarray  # rounds of payments a day
    level: np.ndarray  # how much more than the median they spend
    cumulative: np.ndarray  # [400, 96], of the probabilities of categories
    shift: np.ndarray  # hours that they live later than others
    home: np.ndarray  # [400, 2], km
    trip: np.ndarray  # [400, 2], from when to when they are away, seconds
    away: np.ndarray  # [400, 2], where, km
    trip_abroad: np.ndarray  # whether that is another country


def draw() -> Payments:
    """All payments, by customer and then by time; the same at every call."""
    # Not default_rng: only the stream of RandomState is promised to stay the same in every NumPy to come.
    random = np.random.RandomState(SEED)
    people = _customers(random, sum(CUSTOMERS))
    parts = [_usual_payments(random, people)]
    for customer in range(2, sum(CUSTOMERS), 5):  # every fifth meets fraud, of each kind as many in each split
        parts.append(_FRAUDS[customer // 5 % len(_FRAUDS)](random, people, customer))
    every = Payments(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    return every.take(np.lexsort((every.seconds, every.customer)))


def split_rows(customer: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of train, validation and test for the customers `[N]` of rows, each in a random but fixed order."""
    part = np.searchsorted(np.cumsum(CUSTOMERS), customer, side="right")
    order = np.random.RandomState(SEED).permutation(len(customer))
    train, validation, test = (order[part[order] == at] for at in range(3))
    return train, validation, test


def _customers(random: np.random.RandomState, count: int) -> _Customers:
    weights = merchants.POPULARITY * random.gamma(0.7, size=(count, len(merchants.CATEGORIES)))
    start = random.uniform(-20, DAYS + 60, count)  # of a trip that may lie outside these days
    distance = np.minimum(500 * np.exp(1.1 * random.normal(size=count)), 9000)
    home = random.normal(0, 120, (count, 2))
    return _Customers(
        rate=0.93 * np.exp(0.3 * random.normal(size=count)),
        level=np.exp(0.35 * random.normal(size=count)),
        cumulative=np.cumsum(weights / weights.sum(1, keepdims=True), 1),
        shift=np.where(random.uniform(size=count) < 0.08, 5.0, 0.0),
        home=home,
        trip=np.stack([start, start + random.uniform(3, 14, count)], 1) * DAY,
        away=home + distance[:, None] * _directions(random, count),
        trip_abroad=(distance > 300) & (random.uniform(size=count) < 0.7),
    )


def _directions(random: np.random.RandomState, count: int) -> np.ndarray:
    angle = random.uniform(0, 2 * np.pi, count)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def _categories(random: np.random.RandomState, people: _Customers, customer: np.ndarray) -> np.ndarray:
    """A category for each row, as its customer likes them."""
    drawn = (random.uniform(size=(len(customer), 1)) > people.cumulative[customer]).sum(1)
    return np.minimum(drawn, len(merchants.CATEGORIES) - 1)


def _cents(random: np.random.RandomState, people: _Customers, customer: np.ndarray, category: np.ndarray) -> np.ndarray:
    """What these customers usually spend there."""
    spread = SPREAD[category] * random.normal(size=len(category))
    return np.maximum(np.round(100 * MEDIAN[category] * people.level[customer] * np.exp(spread)), 10).astype(np.int64)


def _usual_payments(random: np.random.RandomState, people: _Customers) -> Payments:
    """Those of the customers themselves. What could be taken for fraud happens, too: some travel, buy a new phone, live
    at night, pay several times on a round of shopping, or buy five little things in a game."""
    weights = np.tile(_WEEKDAYS, DAYS // 7 + 1)[:DAYS]
    owner = np.repeat(np.arange(len(people.rate)), random.poisson(people.rate * DAYS))  # of each round of payments
    first = _categories(random, people, owner)
    hour = (USUAL_HOUR[first] + people.shift[owner] + 2.6 * random.normal(size=len(owner))) % 24
    begins = random.choice(DAYS, len(owner), p=weights / weights.sum()) * DAY + hour * HOUR
    in_game = (GROUP_OF[first] == merchants.DIGITAL) & (random.uniform(size=len(owner)) < 0.06)
    more = np.searchsorted([0.86, 0.95, 0.99], random.uniform(size=len(owner)))  # payments of the round after its first
    more = np.where(in_game, random.randint(2, 6, len(owner)), more)
    pause = np.where(in_game, random.uniform(20, 200, len(owner)), random.uniform(4, 40, len(owner)) * MINUTE)

    rounds = np.repeat(np.arange(len(owner)), more + 1)
    step = np.arange(len(rounds)) - np.repeat(np.cumsum(more + 1) - more - 1, more + 1)
    customer = owner[rounds]
    others = _categories(random, people, customer)
    category = np.where((step == 0) | in_game[rounds], first[rounds], others)
    seconds = (begins[rounds] + step * pause[rounds] * random.uniform(0.8, 1.2, len(rounds))).astype(np.int64)
    away = (seconds >= people.trip[customer, 0]) & (seconds < people.trip[customer, 1])
    on_the_way = away & (random.uniform(size=len(rounds)) < 0.5)
    category = np.where(on_the_way, random.choice(merchants.TRAVELLING, len(rounds)), category)
    return _placed(random, people, customer, seconds, category, away)


def _placed(
    random: np.random.RandomState, people: _Customers, customer: np.ndarray, seconds: np.ndarray, category: np.ndarray,
    away: np.ndarray,
) -> Payments:  # fmt: skip
    """The rest of usual payments: amount, channel, place, country and device."""
    count = len(customer)
    remote = random.uniform(size=count) < ONLINE_SHARE[category]
    cents = _cents(random, people, customer, category)
    tapped = (cents < 100 * CONFIRM_FROM) & (random.uniform(size=count) < 0.8)
    how = np.searchsorted([0.6, 0.95], random.uniform(size=count)) + _ONLINE
    channel = np.where(remote, how, np.where(tapped, _CONTACTLESS, _CHIP))
    channel = np.where(category == CASH, _MACHINE, channel)
    about = random.exponential(np.where(remote, ABOUT_HOME, 5.0))[:, None] * _directions(random, count)
    place = np.where(away[:, None], people.away[customer], people.home[customer]) + about
    foreign_shop = remote & (random.uniform(size=count) < 0.08)
    abroad = np.where(remote, foreign_shop, away & people.trip_abroad[customer])
    new_device = np.isin(channel, (_ONLINE, _APP)) & (random.uniform(size=count) < np.where(away, 0.06, 0.015))
    from_home = np.hypot(*(place - people.home[customer]).T)
    label = np.zeros(count, np.int64)
    return Payments(customer, seconds, cents, category, channel, place, from_home, abroad, new_device, label)


def _fraud(
    people: _Customers, customer: int, kind: str, seconds: np.ndarray, euros: np.ndarray, category: np.ndarray,
    channel: int, offset: np.ndarray, elsewhere: bool = False,
) -> Payments:  # fmt: skip
    """What a thief pays with a customer's card, `offset` km from the customer's home."""
    count = len(seconds)
    return Payments(
        np.full(count, customer), seconds.astype(np.int64), np.round(100 * euros).astype(np.int64), category,
        np.full(count, channel), people.home[customer] + offset, np.hypot(*offset.T), np.full(count, elsewhere),
        np.full(count, elsewhere), np.full(count, CLASSES.index(kind)),
    )  # fmt: skip


def _at_home(random: np.random.RandomState, count: int) -> np.ndarray:
    """Where a customer's own device is, km from home, `[count, 2]`: as of usual payments online."""
    return random.exponential(ABOUT_HOME, (count, 1)) * _directions(random, count)


def _own_shopping(random: np.random.RandomState, people: _Customers, customer: int, count: int) -> np.ndarray:
    """Categories to shop online at, as this customer likes them."""
    liked = np.diff(people.cumulative[customer], prepend=0)[SHOPPING]
    return random.choice(SHOPPING, count, p=liked / liked.sum())


def _some_day(random: np.random.RandomState) -> int:
    return int(random.randint(WARM_UP + 5, DAYS - 25)) * DAY


def _stolen_card(random: np.random.RandomState, people: _Customers, customer: int) -> Payments:
    """High amounts at night, with the card itself, for what can be sold again."""
    count = random.randint(3, 7)
    seconds = _some_day(random) + random.uniform(0, 2) * HOUR + np.cumsum(random.uniform(8, 35, count)) * MINUTE
    euros = np.exp(random.uniform(np.log(150), np.log(900), count))
    nearby = random.uniform(8, 60) * _directions(random, 1) + random.normal(0, 2, (count, 2))
    category = random.choice(merchants.VALUABLES, count)
    return _fraud(people, customer, "stolen card", seconds, euros, category, _CHIP, nearby)


def _card_testing(random: np.random.RandomState, people: _Customers, customer: int) -> Payments:
    """Tiny payments within minutes: does the number of the card still work?"""
    count = random.randint(5, 11)
    seconds = _some_day(random) + random.uniform(0, 23) * HOUR + np.cumsum(random.uniform(5, 45, count))
    category = np.full(count, random.choice(merchants.TESTED_AT))
    euros = random.uniform(0.1, 2, count)
    return _fraud(people, customer, "card testing", seconds, euros, category, _ONLINE, _at_home(random, count))


def _account_takeover(random: np.random.RandomState, people: _Customers, customer: int) -> Payments:
    """Somebody else has the password: a new device, far away, and amounts such as the customer's own."""
    count = random.randint(3, 6)
    seconds = _some_day(random) + random.uniform(8, 18) * HOUR + np.cumsum(random.uniform(0.2, 1.5, count)) * HOUR
    category = _own_shopping(random, people, customer, count)
    euros = _cents(random, people, np.full(count, customer), category) / 100
    far = random.uniform(800, 9000) * _directions(random, 1) + random.normal(0, 1, (count, 2))
    return _fraud(people, customer, "account takeover", seconds, euros, category, _ONLINE, far, elsewhere=True)


def _slow_drain(random: np.random.RandomState, people: _Customers, customer: int) -> Payments:
    """Every few days an amount just below what has to be confirmed: nothing about one payment is odd."""
    count = random.randint(4, 8)
    day = _some_day(random) + np.cumsum(random.randint(1, 4, count)) * DAY
    seconds = day + random.uniform(9, 22, count) * HOUR
    euros = CONFIRM_FROM * random.uniform(0.86, 0.998, count)
    category = _own_shopping(random, people, customer, count)
    return _fraud(people, customer, "slow drain", seconds, euros, category, _ONLINE, _at_home(random, count))


_FRAUDS = (_stolen_card, _card_testing, _account_takeover, _slow_drain)
