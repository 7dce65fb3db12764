"""Signs: what can be wrong with a model. Each looks at a case and finds it, or not."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from aecore.analysis.diagnosis.evidence import FAIR_CRITIC, LIMITS, Case, Finding, share_of
from aecore.data.cards import CARDS
from aecore.models import terms
from aecore.models.findings import Trouble
from aecore.models.terms import RECONSTRUCTION
from aecore.params import Value

Sign = Callable[[Case], Finding | None]


def _nats(amount: float) -> str:
    return f"{amount:.2g} nats" if amount >= 0.001 else "less than 0.001 nats"


def _diverged(case: Case) -> Finding | None:
    if not case.diverged:
        return None
    return Finding(
        Trouble.DIVERGED,
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
        Trouble.OUT_OF_RANGE,
        f"{share:.0%} of the pixel values lie outside what a {case.config.likelihood} likelihood can say: it knows 0 "
        "to 1, and they go up to 255.",
        "The loss has no floor then: it falls for ever while the pictures get no better.",
        {"pixels": "0 to 1"},
    )


def _alike(case: Case) -> Finding | None:
    if case.vitals.get("alike", 0.0) < LIMITS["alike"].at:
        return None
    return Finding(
        Trouble.ALIKE,
        "100 % of the units of a layer have the same weights.",
        "Equal units get equal gradients and stay equal, so a layer of hundreds counts as one, or says nothing. Random "
        "weights break the tie.",
        {"initialisation": "uniform"},
    )


def _rising(case: Case) -> Finding | None:
    blank = case.vitals.get("blank")
    losses = [line["train"][RECONSTRUCTION] for line in case.history if RECONSTRUCTION in line["train"]]
    if blank is None or len(losses) < max(3, LIMITS["settling"].at * case.config.epochs):
        return None
    worst, best, last = max(losses), min(losses), losses[-1]
    # Many a healthy training overshoots at first and comes back, but not from very far. What came down in every epoch
    # began high and needs more time, not smaller steps.
    falling = all(after < before for before, after in pairwise(losses))
    far = _behind(case) and not falling if case.checkup else worst > LIMITS["blast"].at * blank
    burst = worst > LIMITS["burst"].at * blank and (last > blank or far)
    lost = blank > best and last - best > LIMITS["lost"].at * (blank - best)  # where anything was learnt
    if not burst and not lost:
        return None
    told, at = (worst, losses.index(worst) + 1) if burst else (last, len(losses))
    beside = f"a decoder that says nothing has {blank:,.4g}" if burst else f"it had been {best:,.4g}"
    return Finding(
        Trouble.RISING,
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
    if case.family.kl_weight(case.knobs) > LIMITS["price"].at:
        cure |= case.cure(Trouble.BETA, {})
    return Finding(
        Trouble.AVERAGED if averaged else Trouble.BETA,
        f"A nat of KL costs as much as {case.price:,.4g} nats of the picture{why}; {_nats(case.kl)} are left, and "
        f"{case.active} of {len(case.code['kl'])} numbers are in use.",
        "Telling the decoder anything does not pay, so all codes are alike and it draws the average picture.",
        cure,
    )


def _cut(case: Case) -> Finding | None:
    on, spare = case.code.get("on"), case.code.get("spare", [0.0])[0]
    if not on or len(on) > LIMITS["small"].at or spare or not case.plain:
        return None
    dead, zeros = sum(share == 0 for share in on), 1 - sum(on) / len(on)
    if zeros < LIMITS["cut"].at:
        return None
    cure = case.cure(Trouble.RELU_CODE, {})
    return Finding(
        Trouble.RELU_CODE,
        f"{zeros:.1%} of the numbers of the codes are exactly 0, and {dead} of {len(on)} units are never active.",
        "A ReLU cuts off what lies below 0: such pictures share a wall of the latent space, and a unit that is 0 for "
        "all of them gets no gradient any more. Hidden layers have units to spare; a code of this size has not.",
        cure,
        "" if cure else "Use a code without a bend.",
    )


def _missed(case: Case) -> int:
    """How many units of a code are never active, where so few are left that they are missed; else 0."""
    on = case.code.get("on", [])
    dead = sum(share == 0 for share in on)
    return dead if len(on) - dead < LIMITS["left"].at else 0


def _loss_of_images(case: Case) -> str:
    """What a model has lost, in a sentence: its code tells nothing, or what it gives back is far from the images; ""
    where neither is so."""
    if case.collapsed:
        return f"The codes tell {_nats(case.kl)} of a picture."
    if dead := _missed(case):
        return f"{dead} of {len(case.code['on'])} units of the code are active for no picture."
    if _behind(case):
        return f"It gives back {share_of(case.given_back)} of the variance of the pictures; {_of_pca(case)}."
    return ""


def _of_pca(case: Case) -> str:
    size = case.checkup["size"]
    return f"PCA with {size} {'number' if size == 1 else 'numbers'} gives back {case.plane:.0%}"


def _overweighted(case: Case) -> Finding | None:
    config, lost = case.config, _loss_of_images(case)
    labels = {knob.name: knob.label for knob in case.family.knobs}
    heavy = {
        name: (labels[name], *pair) for name, pair in case.weights.items() if pair[0] > LIMITS["heavy"].at * pair[1]
    }
    if config.weight_decay > LIMITS["decay"].at:
        heavy["weight_decay"] = ("Weight decay", config.weight_decay, 0.0)
    if config.dropout > LIMITS["dropped"].at:
        heavy["dropout"] = ("Dropout", config.dropout, 0.0)
    if not lost or not heavy:
        return None
    said = ", ".join(f"{label} is {value:g} (usually {usual:g})" for label, value, usual in heavy.values())
    return Finding(
        Trouble.REGULARISED,
        f"{lost} {said}.",
        "What is charged beside the reconstruction outweighs it, so that part of the loss is made small and the "
        "pictures are given up for it.",
        {name: usual for name, (_, _, usual) in heavy.items()},
    )


def _drowned(case: Case) -> Finding | None:
    name = case.family.corruption
    if not name or not _behind(case):
        return None
    usual = next(float(knob.default) for knob in case.family.knobs if knob.name == name)
    strength = terms.number(case.knobs[name])
    if strength <= LIMITS["heavy"].at * usual:
        return None
    return Finding(
        Trouble.CORRUPTED,
        f"Inputs are corrupted with a strength of {strength:g} (usually {usual:g}). {_loss_of_images(case)}",
        "So little is left of what goes in that the average picture is the best answer.",
        {name: usual},
    )


def _dead(case: Case) -> Finding | None:
    dead = _missed(case)
    if not dead:
        return None
    return Finding(
        Trouble.DEAD_UNITS,
        f"{dead} of {len(case.code['on'])} units of the code are active for no picture.",
        "A unit that is never active gets no gradient and stays so; what is left of the code is small.",
        case.cure(Trouble.DEAD_UNITS, {"lr": case.config.lr / 4, "z_dim": max(64, case.config.z_dim)}),
    )


def _collapse(case: Case) -> Finding | None:
    if not case.collapsed:
        return None
    cure = dict(case.cure(Trouble.COLLAPSE, _longer(case)))
    if case.config.lr > 4 * case.start.lr:
        cure["lr"] = case.start.lr
    return Finding(
        Trouble.COLLAPSE,
        f"The codes tell {_nats(case.kl)} of a picture, and {case.active} of {len(case.code['kl'])} numbers are in "
        "use (their mean moves).",
        "All clouds are alike, so the decoder draws the average picture, whatever the code.",
        cure,
    )


def _idle(case: Case) -> Finding | None:
    taken, named = case.code.get("taken"), case.family.codebook
    if not taken or not named:
        return None
    size, revived = int(terms.number(case.knobs[named.size])), bool(case.knobs[named.resets])
    share, limit = 1 - len(taken) / size, LIMITS["idle" if revived else "idle for good"]
    if share <= limit.at:
        return None
    perplexity = math.exp(-sum(each * math.log(each) for each in taken))
    enough = 2 ** math.ceil(math.log2(max(2.0, perplexity)))
    return Finding(
        Trouble.DEAD_ENTRIES,
        f"{size - len(taken)} of {size} vectors of the codebook are taken by no picture; the others are used as "
        f"evenly as {perplexity:.0f} would be.",
        "A vector that is never the nearest never moves. The codebook is smaller than it says.",
        {named.size: min(size, enough), named.resets: True},
    )


def _critic(case: Case) -> Finding | None:
    wrong = case.critic
    if wrong is None or wrong > LIMITS["critic"].at:
        return None
    unusual: dict[str, Value] = {name: usual for name, (value, usual) in case.weights.items() if value != usual}
    return Finding(
        Trouble.ADVERSARY,
        f"The critic is wrong by {wrong:.2f} nats, where one that cannot tell codes from draws has {FAIR_CRITIC:.2f}.",
        "It tells codes from draws of the prior nearly always, so the codes do not fill the prior, and draws from it "
        "decode to nothing sensible.",
        unusual or {"lr": case.config.lr / 4},
    )


def _narrow(case: Case) -> Finding | None:
    if not case.checkup or case.code_size > 1 or case.given_back >= LIMITS["narrow"].at:
        return None
    return Finding(
        Trouble.NARROW,
        f"One number gives back {share_of(case.given_back)} of the variance of the pictures.",
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
        Trouble.OVERFITTING,
        f"{case.gap:.0%} of what it learnt to save on its {few:,} training pictures, in nats, is missing on others.",
        "It has learnt these pictures by heart, not what pictures have in common.",
        more,
    )


def _behind(case: Case) -> bool:
    """Whether a finished model gives back clearly less than a plane does."""
    if not case.checkup or not math.isfinite(case.given_back):
        return False
    least = case.plane - LIMITS["plain"].at if case.plain else LIMITS["charged"].at * case.plane
    return case.given_back < least


def _longer(case: Case) -> dict[str, Value]:
    """Twice the training, and what is far from the usual put right."""
    usual = case.start
    cure: dict[str, Value] = {"epochs": min(1000, max(2 * case.config.epochs, usual.epochs))}
    if not usual.lr / 4 <= case.config.lr <= 4 * usual.lr:
        cure["lr"] = usual.lr
    if sum(case.config.hidden) < sum(usual.hidden):
        cure["hidden"] = usual.hidden
    return cure


def _underfitting(case: Case) -> Finding | None:
    if not _behind(case):
        return None
    return Finding(
        Trouble.UNDERFITTING,
        f"It gives back {share_of(case.given_back)} of the variance of the pictures; {_of_pca(case)}.",
        "A plane, which needs no training, does better: it has not learnt enough yet, or is too small.",
        _longer(case),
    )


def _saturated(case: Case) -> Finding | None:
    share = case.vitals.get("saturated", 0.0)
    if share <= LIMITS["saturated"].at:
        return None
    return Finding(
        Trouble.SATURATED,
        f"{share:.1%} of the pixels are drawn fully black where it is light, or fully white where it is dark.",
        "The decoder is certain where it is wrong, which costs the most there is.",
        _longer(case) if case.config.lr < case.start.lr / 4 else {"lr": _calmer(case)},
    )


# causes before what follows from them; and whether half of the training has to be waited for
SIGNS: dict[Sign, bool] = {
    _diverged: False,
    _impossible: False,
    _alike: False,
    _rising: False,
    _overpriced: True,
    _cut: True,
    _overweighted: True,
    _drowned: True,
    _dead: True,
    _collapse: True,
    _idle: True,
    _critic: True,
    _narrow: True,
    _overfitting: True,
    _underfitting: True,
    _saturated: True,
}
