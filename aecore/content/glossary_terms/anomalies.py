"""Terms of the glossary: how anomalies are found, and what a detector promises."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="average-precision",
        term="Average precision",
        text="The area under the precision-recall curve. A score that knows nothing reaches the share of anomalies "
        "among what is judged, so figures of sets with different shares must not be compared.",
        labels=("AP", "PR AUC", "precision-recall curve"),
        see_also=("area-under-the-curve", "base-rate"),
    ),
    Term(
        id="base-rate",
        term="Base rate",
        text="The share of anomalies among everything that a detector sees. It decides what an alarm means: at 1 in "
        "10,000, a detector with 92 % recall and 0.5 % false alarms is right in 1.8 % of its alarms.",
        labels=("prevalence", "prior probability of an anomaly"),
        see_also=("false-positive-rate", "average-precision"),
    ),
    Term(
        id="benjamini-hochberg-procedure",
        term="Benjamini-Hochberg procedure",
        text="Chooses a threshold for a whole batch of p-values so that, on average, at most a wanted share of the "
        "alarms is false. Another batch gets another threshold.",
        labels=("BH", "FDR control"),
        see_also=("false-discovery-rate", "conformal-p-value"),
        source="Benjamini & Hochberg 1995",
    ),
    Term(
        id="concept-drift",
        term="Concept drift",
        text="When what is normal changes with time: a sensor ages, customers move. A threshold set once then gives "
        "more and more false alarms, so the running mean of the scores is itself watched.",
        labels=("drift", "distribution shift", "baseline drift"),
        see_also=("cusum", "threshold"),
    ),
    Term(
        id="conformal-p-value",
        term="Conformal p-value",
        text="The share (1 + the number of calibration scores at or above a score) / (n + 1). Of normal samples at "
        "most 1 % have one of at most 1 %, on average over calibration sets and if they are drawn alike; with one "
        "given set the rate is beta-distributed around that.",
        labels=("conformal prediction", "conformal", "p-value", "conformal anomaly detection"),
        symbol="p",
        see_also=("threshold", "false-discovery-rate"),
        source="Vovk, Gammerman & Shafer 2005",
    ),
    Term(
        id="contamination",
        term="Contamination",
        text="Anomalies in a training set that is taken for normal. An autoencoder learns them too, and a bigger code "
        "learns them sooner; how much is lost can be tried here by leaving some in on purpose.",
        labels=("contaminated training set",),
        see_also=("one-class-classification",),
    ),
    Term(
        id="cusum",
        term="CUSUM",
        text="A sum of how far each score lies above its usual mean, less an allowance, and never below 0. Small "
        "shifts that last add up to an alarm; single peaks do not.",
        labels=("cumulative sum", "Page-Hinkley test", "Page-Hinkley"),
        see_also=("concept-drift",),
        source="Page 1954",
    ),
    Term(
        id="false-discovery-rate",
        term="False discovery rate",
        text="The share of alarms that are false, on average; where the false-positive rate is a share of the normal "
        "samples. 1 % of the normal ones can be nearly all of the alarms.",
        labels=("FDR", "false discoveries"),
        see_also=("benjamini-hochberg-procedure", "false-positive-rate", "base-rate"),
    ),
    Term(
        id="isolation-forest",
        term="Isolation forest",
        text="Cuts the data at random values of random columns until every sample is alone; anomalies are alone after "
        "fewer cuts. No distances, no training of weights: a rival that is quickly asked.",
        labels=("IsolationForest", "iForest"),
        see_also=("local-outlier-factor", "anomaly-score"),
        source="Liu, Ting & Zhou 2008",
    ),
    Term(
        id="k-of-n-alarm",
        term="k-of-n alarm",
        text="An alarm only when k of the last n windows are above the threshold. Single peaks are passed over, and "
        "an event is heard of up to k windows later.",
        labels=("alarm persistence", "k of n"),
        see_also=("threshold", "cusum"),
    ),
    Term(
        id="local-outlier-factor",
        term="Local outlier factor",
        text="How sparse the surroundings of a sample are beside those of its neighbours: about 1 inside a group, "
        "however dense that group is. Outside it is larger, the more so the farther and the denser the group.",
        labels=("LOF",),
        see_also=("isolation-forest", "k-nearest-neighbours"),
        source="Breunig, Kriegel, Ng & Sander 2000",
    ),
    Term(
        id="mahalanobis-distance",
        term="Mahalanobis distance",
        text="The distance to a mean, counted in standard deviations along each direction of a covariance. Of codes, "
        "it says how unusual a code is for one Gaussian around all of them, which several groups rarely are.",
        labels=("Mahalanobis",),
        see_also=("anomaly-score", "latent-code"),
        source="Mahalanobis 1936",
    ),
    Term(
        id="one-class-classification",
        term="One-class classification",
        text="Learning from normal samples alone what does not belong. Nobody has to know what anomalies look like, "
        "and nobody can promise that those that come will be found.",
        labels=("novelty detection", "normal class", "normal classes", "one-class"),
        see_also=("anomaly-score", "contamination"),
    ),
)
