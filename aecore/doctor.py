"""The doctor: what is wrong with a model, the number that shows it, and the settings that cure it.

It reads what a training leaves behind (its history, and the checkup at its end), never the model itself, so it answers
while a model still trains, and for one that broke. All of it is of validation pictures. Causes come before what follows
from them: the first finding is the one to mend. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aecore import presets, runs
from aecore.cards import CARDS
from aecore.config import Config
from aecore.knobs import Value, knobs_of

FAIR_CRITIC = 2 * math.log(2)  # nats of a critic that cannot tell: it says "one half" to both crowds


@dataclass(frozen=True)
class Limit:
    """Where trouble begins, and why there."""

    at: float
    why: str


LIMITS: dict[str, Limit] = {
    "patience": Limit(
        0.5,
        "Share of a training before which a code that tells nothing is not called ill: many a healthy one wakes up "
        "while the learning rate is at its highest.",
    ),
    "impossible": Limit(
        0.0, "Share of pixel values outside what the likelihood can have made: one is enough to leave it no floor."
    ),
    "alike": Limit(
        1.0, "Share of a layer's units with equal weights. All of them: they get equal gradients and stay equal."
    ),
    "burst": Limit(
        2.0,
        "Worst reconstruction loss of an epoch against a decoder that says nothing (0 everywhere). Untrained networks "
        "begin at 1; twice that is no learning, but steps that overshoot.",
    ),
    "lost": Limit(
        0.5, "Share of what the loss had come down by that it has gone up again: more than any price of a KL."
    ),
    "collapse": Limit(
        0.1, "Nats of KL in all: below, codes tell a picture from another about once in ten. Healthy ones tell 1 to 20."
    ),
    "active": Limit(0.01, "Variance of a mean over pictures, as Burda, Grosse & Salakhutdinov (2015) count units."),
    "price": Limit(1.0, "What a nat of KL costs against a nat of the picture. Above, a collapse is explained by it."),
    "small": Limit(16, "Numbers of a code in which each one counts. Larger ones are meant to have units to spare."),
    "cut": Limit(
        0.01,
        "Share of exact zeros in a small code that nobody asked to be sparse. A linear code has none; a unit that is 0 "
        "for a picture gets no gradient from it, and one that is 0 for all never comes back.",
    ),
    "idle": Limit(0.75, "Share of a codebook that no picture takes: families at their defaults stay below a half."),
    "idle for good": Limit(
        0.25, "The same where nothing puts unused vectors back: they got no gradient for an epoch, and never will."
    ),
    "critic": Limit(
        0.5,
        f"Nats that a critic is wrong by. One that cannot tell codes from draws has 2 ln 2 = {FAIR_CRITIC:.2f}; at 0.5 "
        "it is right with 78 % on both, and what it says pushes the encoder nowhere.",
    ),
    "narrow": Limit(
        0.9, "Share of the pictures' variance that a code of one number must give back; less, and one is too few."
    ),
    "overfitting": Limit(
        0.075,
        "Share of what was learnt on training pictures that is missing on others, in nats of reconstruction. No family "
        "at its defaults reaches 0.06.",
    ),
    "plain": Limit(
        0.1, "How far the share of variance given back may lie below PCA's where nothing but that was asked for."
    ),
    "charged": Limit(
        0.4, "What part of PCA's share must be given back where other charges pay for order: all defaults reach 0.5."
    ),
    "saturated": Limit(0.02, "Share of pixels drawn fully black where it is light, or fully white where it is dark."),
}


@dataclass(frozen=True)
class Finding:
    """One trouble: its name, a sentence with its number, what it means, and the settings that cure it."""

    name: str
    said: str
    means: str
    cure: Mapping[str, Value]  # settings of a run and knobs of its family; `family` where another one is the cure
    advice: str = ""  # what to do where no setting does it, or besides

    @property
    def words(self) -> str:
        """The cure in words: `learning rate 0.004, gradient clipping 1`."""
        labels = {knob.name: knob.label.lower() for knob in knobs_of(Config)}
        named = {labels.get(name, name.replace("_", " ")): value for name, value in self.cure.items()}
        return ", ".join(f"{name} {_plain(value)}" for name, value in named.items())


@dataclass(frozen=True)
class Case:
    """What is known of a run: its settings, its epochs so far and, when it is finished, its checkup."""

    config: Config
    history: Sequence[Mapping[str, Any]] = ()  # as runs.history gives it
    checkup: Mapping[str, Any] = field(default_factory=dict)  # as checkup.examined gives it
    diverged: bool = False

    @cached_property
    def vitals(self) -> Mapping[str, Any]:
        """The latest there are, as vitals.py says them; empty before the first epoch's end."""
        return self.checkup or next((line["vitals"] for line in self.history[::-1] if line.get("vitals")), {})

    @property
    def early(self) -> bool:
        """Whether what is not there yet may still come."""
        return not self.checkup and len(self.history) < LIMITS["patience"].at * self.config.epochs

    @property
    def code(self) -> Mapping[str, list[float]]:
        """What is known of the code: which names there are says of what kind it is."""
        code: Mapping[str, list[float]] = self.vitals.get("code", {})
        return code

    @property
    def parts(self) -> Mapping[str, float]:
        """The parts of the validation loss, the latest."""
        said = self.checkup.get("validation") or (self.history[-1]["validation"] if self.history else {})
        parts: Mapping[str, float] = said
        return parts

    @property
    def pixels(self) -> int:
        return math.prod(CARDS[self.config.dataset].shape)

    @property
    def start(self) -> Config:
        """Settings that suit the data set, the network and the family."""
        return presets.start(self.config.dataset, self.config.network)

    @property
    def price(self) -> float:
        """What a nat of KL costs against a nat of the picture."""
        beta = float(str(self.config.knobs.get("beta", 1.0))) if "kl" in self.code else 1.0
        return beta * (self.pixels if self.config.reduction == "mean" else 1)

    @property
    def active(self) -> int:
        """Numbers of a Gaussian code whose mean moves."""
        return sum(sd**2 > LIMITS["active"].at for sd in self.code["sd"])

    @property
    def kl(self) -> float:
        return sum(self.code["kl"])

    @property
    def collapsed(self) -> bool:
        return "kl" in self.code and (self.active == 0 or self.kl < LIMITS["collapse"].at)

    @property
    def given_back(self) -> float:
        """Share of the pictures' variance that comes back; below 0, the mean picture would do better."""
        return 1 - float(self.checkup["mse"]) / float(self.checkup["mean_picture_mse"])

    @property
    def plane(self) -> float:
        """The share that PCA with as many numbers gives back."""
        return 1 - float(self.checkup["pca_mse"]) / float(self.checkup["mean_picture_mse"])

    @property
    def gap(self) -> float:
        """Share of what was learnt of training pictures that is missing on others, over the last three epochs; 0 where
        little was learnt yet."""
        blank, last = self.vitals.get("blank", 0.0), self.history[-3:]
        pairs = [[line[split].get("reconstruction", blank) for split in ("train", "validation")] for line in last]
        train, held_out = (sum(column) / len(last) for column in zip(*pairs, strict=True)) if last else (blank, blank)
        learnt = blank - train
        return (held_out - train) / learnt if learnt > 0.1 * abs(blank) else 0.0


