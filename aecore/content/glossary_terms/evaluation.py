"""Terms of the glossary: errors of images, quality of samples and codes, and maps."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="anomaly-score",
        term="Anomaly score",
        text="A number meant to be high for inputs unlike the training data, most simply the reconstruction error. It "
        "can fail: a blank or smooth image is easy to reconstruct and scores low, so compare with PCA and with the "
        "distance to the mean.",
        labels=("anomaly detection", "anomaly", "anomalies", "outlier score", "out-of-distribution"),
        see_also=("threshold", "roc-curve"),
    ),
    Term(
        id="area-under-the-curve",
        term="Area under the curve",
        text="The area under the ROC curve: the probability that a random anomaly scores higher than a random normal "
        "input; 0.5 is chance, 1 perfect. It says nothing of precision: where 1 in 10,000 is an anomaly, an excellent "
        "AUC can go with mostly false alarms.",
        labels=("AUC", "ROC AUC", "AUROC"),
        see_also=("roc-curve", "threshold"),
        source="Hanley & McNeil 1982",
    ),
    Term(
        id="binary-cross-entropy",
        term="Binary cross-entropy",
        text="The negative log-likelihood of a Bernoulli decoder, summed over pixels: -x ln x̂ - (1 - x) ln(1 - x̂). "
        "For a grey pixel it never reaches 0: the least is the pixel's own entropy, 0.693 nats at x = 0.5 and 0.325 "
        "at 0.1.",
        labels=("BCE", "cross-entropy", "Bernoulli (binary cross-entropy)"),
        see_also=("likelihood", "mean-squared-error"),
    ),
    Term(
        id="coverage",
        term="Coverage",
        text="The share of real images that have at least one sample within reach, the reach of a real image being "
        "its distance to its k-th nearest real neighbour. Low coverage means that some kinds of images are never "
        "generated, however good the samples look.",
        labels=("sample coverage",),
        see_also=("sample-precision", "sample-recall", "prior"),
        source="Naeem, Oh, Uh, Choi & Yoo 2020",
    ),
    Term(
        id="explained-variance",
        term="Explained variance",
        text="1 minus the squared error of the reconstructions divided by that of the mean image: 1 is perfect, 0 no "
        "better than the mean, and below 0 is worse. PCA with as many dimensions gives the number to beat.",
        labels=("R2", "explained variance (R2)", "R²", "explained variance ratio"),
        symbol=r"R^2",
        see_also=("mean-squared-error", "principal-component-analysis"),
    ),
    Term(
        id="false-positive-rate",
        term="False-positive rate",
        text="The share of normal inputs that a threshold calls anomalies. A threshold at the 99th percentile of "
        "normal scores has 1 % of them by construction; where 1 input in 10,000 is an anomaly, a rate of 0.5 % and a "
        "recall of 92 % mean that 98 % of the alarms are false.",
        labels=("FPR", "false alarms"),
        see_also=("threshold", "roc-curve"),
    ),
    Term(
        id="k-nearest-neighbours",
        term="k-nearest neighbours",
        text="Labelling a point by the majority among the k nearest labelled ones; its accuracy on codes says how "
        "well neighbourhoods follow classes. Compare with raw pixels: on 8 by 8 digits they score about 98 %, so a "
        "high value is no proof of learning.",
        labels=(
            "kNN",
            "k-NN",
            "k-NN radius",
            "k-nearest neighbors",
            "kNN pseudo-labels",
            "nearest neighbours",
            "nearest class",
        ),
        symbol=r"k",
        see_also=("linear-probe", "sample-precision"),
        source="Cover & Hart 1967",
    ),
    Term(
        id="linear-probe",
        term="Linear probe",
        text="A linear classifier trained on frozen codes: its accuracy says how much of the label can be read from a "
        "code by a plane. Set it beside probes of raw pixels, of PCA and of an untrained encoder: on small digits raw "
        "pixels do as well.",
        labels=("linear probes", "logistic probe"),
        see_also=("k-nearest-neighbours", "latent-code"),
        source="Alain & Bengio 2016",
    ),
    Term(
        id="mean-absolute-error",
        term="Mean absolute error",
        text="The mean of |x - x̂| over pixels, and the loss of a Laplace likelihood. A single pixel that is far off "
        "weighs less than in squared error, because the best answer is a median, not a mean.",
        labels=("MAE", "absolute error", "mean absolute change", "Laplace"),
        see_also=("mean-squared-error", "likelihood"),
    ),
    Term(
        id="mean-squared-error",
        term="Mean squared error",
        text="The mean of (x - x̂)² over pixels; for grey values from 0 to 1 it is 0.01 when pixels are off by 0.1. "
        "The best answer to several possible images is their average, which is why squared error blurs.",
        labels=("MSE", "squared error", "test MSE", "largest error"),
        symbol=r"\tfrac1n \lVert x - \hat x \rVert^2",
        see_also=("peak-signal-to-noise-ratio", "likelihood"),
    ),
    Term(
        id="peak-signal-to-noise-ratio",
        term="Peak signal-to-noise ratio",
        text="The mean squared error in decibels: -10 log10 MSE for values from 0 to 1, so that 0.01 is 20 dB and "
        "each 10 dB a tenth of the error. It compares the same image under several treatments; across data sets it "
        "depends on their contrast.",
        labels=("PSNR", "decibels", "dB"),
        symbol=r"-10 \log_{10} \mathrm{MSE}",
        see_also=("mean-squared-error", "structural-similarity"),
    ),
    Term(
        id="principal-component-analysis",
        term="Principal component analysis",
        text="The orthogonal directions of largest variance; the first D of them give the least squared error that "
        "any linear code of D numbers can have. It needs no training loop, which makes it the baseline an autoencoder "
        "has to beat.",
        labels=("PCA", "principal components", "principal component"),
        see_also=("linear-autoencoder", "explained-variance"),
        source="Pearson 1901; Hotelling 1933",
    ),
    Term(
        id="reconstruction-loss",
        term="Reconstruction loss",
        text="What a model pays for outputs that differ from the input: -log p(x|z), here in nats summed over pixels. "
        "It also holds what no model can avoid, such as the entropy of grey pixels, so only differences between "
        "models of one likelihood mean anything.",
        labels=("reconstruction", "reconstruction error", "reconstructions"),
        symbol=r"-\log p(x \mid z)",
        see_also=("likelihood", "loss-reduction", "explained-variance"),
    ),
    Term(
        id="roc-curve",
        term="ROC curve",
        text="The true-positive rate (recall) against the false-positive rate for every threshold of a score. It "
        "shows the trade that a threshold makes; the diagonal is guessing.",
        labels=("ROC", "receiver operating characteristic", "true-positive rate"),
        see_also=("area-under-the-curve", "threshold"),
    ),
    Term(
        id="sample-precision",
        term="Sample precision",
        text="The share of samples that lie within reach of some real image, the reach of each being the distance to "
        "its k-th real neighbour. A few odd images with a long reach can vouch for everything; the strict precision "
        "of this laboratory asks only the real image nearest to the sample.",
        labels=("strict precision", "improved precision", "precision of samples"),
        see_also=("coverage", "sample-recall", "k-nearest-neighbours"),
        source="Kynkaanniemi, Karras, Laine, Lehtinen & Aila 2019",
    ),
    Term(
        id="sample-recall",
        term="Sample recall",
        text="The share of real images within reach of some sample, the reach now being measured among the samples. "
        "Scattered bad samples get a long reach and raise it, which is why coverage is shown here in its place.",
        labels=("improved recall", "recall of samples"),
        see_also=("coverage", "sample-precision"),
        source="Kynkaanniemi, Karras, Laine, Lehtinen & Aila 2019",
    ),
    Term(
        id="structural-similarity",
        term="Structural similarity",
        text="A score from -1 to 1 that compares means, contrasts and patterns of two images in small windows, 1 for "
        "equal images. It is not how people judge: on small digits a shift by one pixel, which loses nothing, scores "
        "0.86 and a light blur 0.98.",
        labels=("SSIM", "structural similarity index"),
        see_also=("peak-signal-to-noise-ratio", "mean-squared-error"),
        source="Wang, Bovik, Sheikh & Simoncelli 2004",
    ),
    Term(
        id="t-sne",
        term="t-SNE",
        text="A map that places points so that near neighbours stay near; sizes of clusters and distances between "
        "them mean little. It finds clusters in raw pixels too, so a tidy map of codes does not prove that a model "
        "learnt them.",
        labels=("tSNE",),
        see_also=("perplexity", "umap", "trustworthiness"),
        source="van der Maaten & Hinton 2008",
    ),
    Term(
        id="threshold",
        term="Threshold",
        text="The score from which an input is called an anomaly, usually a high percentile of the scores of normal "
        "validation images. A percentile fixes the false-positive rate only: the 99.5th flags 0.5 % of normal inputs, "
        "whether or not anomalies are caught.",
        labels=("thresholds",),
        symbol=r"\tau",
        see_also=("anomaly-score", "false-positive-rate"),
    ),
    Term(
        id="trustworthiness",
        term="Trustworthiness",
        text="The degree to which neighbours on a map are neighbours in the original space too, from 0 to 1; points "
        "far apart that a map draws together lower it. It does not notice neighbours that the map tears apart: that "
        "is continuity.",
        labels=("trustworthy",),
        see_also=("t-sne", "umap"),
        source="Venna & Kaski 2001",
    ),
    Term(
        id="umap",
        term="UMAP",
        text="A map that keeps a graph of nearest neighbours; the minimum distance sets how tightly points may be "
        "packed, and with it how separate clusters look. As in t-SNE, gaps between clusters are no measure of how "
        "different they are.",
        labels=("n_neighbors", "min_dist", "minimum distance"),
        see_also=("t-sne", "trustworthiness"),
        source="McInnes, Healy & Melville 2018",
    ),
)
