"""Advice on families with sparse or discrete codes."""

from __future__ import annotations

from aecore.content.family_advice.records import Advice, Suggestion

ADVICE: dict[str, Advice] = {
    "sparse": Advice(
        (
            Suggestion("train",
                "Train it with an L1 weight of 0, 0.1 and 1 and compare the share of zeros: part of it is "
                "there for nothing, from the ReLU."),
            Suggestion("interpolate", "Move one dimension at a time: each adds or takes away a piece of the image."),
        ),
        (
            "Too small a weight changes nothing. Much too large a one kills units: they are 0 for every image, and "
            "the error rises.",
            "There is a way round the penalty: small activations and a decoder with large weights. Activity falls "
            "then, and as many units as before are on. Weight decay closes it.",
            "Sparse does not mean that each unit has a meaning of its own.",
        ),
    ),
    "sparse-kl": Advice(
        (
            Suggestion("train", "Train it with rho 0.02 and 0.3 and see how many units tell one image."),
            Suggestion("interpolate", "Move one dimension from 0 to 1 and see what it draws."),
        ),
        (
            "Too small a weight: the mean activities go where they like. Compare them with rho.",
            "A unit that is at rho for every image costs nothing and tells nothing: the penalty sees only its mean.",
            "The mean is taken over a batch: over a few images it jumps about, so small batches blur the penalty.",
        ),
    ),
    "top-k": Advice(
        (
            Suggestion("train", "Train it with k = 1, 8 and 32. With 1, an image is told by a single unit."),
            Suggestion("draw", "Draw slowly and watch the answer jump when another unit gets among the k."),
        ),
        (
            "Units that are never among the k get no gradient and stay dead. Many are with a small k and many units.",
            "Between two images the units change over all at once: walks are not smooth.",
        ),
    ),
    "batch-top-k": Advice(
        (
            Suggestion("model_inspector",
                "See in *Unit activity and sparsity* how many units images have: k is the mean, not the limit."),
            Suggestion("runs", "Compare its error with that of a top-k model with the same k and seed."),
        ),
        (
            "Top-k is the simpler one where all images are about equally hard: on digits with k = 8 their errors are "
            "0.0123 and 0.0130 (seed 0).",
            "The loss of dead units brings few of them back where the code is larger than the data needs: on digits 44 "
            "of 64 stay dead, 47 without it.",
        ),
    ),
    "jump-relu": Advice(
        (
            Suggestion("train", "Train it with an L0 weight of 0.1, 0.3 and 1, and watch L0 and explained variance."),
            Suggestion("train", "Train it with bandwidth 0.05: hardly any activation moves a threshold then."),
        ),
        (
            "How many units are active follows from the L0 weight and has to be tried; top-k says it beforehand. On "
            "digits a weight of 0.3 gives 8.0 units and an error of 0.0123, top-k with 8 units 0.0130 (seed 0).",
            "Only activations near a threshold move it. Where all lie far from it, the L0 weight does nothing.",
        ),
    ),
    "matryoshka": Advice(
        (
            Suggestion("interpolate", "Move one of the first units, then one of the last: the first change more."),
            Suggestion("train", "Train it with 1 prefix, which is batch top-k, and with 4, under the same seed."),
        ),
        (
            "Prefixes cost accuracy of the whole: on digits the error is 0.0138, that of batch top-k 0.0123 (seed 0). "
            "Without a use for short codes, that is the better model.",
            "Later units tell only what earlier ones left over: alone they draw little that makes sense.",
        ),
    ),
    "vq-vae": Advice(
        (
            Suggestion("train",
                "Train it with a codebook of 8 and of 256 entries and compare error and bits per image."),
            Suggestion("interpolate", "Walk from one image to another: it goes in steps, from entry to entry."),
        ),
        (
            "Quantizers differ little in small codebooks: with 64 entries on digits the error is 0.0122 with vq-ema, "
            "0.0109 with vq and simvq, 0.0112 with fsq, which has nothing to tune; lfq has 0.017 (seed 0).",
            "Codebook entries that nothing uses are dead: with **Reset dead codes** off and a large codebook many "
            "are. That is its collapse.",
            "New images are drawn position by position, each by its own habit: they fit together badly. A model of "
            "what positions have to do with each other would be needed.",
        ),
    ),
}  # fmt: skip