def _plain(value: Value) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _nats(amount: float) -> str:
    return f"{amount:.2g} nats" if amount >= 0.001 else "less than 0.001 nats"


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "nothing"


# --- What there is to find; each looks at a case and finds it, or not -------------------------------------------------

Sign = Callable[[Case], Finding | None]


def _diverged(case: Case) -> Finding | None:
    if not case.diverged:
        return None
    return Finding(
        "diverged",
        f"After {len(case.history)} epochs, at a learning rate of {case.config.lr:g}, the loss was no longer a number "
        "(NaN or infinite).",
        "A step went so far that the next gradient was larger still, until numbers ended.",
        {"lr": _calmer(case), "clip": 1.0},
    )


def _calmer(case: Case) -> float:
    """A learning rate that suits these settings, or a tenth of one that should have."""
    usual = float(case.start.lr)
    return usual if case.config.lr > usual else case.config.lr / 10


def _impossible(case: Case) -> Finding | None:
    share = case.vitals.get("impossible", 0.0)
    if share <= LIMITS["impossible"].at:
        return None
    return Finding(
        "pixels out of range",
        f"{share:.0%} of the pixel values lie outside what a {case.config.likelihood} likelihood can say: it knows 0 "
        "to 1, and they go up to 255.",
        "The loss has no floor then: it falls for ever while the pictures get no better.",
        {"pixels": "0 to 1"},
    )


