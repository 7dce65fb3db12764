"""Panels of every model: samples, and the aggregate posterior against the prior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis import latent_space, sampling
from aecore.data.modalities import Noun
from aecore.models.families.build import FAMILIES
from aecore.models.latents import Quantized
from aecore.models.loss_terms import LEARNED_PRIOR, RECONSTRUCTION
from ui.panels.charts import sampling_charts
from ui.panels.panel import Panel
from ui.run_data import generated_images, splits, statistics
from ui.run_data.per_run import per_run
from ui.session.address import link
from ui.widgets import sample_images
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.latent_space import Plane
    from aecore.analysis.loaded import LoadedModel

MISMATCH_MARGIN = 0.1  # how much more a mixture fitted to the codes must score for the prior to miss them
LEARNED_PRIOR_LABEL = "Samples from the learned prior ({kind})"
STEP_CHOICES = (1, 2, 5, 10, 20, 50)
METHOD_LABELS = {  # names of samples.numbers -> what people read
    "prior": "Samples from the prior",
    "gaussian_fit": "Samples from a Gaussian fitted to the codes",
    "gmm_fit": f"Samples from a Gaussian mixture ({sampling.GMM_COMPONENTS} components)",
    "reconstructions": "Reconstructions",
    "training_data": "Real {many} (training)",
}


@per_run(max_entries=16)
def _aggregate_posterior(run: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    """What the decoder is given for the first test images, and as many draws of the prior, both [n, D]."""
    test, n = splits.test_split(run), sampling.N_SAMPLES
    codes = sampling.aggregate_posterior(run, test.to_float(slice(n)), test.y[:n])
    return codes, run.sample_prior(len(codes))


def show_samples(run: LoadedModel) -> None:
    """Samples of three kinds, and how near each kind comes to test images."""
    said = statistics.report(run, "sampling")
    turn = st.number_input(
        "Random seed", 1, generated_images.N_SEEDS, 1, help="Another seed, other samples.", key="panel-seed", width=160
    )
    rows = slice((turn - 1) * generated_images.N_SHOWN, turn * generated_images.N_SHOWN)
    methods, noun = _method_labels(run), run.card.modality.noun
    named = {methods[name]: made[rows] for name, made in generated_images.generated(run).items()}
    sample_images.rows(
        run.card.modality,
        named,
        [f"sample {number + 1}" for number in range(generated_images.N_SHOWN)],
        size=88,
        file_name=f"{run.id}-samples",
    )
    prior = run.model.bottleneck.learned_prior
    if prior is not None and prior.n_steps:
        _denoising(run, prior.n_steps, turn)
    if run.model.is_conditional:
        st.caption("This model is told the class: classes are drawn as often as the training set has them.")
    if "prior" not in said:
        st.info(
            f"How good they are is measured against real test {noun.many}, which are not on this computer.",
            icon=":material/image_not_supported:",
        )
        link("data", "Get the data set")
        return
    st.subheader("Sample quality")
    show_chart(sampling_charts.scores(said, methods, class_colours()), key="panel-scores")
    st.markdown(_prior_mismatch_text(said, bool(_prior_matching_terms(run)[0])))
    _metric_definitions(said, methods, noun)


def _method_labels(run: LoadedModel) -> dict[str, str]:
    labels = METHOD_LABELS
    if run.model.bottleneck.learned_prior is not None:
        labels = {"prior": METHOD_LABELS["prior"], "learned_prior": LEARNED_PRIOR_LABEL, **METHOD_LABELS}
    words = {"many": run.card.modality.noun.many, "kind": run.config.learned_prior}
    return {name: label.format(**words) for name, label in labels.items()}


@st.fragment
def _denoising(run: LoadedModel, most: int, seed: int) -> None:
    """Codes on their way from noise to samples of the learned prior, in `most` steps or fewer."""
    st.subheader("From noise to samples")
    choices = [each for each in STEP_CHOICES if each < most] + [most]
    n_steps = st.select_slider("Denoising steps", choices, most, key="panel-denoising-steps")
    path = generated_images.denoising_path(run, n_steps, seed)
    shown = np.unique(np.linspace(0, n_steps, min(n_steps, 7) + 1).round().astype(int))
    rows = {"Noise" if step == 0 else f"After step {step} of {n_steps}": path[step] for step in shown}
    sample_images.rows(run.card.modality, rows, [f"sample {each + 1}" for each in range(path.shape[1])], size=88)
    st.caption(
        "Each row decodes the same codes a few steps later. They begin as noise; each step takes away some of what the "
        f"prior sees as noise in the *code* and never looks at {sample_images.article(run.card.modality.noun)} (latent "
        "diffusion, Rombach et al. 2022; steps without new noise, Song, Meng & Ermon 2021). In one or two steps codes "
        "fly apart, for a guess at nearly pure noise is far off; few more suffice, as codes are small: on the digits "
        "(vanilla, 8-D) samples of 1, 5 and 100 steps cover 0.42, 0.96 and 0.98 of the test images."
    )


def _prior_mismatch_text(report: dict[str, Any], prior_matched: bool) -> str:
    """What the ways of sampling say of this model."""
    own, fitted, most = (report[name] for name in ("prior", "gmm_fit", "reconstructions"))
    learned = report.get("learned_prior")
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
    if learned:
        first += (
            f" The **learned prior** scores {learned['strict_precision']:.2f} and {learned['coverage']:.2f}; the "
            "mixture fitted to the codes in a second, without a network, is what it has to beat."
        )
    return f"{first} Its reconstructions cover {most['coverage']:.2f}: much more than that no sampler can expect."


def _metric_definitions(report: dict[str, Any], methods: dict[str, str], noun: Noun) -> None:
    with st.expander("Definitions of the metrics"):
        st.markdown(
            f"{report['n_samples']:,} {noun.many} of each kind against as many test {noun.many}, {noun.value} by "
            f"{noun.value}. The *k-NN radius* of a test {noun.one} is the distance to its fifth nearest other one.\n"
            f"- **Coverage**: the share of test {noun.many} that have a sample within their radius. Low: some kinds of "
            f"{noun.many} are never drawn (Naeem et al. 2020).\n"
            "- **Strict precision**, our own variant of improved precision: the share of samples within the radius "
            f"of the test {noun.one} nearest to them. Low: samples that look like nothing in the data.\n"
            "- **Precision**, as usually stated, lets any of them vouch for a sample (Kynkaanniemi et al. 2019). "
            "Odd ones with a long radius then vouch for everything: on MNIST's pixels even blurs score 1. So we draw "
            "the strict one.\n"
            f"- **Real {noun.many}** are training {noun.many}: what a perfect sampler would score. They do not reach "
            "1, and smooth samples score above them, because an average lies nearer to everything than a sharp sample "
            "does. No number sees that: look at the samples too."
        )
        rows = [
            {
                "samples": methods[name],
                "strict precision": report[name]["strict_precision"],
                "precision": report[name]["precision"],
                "coverage": report[name]["coverage"],
            }
            for name in methods
        ]
        decimals = st.column_config.NumberColumn(format="%.3f")
        words = "; ".join(f"{row['samples']}: coverage {row['coverage']:.3f}" for row in rows)
        st.dataframe(
            rows,
            hide_index=True,
            alt=words,
            column_config=dict.fromkeys(("strict precision", "precision", "coverage"), decimals),
        )


# Aggregate posterior


def show_aggregate_posterior(run: LoadedModel) -> None:
    """The codes of test samples over draws of the prior."""
    said, (codes, draws) = statistics.report(run, "sampling"), _aggregate_posterior(run)
    labels, classes = splits.test_split(run).y[: len(codes)], run.card.classes
    metrics_row(
        (
            "MMD to the prior",
            f"{said['mmd']:.3f}",
            "Maximum mean discrepancy: how different the codes together are from samples of the prior, by all "
            "distances within and between the two. Near 0: they cannot be told apart (chance can put it below 0); a "
            "few: nowhere alike.",
        ),
        (
            "MMD noise floor",
            f"{said['mmd_noise_floor']:.3f}",
            "The same between two sets of samples of the prior: chance.",
        ),
    )
    st.markdown(_prior_matching_text(run))
    normal = run.model.bottleneck.standard_normal_prior
    if codes.shape[1] == 1:
        chart = sampling_charts.line_over_prior(codes[:, 0], draws[:, 0], labels, classes, class_colours())
    else:
        plane = _plane(run, codes)
        places = plane.project(codes), plane.project(draws)
        chart = sampling_charts.scatter_over_prior(*places, labels, classes, class_colours(), plane.names, normal)
    show_chart(chart, key="panel-aggregate-posterior")
    clouds = "one sample from the posterior q(z|x) of each of " if _is_gaussian(run) else "the codes of "
    rings = " The circles of radius 1 and 2 hold 39% and 86% of a normal." if normal and codes.shape[1] > 1 else ""
    st.caption(
        f"In colour: {clouds}{len(codes):,} test {run.card.modality.noun.many}. In grey: as many samples of the "
        f"prior.{rings}"
    )


def _is_gaussian(run: LoadedModel) -> bool:
    from aecore.models.latents import GaussianLatent

    return issubclass(run.types[0], GaussianLatent)


def _plane(run: LoadedModel, codes: np.ndarray) -> Plane:
    """Where the codes are best seen: a codebook's along its components; else in the two dimensions that matter most, or
    if the prior is no normal, in the first two, where it has its shape."""
    if issubclass(run.types[0], Quantized):
        return latent_space.plane_of_components(codes)
    first, second = sorted(statistics.dim_ranges(run)[1][:2]) if run.model.bottleneck.standard_normal_prior else (0, 1)
    return latent_space.plane_of_dimensions(codes, first, second)


def _prior_matching_text(run: LoadedModel) -> str:
    """Whether anything in the loss asked the aggregate posterior to match the prior."""
    if issubclass(run.types[0], Quantized):
        return (
            "The prior of a codebook is counted, not asked for: how often each latent position took each entry. Each "
            "position by itself is right, so both look alike; **what positions have to do with each other is not in "
            "it**, and that is why its samples are worse than its reconstructions."
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
    return asking, [part for part in parts if part not in declared and part not in (RECONSTRUCTION, LEARNED_PRIOR)]


SAMPLES = (
    Panel(
        "samples",
        "Samples",
        "New images: codes that no image has, decoded, drawn from the model's own prior, and from a Gaussian and a "
        "mixture of Gaussians fitted to the codes of training images.",
        show_samples,
    ),
    Panel(
        "aggregate-posterior",
        "Aggregate posterior against the prior",
        "The aggregate posterior is where the codes of all images lie together. New images come out well where the "
        "decoder knows its way: where codes are. Do they fill the prior that samples are drawn from?",
        show_aggregate_posterior,
    ),
)
