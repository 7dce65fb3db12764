"""Terms of the glossary: kinds of networks, and what stands between their layers."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="batch-normalisation",
        term="Batch normalisation",
        text="Standardising what a layer says, each unit over the samples of a batch, and then scaling it by learnt "
        "numbers. In use there is no batch: means and variances kept from training take its place, so small batches, "
        "whose means are noisy, make the two disagree.",
        labels=("BatchNorm", "batch norm", "batch normalization"),
        see_also=("batch-size", "dropout"),
        source="Ioffe & Szegedy 2015",
    ),
    Term(
        id="entity-embedding",
        term="Entity embedding",
        text="A short vector of learnt numbers for each category of a column, in place of a long one-hot vector. "
        "Categories that play the same part come to have similar vectors, if there are enough rows of each.",
        labels=("embedding of categories", "categorical embedding"),
        see_also=("encoder", "hidden-layer"),
        source="Guo & Berkhahn 2016",
    ),
    Term(
        id="gated-recurrent-unit",
        term="Gated recurrent unit",
        text="A layer that reads a series moment by moment and keeps a state; two gates decide how much of the state "
        "is kept and how much is read anew. It takes series of any length with the same weights, but cannot compute "
        "moments side by side, so it is slow.",
        labels=("GRU", "recurrent network", "gated recurrent units", "recurrent"),
        see_also=("teacher-forcing", "temporal-convolutional-network"),
        source="Cho, van Merrienboer, Gulcehre, Bahdanau, Bougares, Schwenk & Bengio 2014",
    ),
    Term(
        id="max-pooling",
        term="Max-pooling",
        text="Keeping of each small window of an image, or of a few moments of a series, the largest value alone. It "
        "halves the size without weights, and forgets where in the window the value stood, which a decoder then has "
        "to guess.",
        labels=("pooling", "pooled"),
        see_also=("convolution", "stride"),
    ),
    Term(
        id="receptive-field",
        term="Receptive field",
        text="The pixels, or moments of a series, that one unit of a layer depends on. Stride, pooling and dilation "
        "make it grow with every layer; what lies further away the unit cannot take into account.",
        labels=("receptive fields",),
        see_also=("convolution", "temporal-convolutional-network"),
    ),
    Term(
        id="spatial-code",
        term="Spatial code",
        text="A code that keeps its layout: the channels of a small map, each number tied to a place of the image. A "
        "shift of the image by one stride shifts the code by one cell; a dense layer in between would mix all places.",
        labels=("feature-map code",),
        see_also=("convolution", "receptive-field"),
    ),
    Term(
        id="teacher-forcing",
        term="Teacher forcing",
        text="Giving a decoder that writes a series moment by moment the true value before, not the one it wrote, "
        "while it trains. Learning gets faster, but what is never met in training is the decoder's own mistakes, and "
        "from values that are nearly right already it can learn to leave the code alone.",
        labels=("scheduled sampling",),
        see_also=("gated-recurrent-unit", "posterior-collapse"),
        source="Williams & Zipser 1989; Bengio, Vinyals, Jaitly & Shazeer 2015",
    ),
    Term(
        id="temporal-convolutional-network",
        term="Temporal convolutional network",
        text="Filters slid along time, each layer with wider gaps between what a filter looks at (dilation), so that a "
        "few layers see far. All moments are computed side by side; here pooling between the layers shortens the "
        "series as well.",
        labels=("TCN", "dilated convolution", "dilation"),
        see_also=("convolution", "receptive-field"),
        source="Bai, Kolter & Koltun 2018",
    ),
)