def _alike(case: Case) -> Finding | None:
    if case.vitals.get("alike", 0.0) < LIMITS["alike"].at:
        return None
    return Finding(
        "units all alike",
        "100 % of the units of a layer have the same weights.",
        "Equal units get equal gradients and stay equal, so a layer of hundreds counts as one, or says nothing. Random "
        "weights break the tie.",
        {"initialisation": "uniform"},
    )


def _rising(case: Case) -> Finding | None:
    blank = case.vitals.get("blank")
    losses = [line["train"]["reconstruction"] for line in case.history if "reconstruction" in line["train"]]
    if len(losses) < 3 or blank is None:
        return None
    worst, best, last = max(losses), min(losses), losses[-1]
    # many a healthy training overshoots at first and comes back
    burst = worst > LIMITS["burst"].at * blank and (last > blank or _behind(case))
    if not burst and last - best <= LIMITS["lost"].at * (blank - best):
        return None
    told, at = (worst, losses.index(worst) + 1) if burst else (last, len(losses))
    beside = f"a decoder that says nothing has {blank:,.4g}" if burst else f"it had been {best:,.4g}"
    return Finding(
        "rising loss",
        f"In epoch {at} the reconstruction loss was {told:,.4g} nats; {beside}.",
        "The steps are too large: they overshoot, and units that were thrown far out seldom come back.",
        {"lr": _calmer(case)},
    )


def _overpriced(case: Case) -> Finding | None:
    if not case.collapsed or case.price <= LIMITS["price"].at:
        return None
    averaged = case.config.reduction == "mean"
    why = f" (the reconstruction is averaged over {case.pixels:,} pixel values)" if averaged else ""
    cure: dict[str, Value] = {"reduction": "sum"} if averaged else {}
    if float(str(case.config.knobs.get("beta", 1.0))) > 1:
        cure["beta"] = 1.0
    return Finding(
        "reconstruction averaged over pixels" if averaged else "beta too strong",
        f"A nat of KL costs as much as {case.price:,.4g} nats of the picture{why}; {_nats(case.kl)} are left, and "
        f"{case.active} of {len(case.code['kl'])} numbers are in use.",
        "Telling the decoder anything does not pay, so all codes are alike and it draws the average picture.",
        cure,
    )


def _cut(case: Case) -> Finding | None:
    on, spare = case.code.get("on"), case.code.get("spare", [0.0])[0]
    if not on or len(on) > LIMITS["small"].at or spare or set(case.parts) != {"reconstruction"}:
        return None
    dead, zeros = sum(share == 0 for share in on), 1 - sum(on) / len(on)
    if zeros < LIMITS["cut"].at:
        return None
    return Finding(
        "ReLU in the code",
        f"{zeros:.1%} of the numbers of the codes are exactly 0, and {dead} of {len(on)} units are never active.",
        "A ReLU cuts off what lies below 0: such pictures share a wall of the latent space, and a unit that is 0 for "
        "all of them gets no gradient any more. Hidden layers have units to spare; a code of this size has not.",
        {"code": "linear"} if "code" in case.config.knobs else {},
        "Use a code without a bend." if "code" not in case.config.knobs else "",
    )


