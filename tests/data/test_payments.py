"""Drawn payments: kinds of fraud are what they are called, windows only look back, no customer is in two splits."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from aecore.data import merchants, payment_columns, payments
from aecore.data.cards import CARDS
from aecore.data.datasets import load
from aecore.data.payments import CLASSES, DAY, HOUR, MINUTE, Payments

# of whole numbers alone, which no rounding of another processor's logarithm changes: seconds, cents, merchants, labels
CHECKSUM = "96f66109dec99358"


@pytest.fixture(scope="module")
def every() -> Payments:
    """By customer and then by time, as windows take them."""
    return payments.draw()


@pytest.fixture(scope="module")
def drawn() -> tuple[Payments, dict[str, np.ndarray]]:
    return payment_columns.draw_table()


def rows_of(paid: Payments, kind: str) -> np.ndarray:
    return paid.label == CLASSES.index(kind)


def gaps(paid: Payments, kind: str) -> np.ndarray:
    """Seconds between two payments of one fraud, one after the other."""
    rows = np.flatnonzero(rows_of(paid, kind))
    same = paid.customer[rows][1:] == paid.customer[rows][:-1]
    return np.diff(paid.seconds[rows])[same]


# Drawing


def test_the_same_payments_are_drawn_everywhere(every):
    found = np.stack([every.customer, every.seconds, every.cents, every.category, every.channel, every.label])
    assert hashlib.sha256(found.astype("<i8").tobytes()).hexdigest()[:16] == CHECKSUM
    assert all(np.array_equal(*pair) for pair in zip(every, payments.draw(), strict=True))


def test_payments_come_by_customer_and_time_and_the_table_by_time(every, drawn):
    line = every.customer * payment_columns._SPAN + every.seconds
    assert (np.diff(line) >= 0).all() and every.seconds.max() < payment_columns._SPAN
    assert (np.diff(drawn[0].seconds) >= 0).all() and drawn[0].seconds.min() >= payments.WARM_UP * DAY


def test_one_payment_in_a_hundred_is_fraud_and_each_split_has_every_kind(drawn):
    paid, _ = drawn
    for rows in payments.split_rows(paid.customer):
        assert 0.009 < (paid.label[rows] > 0).mean() < 0.011
        assert set(paid.label[rows]) == set(range(len(CLASSES)))
    cards = [len(np.unique(paid.customer[rows_of(paid, kind)])) for kind in CLASSES[1:]]
    assert cards == [20] * 4  # 400 customers, every fifth of them


def test_nobody_is_in_two_splits_and_everybody_in_one(drawn):
    paid, _ = drawn
    parts = payments.split_rows(paid.customer)
    assert np.array_equal(np.sort(np.concatenate(parts)), np.arange(len(paid.customer)))
    who = [set(paid.customer[rows]) for rows in parts]
    assert [len(each) for each in who] == list(payments.CUSTOMERS) and len(set.union(*who)) == sum(map(len, who))


# Kinds of fraud


def test_a_stolen_card_pays_high_amounts_at_night_for_valuables(every):
    rows, normal = rows_of(every, "stolen card"), rows_of(every, "normal")
    assert every.cents[rows].min() > 5 * np.median(every.cents[normal])
    assert (every.seconds[rows] % DAY < 6 * HOUR).all() and (every.seconds[normal] % DAY < 6 * HOUR).mean() < 0.1
    assert np.isin(every.category[rows], merchants.VALUABLES).all()
    assert np.isin(every.category[normal], merchants.VALUABLES).mean() < 0.02


def test_card_testing_is_many_tiny_payments_within_minutes(every):
    rows, normal = rows_of(every, "card testing"), rows_of(every, "normal")
    assert np.median(every.cents[rows]) < np.median(every.cents[normal]) / 10 and every.cents[rows].max() <= 200
    assert gaps(every, "card testing").max() < MINUTE
    counts = np.bincount(every.customer[rows])
    assert counts[counts > 0].min() >= 5


def test_an_account_taken_over_is_far_away_on_a_new_device_with_usual_amounts(every):
    rows, normal = rows_of(every, "account takeover"), rows_of(every, "normal")
    assert every.new_device[rows].all() and every.new_device[normal].mean() < 0.01
    assert every.from_home[rows].min() > 700 and np.median(every.from_home[normal]) < 10
    where = np.isin(every.category, merchants.SHOPPING)
    logs = [np.log(every.cents[where & each]) for each in (rows, normal)]
    # the spread of one logarithm is about 0.9, so a mean of 80 has a standard error of 0.1
    assert abs(logs[0].mean() - logs[1].mean()) < 0.4


def test_a_slow_drain_stays_just_below_what_is_confirmed_and_takes_days(every):
    rows, normal = rows_of(every, "slow drain"), rows_of(every, "normal")
    assert every.cents[rows].max() < 100 * payments.CONFIRM_FROM and every.cents[rows].min() >= 4300
    assert 0.1 < (every.cents[normal] >= every.cents[rows].min()).mean() < 0.4  # many pay as much, and more
    assert gaps(every, "slow drain").min() > 10 * HOUR
    assert not every.new_device[rows].any() and not every.abroad[rows].any()


# Columns


def naive(paid: Payments, customer: int) -> dict[str, list[float]]:
    """The columns that look back, payment by payment."""
    rows = np.flatnonzero(paid.customer == customer)
    found: dict[str, list[float]] = {}

    def add(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)

    for number, row in enumerate(rows):
        now, euros = paid.seconds[row], paid.cents[row] / 100
        past = rows[: number + 1]
        for name, width in payment_columns.WINDOWS.items():
            amounts = [paid.cents[each] / 100 for each in past if now - width < paid.seconds[each]]
            add(f"payments of the last {name}", len(amounts))
            add(f"mean (log10 €) of the last {name}", np.log10(np.mean(amounts)))
        before = paid.cents[rows[:number]] / 100 if number else np.array([euros])
        last = rows[number - 1] if number else row
        elapsed = now - paid.seconds[last] if number else 7 * DAY
        add("amount / mean so far (log10)", np.log10(euros / before.mean()))
        add("since the last payment (log10 s)", np.log10(1 + elapsed))
        add("from the last place (log10 km)", np.log10(1 + np.linalg.norm(paid.place[row] - paid.place[last])))
    return found


@pytest.mark.parametrize("customer", [0, 7, 57, 399])  # 7: card testing; 57: slow drain
def test_windows_are_those_of_a_naive_count(every, customer):
    found = payment_columns.number_columns(every)
    for name, values in naive(every, customer).items():
        np.testing.assert_allclose(found[name][every.customer == customer], values, rtol=1e-9, atol=1e-9, err_msg=name)


def test_a_later_payment_changes_no_earlier_row(every):
    last = np.flatnonzero(np.diff(every.customer, append=-1))  # of every customer
    changed = every._replace(
        seconds=every.seconds.copy(), cents=every.cents.copy(), category=every.category.copy(), place=every.place.copy()
    )
    changed.seconds[last] += HOUR
    changed.cents[last] *= 100
    changed.category[last] = (changed.category[last] + 1) % len(merchants.CATEGORIES)
    changed.place[last] += 5000
    before, after = payment_columns.cells(every), payment_columns.cells(changed)
    earlier = np.ones(len(every.customer), bool)
    earlier[last] = False
    for name, values in before.items():
        assert np.array_equal(values[earlier], after[name][earlier]), name
    assert not np.array_equal(before["payments of the last hour"][last], after["payments of the last hour"][last])


def test_a_merchant_is_new_to_a_customer_once(every):
    first = payment_columns.first_there(every)
    pairs = set(zip(every.customer.tolist(), every.category.tolist(), strict=True))
    assert first.sum() == len(pairs)
    assert first[np.searchsorted(every.customer, np.arange(sum(payments.CUSTOMERS)))].all()  # the first of each


# The data set


def test_a_payment_is_120_numbers_of_which_96_say_the_merchant():
    modality = CARDS["payments"].modality
    widths = {column.name: column.width for column in modality.columns}
    assert modality.shape == (120,) and widths["merchant"] == len(set(merchants.CATEGORIES)) == 96
    assert widths["hour"] == widths["day of the week"] == 2 and widths["channel"] == 6
    assert not modality.has_missing


def test_the_data_set_is_the_table_in_another_order(drawn):
    paid, cells = drawn
    data = load("payments")
    assert data.card.classes == CLASSES
    for split, rows in zip((data.train, data.validation, data.test), payments.split_rows(paid.customer), strict=True):
        assert np.isfinite(split.x).all() and np.array_equal(split.y, paid.label[rows])
        said = data.card.modality.decode(split.x[:50])
        assert said["merchant"] == cells["merchant"][rows[:50]].tolist()
        np.testing.assert_allclose(said["amount (log10 €)"], cells["amount (log10 €)"][rows[:50]], atol=0.006)


def test_a_hidden_layer_of_64_and_a_code_of_32_make_120_64_32_64_120():
    import aecore

    config = aecore.default_config("payments", "mlp", family="vanilla", hidden_sizes=(64,), latent_dim=32)
    recipe = aecore.build_recipe(aecore.resolve_config(config))
    widths = [tuple(weight.shape) for weight in recipe.model.parameters() if weight.ndim == 2]
    assert widths == [(64, 120), (32, 64), (64, 32), (120, 64)]
