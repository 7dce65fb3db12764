"""What finished runs were measured to be, as their files say: each measure with the split that it was taken on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aecore.analysis import comparison
from aecore.models.loss_terms import RECONSTRUCTION
from aecore.store.run_info import RunInfo
from ui.views import training_history
from ui.widgets import charts

Value = float | int | None


@dataclass(frozen=True)
class Measure:
    """A number of a finished run."""

    id: str  # in addresses
    label: str  # with its split
    value: Callable[[RunInfo], Value]  # None where it was not measured
    lower_is_better: bool | None = None  # None: neither, so nothing is ranked by it
    format: str = "%.4f"
    help: str = ""
    in_nats: bool = False  # whether it hangs on how the reconstruction loss is counted
    on_test: bool = False  # whether it is of the test images, by which nothing is to be chosen
    seed_spread: float | None = None  # its standard deviation over seeds, as a share of its mean; None: that of the MSE


def _result(name: str) -> Callable[[RunInfo], Value]:
    return lambda entry: entry.result.get(name)


def _score(name: str) -> Callable[[RunInfo], Value]:
    return lambda entry: entry.result.get("scores", {}).get(name)


def _validation_mse(entry: RunInfo) -> Value:
    value: Value = entry.result.get("checkup", {}).get("mse")
    return value


def _loss_term(split: str, term: str) -> Callable[[RunInfo], Value]:
    return lambda entry: entry.result.get(split, {}).get(term)


def _total_loss(split: str) -> Callable[[RunInfo], Value]:
    def value(entry: RunInfo) -> Value:
        terms = entry.result.get(split)
        if not terms or entry.config is None:
            return None
        return charts.term_value(terms, charts.TOTAL, training_history.objective_terms(entry.config))

    return value


MSE_HELP = "Mean squared error per pixel or value; of images black to white is 1, all else is standardised."
KNN_HELP = "Share of test samples whose nearest training codes vote for the right class; known of the gallery."

RANKED = (  # those that "Best by" offers
    Measure("validation-mse", "validation MSE", _validation_mse, True, help=MSE_HELP),
    Measure(
        "validation-reconstruction",
        "validation reconstruction loss",
        _loss_term("validation", RECONSTRUCTION),
        True,
        "%.2f",
        "Nats per sample.",
        in_nats=True,
        seed_spread=comparison.LOSS_SPREAD,
    ),
    Measure(
        "validation-loss",
        "validation loss",
        _total_loss("validation"),
        True,
        "%.2f",
        "All that the model minimises, nats per sample.",
        in_nats=True,
        seed_spread=comparison.LOSS_SPREAD,
    ),
    Measure("test-mse", "test MSE", _result("mse"), True, help=MSE_HELP, on_test=True),
    Measure(
        "test-knn",
        "test k-NN accuracy",
        _score("knn_accuracy"),
        False,
        "%.3f",
        KNN_HELP,
        on_test=True,
        seed_spread=comparison.LOSS_SPREAD,
    ),
)
PLAIN = (
    Measure("test-kl", "test KL", _score("kl"), format="%.2f", help="Nats per sample; known of the gallery."),
    Measure("active-units", "active units", _result("active_units"), format="%d",
            help="Dimensions whose code varies over the test samples by more than 0.01."),
    Measure("code-size", "numbers in a code", _result("code_size"), format="%d"),
    Measure("parameters", "parameters", _result("parameters"), format="%d"),
    Measure("time", "training time (s)", _result("seconds"), format="%.1f"),
)  # fmt: skip


def available(entries: Sequence[RunInfo]) -> dict[str, Measure]:
    """Every measure that a column can show of these runs, by its id: the parts of their losses on the test images among
    them."""
    terms = dict.fromkeys(term for entry in entries for term in entry.result.get("test", {}))
    parts = [
        Measure(f"test-term-{term.replace(' ', '-')}", f"test {term}", _loss_term("test", term), format="%.2f",
                help="A part of the loss on the test samples, nats per sample.")
        for term in terms
    ]  # fmt: skip
    return {measure.id: measure for measure in (*RANKED, *PLAIN, *parts)}