def _dead(case: Case) -> Finding | None:
    on = case.code.get("on")
    dead = sum(share == 0 for share in on) if on else 0
    if not on or not dead or len(on) - dead >= min(len(on), 8):
        return None
    return Finding(
        "dead units",
        f"{dead} of {len(on)} units of the code are active for no picture.",
        "A unit that is never active gets no gradient and stays so; what is left of the code is small.",
        {"lr": case.config.lr / 4, "z_dim": max(64, case.config.z_dim)},
    )


def _collapse(case: Case) -> Finding | None:
    if not case.collapsed:
        return None
    free: dict[str, Value] = {"beta": 1.0, "warm_up": 0.3, "free_bits": 0.1}
    return Finding(
        "posterior collapse",
        f"The codes tell {_nats(case.kl)} of a picture, and {case.active} of {len(case.code['kl'])} numbers are in "
        "use (their mean moves).",
        "All clouds are alike, so the decoder draws the average picture, whatever the code.",
        free if "free_bits" in case.config.knobs else {"family": "beta-vae", **free},
    )


def _idle(case: Case) -> Finding | None:
    taken, size = case.code.get("taken"), int(str(case.config.knobs.get("codes", 0)))
    if not taken or not size:
        return None
    revived = bool(case.config.knobs.get("revive", False))
    share, limit = 1 - len(taken) / size, LIMITS["idle" if revived else "idle for good"]
    if share <= limit.at:
        return None
    perplexity = math.exp(-sum(each * math.log(each) for each in taken))
    enough = 2 ** math.ceil(math.log2(max(2.0, perplexity)))
    return Finding(
        "dead codebook entries",
        f"{size - len(taken)} of {size} vectors of the codebook are taken by no picture; the others are used as "
        f"evenly as {perplexity:.0f} would be.",
        "A vector that is never the nearest never moves. The codebook is smaller than it says.",
        {"codes": min(size, enough), "revive": True},
    )


def _critic(case: Case) -> Finding | None:
    wrong = case.parts.get("critic")
    if wrong is None or wrong > LIMITS["critic"].at:
        return None
    weight = float(str(case.config.knobs.get("weight", 0.2)))
    return Finding(
        "an adversary that has won",
        f"The critic is wrong by {wrong:.2f} nats, where one that cannot tell codes from draws has {FAIR_CRITIC:.2f}.",
        "It tells codes from draws of the prior nearly always, so the codes do not fill the prior, and draws from it "
        "decode to nothing sensible.",
        {"weight": 0.2} if weight < 0.2 else {"lr": case.config.lr / 4, "weight": min(10.0, 2 * weight)},
    )


def _narrow(case: Case) -> Finding | None:
    if case.config.z_dim > 1 or not case.checkup or case.given_back >= LIMITS["narrow"].at:
        return None
    return Finding(
        "a code of one number",
        f"One number gives back {_share(case.given_back)} of the variance of the pictures.",
        "All pictures lie on one line: to get from one kind to another one passes all between them. Two numbers make "
        "a map, 16 draw MNIST well.",
        {"z_dim": 2},
    )


def _overfitting(case: Case) -> Finding | None:
    if case.gap <= LIMITS["overfitting"].at:
        return None
    few = case.config.pictures or CARDS[case.config.dataset].train
    # what it was taught with so few pictures need not suit more of them
    more: dict[str, Value] = {"pictures": 0, "epochs": case.start.epochs} if case.config.pictures else {"patience": 5}
    return Finding(
        "overfitting",
        f"{case.gap:.0%} of what it learnt to save on its {few:,} training pictures, in nats, is missing on others.",
        "It has learnt these pictures by heart, not what pictures have in common.",
        more,
    )


def _behind(case: Case) -> bool:
    """Whether a finished model gives back clearly less than a plane does."""
    if not case.checkup or not math.isfinite(case.given_back):
        return False
    plain = set(case.parts) == {"reconstruction"}
    least = case.plane - LIMITS["plain"].at if plain else LIMITS["charged"].at * case.plane
    return case.given_back < least


