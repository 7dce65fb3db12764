"""Panels of every model: new pictures, and the crowd of codes over the prior they are drawn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis import latent_space, sampling
from aecore.models.families.build import FAMILIES
from aecore.models.latents import Quantized
from aecore.models.loss_terms import RECONSTRUCTION
from ui import frame, shared
from ui.panels.charts import sampling_charts
from ui.panels.panel import Panel
from ui.session import cache
from ui.widgets import images

if TYPE_CHECKING:
    from aecore.analysis.latent_space import Plane
    from aecore.analysis.loaded import LoadedModel

N_SHOWN, N_SEEDS = 10, 10  # samples of each kind at a time, and how many times there are
MISMATCH_MARGIN = 0.1  # how much more a mixture fitted to the codes must score for the prior to miss them
METHOD_LABELS = {  # names of samples.numbers -> what people read
    "prior": "From the model's prior",
    "gaussian_fit": "From a Gaussian fitted to its codes",
    "gmm_fit": f"From a mixture of {sampling.GMM_COMPONENTS} Gaussians",
    "reconstructions": "Reconstructions",
    "training_data": "Real pictures (training)",
}


@cache.cached(max_entries=16, show_spinner="Drawing samples ...")
def _generated(key: shared.Key, _run: LoadedModel) -> dict[str, np.ndarray]:
    return sampling.generate(_run, shared.test_split(_run), N_SHOWN * N_SEEDS)


@cache.cached(max_entries=16)
def _aggregate_posterior(key: shared.Key, _run: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    """What the decoder is given for the first test pictures, and as many draws of the prior, both [n, D]."""
    test, n = shared.test_split(_run), sampling.N_SAMPLES
    codes = sampling.aggregate_posterior(_run, test.to_float(slice(n)), test.y[:n])
    return codes, _run.sample_prior(len(codes))


def show_samples(run: LoadedModel) -> None:
    """Samples of three kinds, and how near each kind comes to test pictures."""
    said = shared.report(run, "sampling")
    turn = st.number_input("Draw", 1, N_SEEDS, 1, help="Another number, other pictures.", key="inside-draw", width=160)
    rows = slice((turn - 1) * N_SHOWN, turn * N_SHOWN)
    named = {METHOD_LABELS[name]: made[rows] for name, made in _generated(shared.key_of(run), run).items()}
    images.rows(named, [f"sample {number + 1}" for number in range(N_SHOWN)], size=88)
    if run.model.is_conditional:
        st.caption("This model is told the class: classes are drawn as often as the training pictures have them.")
    if "prior" not in said:
        st.info(
            "How good they are is measured against real test pictures, which are not on this computer.",
            icon=":material/image_not_supported:",
        )
        return
    st.subheader("How good are they?")
    frame.show_chart(sampling_charts.scores(said, METHOD_LABELS, frame.class_colours()), key="inside-scores")
    st.markdown(_prior_mismatch_text(said, bool(_prior_matching_terms(run)[0])))
    _metric_definitions(said)


def _prior_mismatch_text(report: dict[str, Any], prior_matched: bool) -> str:
    """What the ways of sampling say of this model."""
    own, fitted, most = (report[name] for name in ("prior", "gmm_fit", "reconstructions"))
    score = (
        f"a mixture fitted to the codes scores {fitted['strict_precision']:.2f} and {fitted['coverage']:.2f}, the "
        f"prior {own['strict_precision']:.2f} and {own['coverage']:.2f} (strict precision and coverage)"
    )
    if max(fitted[name] - own[name] for name in ("coverage", "strict_precision")) <= MISMATCH_MARGIN:
        first = f"**The prior is about as good a place to draw from as where the codes are**: {score}."
    elif prior_matched:
        first = (
            f"**The prior misses where the codes are**: {score}. Being asked to fill a prior is not the same as "
            "filling it; to draw where the codes are repairs that without any training."
        )
    else:
        first = (
            f"**The prior misses where the codes are**: {score}. No plain autoencoder is asked to put its codes there. "
            "That only variational models can generate is folklore: ask this one where its codes are, and compare."
        )
    return f"{first} Its reconstructions cover {most['coverage']:.2f}: much more than that no sampler can expect."


def _metric_definitions(report: dict[str, Any]) -> None:
    with st.expander("What the numbers mean"):
        st.markdown(
            f"{report['n_samples']:,} pictures of each kind against as many test pictures, pixel by pixel. A test "
            "picture's *reach* is the distance to its fifth nearest other test picture.\n"
            "- **Coverage**: the share of test pictures that have a sample within their reach. Low: some kinds of "
            "pictures are never drawn (Naeem et al. 2020).\n"
            "- **Strict precision**: the share of samples within reach of the test picture nearest to them. Low: "
            "samples that look like nothing in the data.\n"
            "- **Precision**, as usually stated, lets any test picture vouch for a sample (Kynkaanniemi et al. 2019). "
            "Odd ones with a long reach then vouch for everything: on MNIST's pixels even blurs score 1. So we draw "
            "the strict one.\n"
            "- **Real pictures** are training pictures: what a perfect sampler would score. They do not reach 1, and "
            "smooth pictures score above them, because a blur lies nearer to everything than a sharp picture does. No "
            "number sees that: look at the pictures too."
        )
        rows = [
            {
                "samples": METHOD_LABELS[name],
                "strict precision": report[name]["strict_precision"],
                "precision": report[name]["precision"],
                "coverage": report[name]["coverage"],
            }
            for name in METHOD_LABELS
        ]
        decimals = st.column_config.NumberColumn(format="%.3f")
        words = "; ".join(f"{row['samples']}: coverage {row['coverage']:.3f}" for row in rows)
        st.dataframe(
            rows,
            hide_index=True,
            alt=words,
            column_config=dict.fromkeys(("strict precision", "precision", "coverage"), decimals),
        )


# The crowd


def show_aggregate_posterior(run: LoadedModel) -> None:
    """The codes of test pictures over draws of the prior."""
    said, (codes, draws) = shared.report(run, "sampling"), _aggregate_posterior(shared.key_of(run), run)
    labels, classes = shared.test_split(run).y[: len(codes)], run.card.classes
    frame.metrics_row(
        (
            "MMD to the prior",
            f"{said['mmd']:.3f}",
            "Maximum mean discrepancy: how different the crowd of codes is from draws of the prior, by all distances "
            "within and between the two. Near 0: they cannot be told apart (chance can put it below 0); a few: nowhere "
            "alike.",
        ),
        (
            "Two crowds of draws",
            f"{said['mmd_noise_floor']:.3f}",
            "The same between two crowds drawn from the prior: chance.",
        ),
    )
    st.markdown(_prior_matching_text(run))
    normal = run.model.bottleneck.standard_normal_prior
    if codes.shape[1] == 1:
        chart = sampling_charts.line_over_prior(codes[:, 0], draws[:, 0], labels, classes, frame.class_colours())
    else:
        plane = _plane(run, codes)
        places = plane.project(codes), plane.project(draws)
        chart = sampling_charts.scatter_over_prior(*places, labels, classes, frame.class_colours(), plane.names, normal)
    frame.show_chart(chart, key="inside-crowd")
    clouds = "one draw from the cloud of each of " if _is_gaussian(run) else "the codes of "
    rings = " The circles of radius 1 and 2 hold 39% and 86% of a normal." if normal and codes.shape[1] > 1 else ""
    st.caption(f"In colour: {clouds}{len(codes):,} test pictures. In grey: as many draws of the prior.{rings}")


def _is_gaussian(run: LoadedModel) -> bool:
    from aecore.models.latents import GaussianLatent

    return issubclass(run.types[0], GaussianLatent)


def _plane(run: LoadedModel, codes: np.ndarray) -> Plane:
    """Where the crowd is best seen: a codebook's along its components; else in the two dimensions that matter most, or
    if the prior is no normal, in the first two, where it has its shape."""
    if issubclass(run.types[0], Quantized):
        return latent_space.plane_of_components(codes)
    first, second = sorted(shared.dim_ranges(run)[1][:2]) if run.model.bottleneck.standard_normal_prior else (0, 1)
    return latent_space.plane_of_dimensions(codes, first, second)


def _prior_matching_text(run: LoadedModel) -> str:
    """Whether anything in the loss asked the crowd to fill the prior."""
    if issubclass(run.types[0], Quantized):
        return (
            "The prior of a codebook is counted, not asked for: how often each slot took each vector. Each slot by "
            "itself is right, so the crowds look alike; **what slots have to do with each other is not in it**, and "
            "that is why its samples are worse than its reconstructions."
        )
    asking, unknown = _prior_matching_terms(run)
    if asking:
        named = " and ".join(f"*{part}*" for part in asking)
        return (
            f"This model **was asked to fill the prior**, by {named} in its loss. The MMD says how far it got; models "
            "that were never asked mostly lie between 0.2 and 4."
        )
    if unknown:
        named = " and ".join(f"*{part}*" for part in unknown)
        return (
            f"Whether this model was asked to fill the prior is not known: its family does not say what {named} in its "
            "loss compares."
        )
    return (
        "Nothing in this model's loss ever asked its codes to fill a prior: **they lie wherever training happened "
        "to put them**. Grey points far from any colour are places that the decoder was never taught to draw."
    )


def _prior_matching_terms(run: LoadedModel) -> tuple[list[str], list[str]]:
    """The parts of the loss that compare codes with the prior, and those of which the family says nothing."""
    declared, parts = FAMILIES[run.config.family].loss_terms, run.result.get("train", {})
    asking = [part for part in parts if part in declared and declared[part].term.matches_prior]
    return asking, [part for part in parts if part not in declared and part != RECONSTRUCTION]


SAMPLES = (
    Panel(
        "New pictures",
        "Codes that no picture has, decoded: drawn from the model's own prior, and from a Gaussian and a mixture of "
        "Gaussians fitted to the codes of training pictures.",
        show_samples,
    ),
    Panel(
        "Codes over the prior",
        "New pictures come out well where the decoder knows its way: where codes are. Do they fill the cloud that "
        "samples are drawn from?",
        show_aggregate_posterior,
    ),
)
