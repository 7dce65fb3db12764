"""What a bank's table says of each payment: itself, and the customer's last hour, day and week. Never what comes later.

Every column of a row is made of that payment and of earlier ones of the same customer alone (`tests/data` holds it to
this), so a model that is tested on it knows no more than the bank did at that moment.
"""

from __future__ import annotations

import numpy as np

from aecore.data import payments
from aecore.data.merchants import CATEGORIES
from aecore.data.modalities import Column, Table
from aecore.data.payments import CHANNELS, DAY, HOUR, Payments
from aecore.data.standardisation import scaling

WINDOWS = {"hour": HOUR, "day": DAY, "week": 7 * DAY}  # seconds
_SPAN = 10**9  # seconds between two customers on one line of time: more than any window and all days
_NO_YES = ("no", "yes")
NUMBER_COLUMNS = (
    "amount (log10 €)",
    *(f"{said} of the last {name}" for name in WINDOWS for said in ("payments", "mean (log10 €)")),
    "amount / mean so far (log10)",
    "since the last payment (log10 s)",
    "from the last place (log10 km)",
    "from home (log10 km)",
)


def number_columns(paid: Payments) -> dict[str, np.ndarray]:
    """The columns that are numbers, float64 `[N]` each, of payments that are sorted by customer and time.

    A window ends with the payment itself. The first payment of a customer has no past: its mean so far is its own
    amount, and the last one counts as a week ago at the same place.
    """
    at = np.arange(len(paid.customer))
    line = paid.customer * _SPAN + paid.seconds
    total = np.concatenate([[0], np.cumsum(paid.cents)])  # of all payments before each: whole cents, so exact
    found = {"amount (log10 €)": np.log10(paid.cents / 100)}
    for name, width in WINDOWS.items():
        start = np.searchsorted(line, line - width, side="right")
        count = at + 1 - start
        found[f"payments of the last {name}"] = count.astype(float)
        found[f"mean (log10 €) of the last {name}"] = np.log10((total[at + 1] - total[start]) / count / 100)
    first = np.searchsorted(paid.customer, paid.customer)
    before, is_first = at - first, at == first
    mean = np.where(is_first, paid.cents, (total[at] - total[first]) / np.maximum(before, 1))
    last = np.where(is_first, at, at - 1)
    elapsed = np.where(is_first, WINDOWS["week"], paid.seconds - paid.seconds[last])
    found["amount / mean so far (log10)"] = np.log10(paid.cents / mean)
    found["since the last payment (log10 s)"] = np.log10(1 + elapsed)
    found["from the last place (log10 km)"] = np.log10(1 + np.hypot(*(paid.place - paid.place[last]).T))
    found["from home (log10 km)"] = np.log10(1 + paid.from_home)
    return found


def first_there(paid: Payments) -> np.ndarray:
    """Whether the customer has never paid before at a merchant of this category, bool `[N]`."""
    _, first = np.unique(paid.customer * len(CATEGORIES) + paid.category, return_index=True)
    found = np.zeros(len(paid.customer), bool)
    found[first] = True
    return found


def cells(paid: Payments) -> dict[str, np.ndarray]:
    """Every column, `[N]`, as people read it."""
    said = np.array(_NO_YES)
    return number_columns(paid) | {
        "hour": paid.seconds % DAY / HOUR,
        "day of the week": paid.seconds // DAY % 7,
        "merchant": np.array(CATEGORIES)[paid.category],
        "channel": np.array(CHANNELS)[paid.channel],
        "abroad": said[paid.abroad.astype(int)],
        "new device": said[paid.new_device.astype(int)],
        "first time there": said[first_there(paid).astype(int)],
    }


def table() -> Table:
    """The columns: 120 values, 96 of them the merchant's category."""
    found = scaling("payments")
    each_number = zip(NUMBER_COLUMNS, found["mean"], found["std"], strict=True)
    return Table(
        (
            *(Column(name, mean=mean, std=std) for name, mean, std in each_number),
            Column("hour", "cyclic", period=24, decimals=1),
            Column("day of the week", "cyclic", period=7, decimals=0),
            Column("channel", "category", categories=CHANNELS),
            *(Column(name, "boolean", categories=_NO_YES) for name in ("abroad", "new device", "first time there")),
            Column("merchant", "category", categories=CATEGORIES),
        )
    )


def draw_table() -> tuple[Payments, dict[str, np.ndarray]]:
    """The payments behind the data set and their columns, in the order of time; without the days of `WARM_UP`."""
    every = payments.draw()
    columns = cells(every)
    order = np.argsort(every.seconds, kind="stable")
    order = order[every.seconds[order] >= payments.WARM_UP * DAY]
    return every.take(order), {name: values[order] for name, values in columns.items()}