def _underfitting(case: Case) -> Finding | None:
    if not _behind(case):
        return None
    usual, size = case.start, case.checkup["size"]
    cure: dict[str, Value] = {"epochs": min(1000, 2 * case.config.epochs)}
    if not usual.lr / 4 <= case.config.lr <= 4 * usual.lr:
        cure["lr"] = usual.lr
    if sum(case.config.hidden) < sum(usual.hidden):
        cure["hidden"] = usual.hidden
    return Finding(
        "underfitting",
        f"It gives back {_share(case.given_back)} of the variance of the pictures; PCA with {size} "
        f"{'number' if size == 1 else 'numbers'} gives back {case.plane:.0%}.",
        "A plane, which needs no training, does better: it has not learnt enough yet, or is too small.",
        cure,
    )


def _saturated(case: Case) -> Finding | None:
    share = case.vitals.get("saturated", 0.0)
    if share <= LIMITS["saturated"].at:
        return None
    return Finding(
        "saturated outputs",
        f"{share:.1%} of the pixels are drawn fully black where it is light, or fully white where it is dark.",
        "The decoder is certain where it is wrong, which costs the most there is.",
        {"lr": _calmer(case)},
    )


# causes before what follows from them; and whether half of the training has to be waited for
SIGNS: dict[Sign, bool] = {
    _diverged: False,
    _impossible: False,
    _alike: False,
    _rising: False,
    _overpriced: True,
    _cut: True,
    _dead: True,
    _collapse: True,
    _idle: True,
    _critic: True,
    _narrow: True,
    _overfitting: True,
    _underfitting: True,
    _saturated: True,
}


def diagnose(case: Case) -> list[Finding]:
    """All that is wrong, the cause first; empty for a healthy run, and for one of which nothing is known yet."""
    asked = (sign for sign, waits in SIGNS.items() if not (waits and case.early))
    return [found for sign in asked if (found := sign(case))]


def cured(config: Config, finding: Finding) -> Config:
    """The same run with the settings that cure a finding, from fresh weights where it had them. `families.settle` has
    still to check it."""
    own = {each.name for each in dataclasses.fields(Config)}
    family = str(finding.cure.get("family", config.family))
    kept = dict(config.knobs) if family == config.family else {}
    knobs = kept | {name: value for name, value in finding.cure.items() if name not in own}
    settings: dict[str, Any] = {name: value for name, value in finding.cure.items() if name in own}
    return dataclasses.replace(config, **settings, knobs=knobs)


def bill(case: Case) -> list[tuple[str, str]]:
    """The numbers that were looked at, as name and value in words: what a healthy run gets, and any other."""
    lines, code = [], case.code
    if case.checkup:
        size = case.checkup["size"]
        lines.append(("variance given back", f"{_share(case.given_back)} (PCA with {size}: {_share(case.plane)})"))
    if case.history:
        lines.append(("missing on pictures it did not learn from", f"{max(0.0, case.gap):.1%} of what was learnt"))
    if "kl" in code:
        lines.append(("numbers in use", f"{case.active} of {len(code['kl'])}, which tell {case.kl:.2f} nats"))
    if "on" in code:
        dead = sum(share == 0 for share in code["on"])
        lines.append(("units never active", f"{dead} of {len(code['on'])}"))
    if "taken" in code:
        lines.append(("vectors in use", f"{len(code['taken'])} of {case.config.knobs.get('codes', '?')}"))
    if "critic" in case.parts:
        lines.append(("critic wrong by", f"{case.parts['critic']:.2f} nats (cannot tell: {FAIR_CRITIC:.2f})"))
    if case.vitals:
        lines.append(("certain and wrong", f"{case.vitals['saturated']:.2%} of pixels"))
    return lines


def of(entry: runs.Entry, checkup: Mapping[str, Any] | None = None) -> Case:
    """The case of a run of the store whose settings can be read, with a `checkup` made just now or that of its end."""
    assert entry.config
    found = entry.result.get("checkup", {}) if checkup is None else checkup
    return Case(entry.config, runs.history(entry.id), found, entry.diverged)
