"""Terms of the glossary: what data are made of, how they become numbers, and how they are divided."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="cyclical-encoding",
        term="Cyclical encoding",
        text="Giving a network the sine and cosine of an hour, a weekday or a month in place of the number. So "
        "midnight lies next to eleven at night; as plain numbers the two would be as far apart as can be.",
        labels=("cyclic column", "cyclic encoding"),
        see_also=("one-hot-encoding", "standardisation"),
    ),
    Term(
        id="data-leakage",
        term="Data leakage",
        text="When something of the test samples is already in the training samples: two rows of one patient, or "
        "windows of a series that overlap. The test is then easier than the world, so such samples are kept in one "
        "split.",
        labels=("leakage", "group split"),
        see_also=("generalisation-gap",),
    ),
    Term(
        id="missing-value",
        term="Missing value",
        text="A cell, or a moment of a series, that nobody observed. The network gets 0 in its place, which is the "
        "mean, and the loss is taken over the observed values alone, so nothing is learnt from what was filled in.",
        labels=("missing values", "missing cells"),
        see_also=("reconstruction-loss", "standardisation"),
        source="Nazabal, Olmos, Ghahramani & Valera 2020",
    ),
    Term(
        id="one-hot-encoding",
        term="One-hot encoding",
        text="A category as many numbers, one for each value that it can have: 1 for the one that it has, 0 for the "
        "others. No order is said in this way, which a single number would claim.",
        labels=("one-hot", "one-hot encoded"),
        see_also=("entity-embedding", "cyclical-encoding"),
    ),
    Term(
        id="reconstruction-field",
        term="Reconstruction field",
        text="The vector from each place of the input space to its reconstruction. Of a denoising autoencoder trained "
        "with little Gaussian noise, divided by the variance of the noise, it approximates the score: the direction in "
        "which data become denser.",
        labels=("vector field", "score function"),
        see_also=("reconstruction-loss",),
        source="Alain & Bengio 2014",
    ),
    Term(
        id="standardisation",
        term="Standardisation",
        text="Subtracting the mean of a column or channel and dividing by its standard deviation, both of the training "
        "samples alone. So no column weighs more in the loss because its unit is small.",
        labels=("standardised", "standardization", "z-score"),
        see_also=("missing-value", "batch-normalisation"),
    ),
    Term(
        id="time-series",
        term="Time series",
        text="What is measured at one moment after the other, in one channel or several. One long series is cut into "
        "windows that begin every so many moments (the stride), each of which is a sample.",
        labels=("sliding window", "multivariate series"),
        see_also=("temporal-convolutional-network", "gated-recurrent-unit", "data-leakage"),
    ),
)
