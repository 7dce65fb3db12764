"""The cards of what we draw ourselves: points, surfaces, heartbeats, sensors and payments; of digits that move,
and of digits read by rows."""

from __future__ import annotations

from aecore.data import payment_columns, payments, simulated
from aecore.data.card import DatasetCard
from aecore.data.modalities import Modality, Points, Series, Vector, Video
from aecore.data.standardisation import scaling

_QUARTERS = ("first quarter", "second quarter", "third quarter", "last quarter")
_OURS = "MIT, like the code that draws them"
_HERE = "Drawn by aecore/data/simulated.py"


def _card(
    name: str, title: str, description: str, short: str, modality: Modality, classes: tuple[str, ...],
    count: int | tuple[int, int, int], source: str = _HERE, licence: str = _OURS, **settings: object,
) -> DatasetCard:  # fmt: skip
    """A tenth is for testing, a tenth of the rest for validation, unless `count` tells all three."""
    if isinstance(count, int):
        test = count // 10
        validation = (count - test) // 10
        count = count - test - validation, validation, test
    said: dict[str, object] = {
        "likelihood": modality.likelihoods[0], "network": modality.networks[0], "epochs": 60, "batch_size": 64,
        "precision": "float32", "max_value": 1, **settings,
    }  # fmt: skip
    return DatasetCard(
        name, title, description, short, modality, classes, *count, licence, source, **said,  # type: ignore[arg-type]
    )  # fmt: skip


SIMULATED_CARDS = (
    _card(
        "moons",
        "Two moons: points in the plane",
        "Two half circles that reach into each other: the smallest data set on which a straight line fails and a bent "
        "one does not. A code of one number has to follow the curve.",
        "points on two half circles in the plane",
        Points(**scaling("moons")),
        ("upper moon", "lower moon"),
        2000,
        epochs=120,
        lr=0.006,
    ),
    _card(
        "ring",
        "Ring: points in the plane",
        "Points on a circle. One number could say where on it, but a circle has no end: somewhere a code of one number "
        "must tear it.",
        "points on a circle in the plane",
        Points(**scaling("ring")),
        ("right above", "left above", "left below", "right below"),
        2000,
        epochs=120,
        lr=0.006,
    ),
    _card(
        "swiss-roll",
        "Swiss roll: a rolled-up sheet",
        "A flat sheet, rolled up in space. Two numbers suffice to say where on the sheet a point lies: does a code of "
        "two numbers unroll it?",
        "points of a rolled-up sheet in space",
        Vector(names=("x", "y", "z"), **scaling("swiss-roll")),
        _QUARTERS,
        2000,
        source=f"{_HERE}, after Marsland (2009), Machine Learning: An Algorithmic Perspective",
        epochs=120,
        lr=0.006,
    ),
    _card(
        "s-curve",
        "S-curve: a bent sheet",
        "A flat sheet, bent like an S in space: easier to flatten than the Swiss roll, for nothing lies over it.",
        "points of a sheet bent like an S in space",
        Vector(names=("x", "y", "z"), **scaling("s-curve")),
        _QUARTERS,
        2000,
        epochs=120,
        lr=0.006,
    ),
    _card(
        "heartbeats",
        "Heartbeats, drawn: 140 moments",
        "Single heartbeats drawn by a formula with known causes: rate, width, and beats that come too soon. They show "
        "how an autoencoder reads series. They are not medical, and nothing learnt from them is.",
        "heartbeats of 140 moments that a formula drew",
        Series(length=simulated.BEAT_LENGTH, channels=("voltage",), limits=(-2.0, 6.0), **scaling("heartbeats")),
        simulated.BEAT_CLASSES,
        3000,
        source=f"{_HERE}; bumps after McSharry, Clifford, Tarassenko & Smith (2003)",
        epochs=40,
    ),
    _card(
        "machine",
        "Machine, drawn: three sensors",
        "Temperature, pressure and vibration of one machine, drawn by a formula. In some windows the temperature "
        "drifts; in some the pressure no longer follows the load, though each sensor alone looks as always.",
        "windows of three sensors of a machine that a formula drew",
        Series(length=simulated.MACHINE_LENGTH, channels=simulated.MACHINE_SENSORS, **scaling("machine")),
        simulated.MACHINE_CLASSES,
        3000,
        epochs=40,
    ),
    _card(
        "payments",
        "Payments, drawn: four kinds of fraud",
        "Payments by card of 400 people, drawn by us: they are nobody's. One in a hundred is fraud: a stolen card at "
        "night, a card tested with tiny amounts, an account taken over from far away, and a slow drain that no single "
        "payment shows. Of each payment the table says what a bank knew at that moment, and nothing later. Train on "
        "normal payments alone (Normal classes: 0): which kinds does a reconstruction miss?",
        "drawn payments by card, one in a hundred of them fraud",
        payment_columns.table(),
        payments.CLASSES,
        (21_801, 6_441, 14_305),
        source="Drawn by aecore/data/payments.py",
        epochs=30,
        batch_size=256,
    ),
    _card(
        "moving-digits",
        "Moving digits: 10 frames, 16 x 16",
        "One of the small digits moves straight ahead and bounces off the walls. Which digit, where from and how fast: "
        "a code has to tell of the motion as well as of the shape. No digit of the training set is in the test set.",
        "sequences of one small handwritten digit that moves over 16 x 16 pixels",
        Video(simulated.VIDEO_FRAMES, simulated.VIDEO_SIDE, simulated.VIDEO_SIDE),
        tuple("0123456789"),
        3000,
        source=f"{_HERE}, after Moving MNIST (Srivastava, Mansimov & Salakhutdinov 2015), from the digits of "
        "Handwritten digits, 8 x 8",
        licence="CC BY 4.0, as the digits",
        epochs=30,
        max_value=16,
    ),
    _card(
        "digits-rows",
        "Handwritten digits, read row by row",
        "The small digits as a series: eight moments, at each one row of eight pixels. What a recurrent network makes "
        "of an image that it may only read from top to bottom.",
        "handwritten digits of 8 x 8 pixels, read row by row",
        Series(
            length=8,
            channels=tuple(f"column {at + 1}" for at in range(8)),
            limits=(-2.5, 2.5),
            **scaling("digits-rows"),
        ),
        tuple("0123456789"),
        1797,
        source="As Handwritten digits, 8 x 8",
        licence="CC BY 4.0",
        epochs=60,
    ),
)
