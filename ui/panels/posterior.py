"""Panels of Gaussian posteriors: KL per latent dimension, the posteriors on a map, the ELBO of one sample, the KL in
parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis.latents import posterior
from aecore.analysis.latents.posterior import ACTIVE_THRESHOLD
from aecore.data.modalities import Noun
from aecore.models.latents import FlowLatent, LadderLatent
from aecore.store import history
from ui.panels.charts import posterior_charts
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.run_data.per_run import per_run
from ui.widgets import pickers, sample_images
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.latents.posterior import ElboBreakdown, PosteriorBatch
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split

N_POINTS = 2000  # codes on the map
N_POSTERIORS = 40  # of these
N_SAMPLES = 5  # from the posterior of one image


def _dim_names(dimensions: np.ndarray) -> list[str]:
    return [f"z{dimension + 1}" for dimension in dimensions]


def _order_by_kl(report: dict[str, Any]) -> np.ndarray:
    """The dimensions by falling KL."""
    return np.argsort(-np.array(report["kl"]), kind="stable")


def _sample_description(run: LoadedModel, count: int) -> str:
    """Of what so many samples are."""
    test, many = splits.test_split(run), run.card.modality.noun.many
    if test.synthetic and "report" not in run.result.get("scores", {}):
        return f"{count:,} {many} that the model decoded in place of test {many}"
    return f"the {'' if count == len(test) else 'first '}{count:,} test {many}"


# KL per latent dimension


def _kl_per_dim(run: LoadedModel) -> None:
    found, noun = statistics.report(run, "posterior"), run.card.modality.noun
    order, size = _order_by_kl(found), len(found["kl"])
    nats, active = np.array(found["kl"])[order], np.array(found["variance_of_means"])[order] > ACTIVE_THRESHOLD
    names = _dim_names(order)
    metrics_row(
        (
            "Total KL",
            f"{found['kl_total']:.2f} nats",
            f"The KL of all latent dimensions, per {noun.one}; a nat is 1.44 bits.",
        ),
        (
            "Active units",
            f"{found['active_units']} of {size}",
            f"Latent dimensions that say different things of different {noun.many}.",
        ),
    )
    chart = posterior_charts.kl_bars(names, nats.tolist(), active.tolist(), class_colours()[0], noun)
    show_chart(chart, key="panel-kl")
    silent = [name for name, on in zip(names, active, strict=True) if not on]
    st.caption(
        f"Means over {_sample_description(run, found['n_samples'])}. Active are dimensions whose means vary from "
        f"{noun.one} to {noun.one}, with a variance above {ACTIVE_THRESHOLD} (Burda et al. 2015). "
        f"{_inactive_text(silent, size, noun)}"
    )
    _kl_by_epoch(run, order)


def _inactive_text(inactive: list[str], size: int, noun: Noun) -> str:
    """What is said of the dimensions that are not active."""
    if not inactive:
        return "All are." if size > 1 else "It is."
    named = ", ".join(inactive[:8]) + (f" and {len(inactive) - 8} more" if len(inactive) > 8 else "")
    return (
        f"Not active, in grey: {named}. Their posteriors are nearly the same for every {noun.one}, and the decoder can "
        "hear nothing of it from them."
    )


def _kl_by_epoch(run: LoadedModel, order: np.ndarray) -> None:
    """The KL of each dimension over the training; nothing of a run that was trained before they were kept."""
    codes = ((line["epoch"], (line.get("signals") or {}).get("code", {})) for line in history.history(run.id))
    kept = [(epoch, code["kl"]) for epoch, code in codes if len(code.get("kl", [])) == len(order)]
    if not kept:
        return
    st.subheader("KL during training")
    epochs, nats = zip(*kept, strict=True)
    chart = posterior_charts.kl_heatmap(_dim_names(order), epochs, np.array(nats).T[order])
    show_chart(chart, key="panel-kl-by-epoch")
    st.caption("The KL of each latent dimension after each epoch, means over the validation set.")


# Posteriors on the map


@per_run(max_entries=32)
def _posteriors(run: LoadedModel) -> tuple[PosteriorBatch, np.ndarray]:
    """Posteriors of a few test samples of every class, and their labels."""
    test = splits.test_split(run)
    rows = posterior.sample_per_class(test.y, N_POSTERIORS)
    return posterior.encode(run, test.to_float(rows), test.y[rows]), test.y[rows]


def _posterior_map(run: LoadedModel) -> None:
    found, noun = statistics.report(run, "posterior"), run.card.modality.noun
    size = len(found["kl"])
    pair = np.arange(size) if size < 3 else _order_by_kl(found)[:2]
    points, labels = splits.codes(run)[:N_POINTS, pair], splits.test_split(run).y[:N_POINTS]
    some, owners = _posteriors(run)
    drawn, names = (some.mean[:, pair], some.sigma[:, pair], owners), _dim_names(pair)
    classes, colours = run.card.classes, class_colours()
    if size == 1:
        chart = posterior_charts.lines(points, labels, drawn, classes, colours, names[0])
    else:
        chart = posterior_charts.ellipses(points, labels, drawn, classes, colours, (names[0], names[1]))
    widths = [f"{found['sigma'][dimension]:.2f} along {name}" for dimension, name in zip(pair, names, strict=True)]
    left, right = st.columns([3, 2], gap="large")
    with left:
        show_chart(chart, key="panel-posteriors")
    with right:
        st.markdown(
            f"One sigma is **{'** and **'.join(widths)}** on average; that of N(0, 1) is 1. Where posteriors overlap, "
            f"a sample can have come from either {noun.one}, and the decoder draws something between them. Narrow ones "
            f"tell {noun.many} apart, and pay for it in nats."
        )
        which = f", along the two of {size} latent dimensions with the largest KL" if size > 2 else ""
        bent = issubclass(run.types[0], FlowLatent)
        shape = " A flow bends them: drawn are normals with their means and standard deviations." if bent else ""
        st.caption(f"{len(points):,} codes{which}, and the posteriors of {len(owners)} of them.{shape}")


# ELBO of one image


@per_run(max_entries=64)
def _elbo_breakdown(run: LoadedModel, row: int) -> ElboBreakdown:
    test = splits.test_split(run)
    return posterior.elbo_breakdown(run, test.to_float([row])[0], int(test.y[row]))


def _elbo_of_one_image(run: LoadedModel) -> None:
    row, called = pickers.test_index_picker(run)
    test, bill, noun = splits.test_split(run), _elbo_breakdown(run, row), run.card.modality.noun
    if test.synthetic:
        st.caption(f"Of what the model decoded in place of {called}; the {noun.one} itself would cost another amount.")
    order = np.argsort(-bill.kl, kind="stable")
    left, right = st.columns(2, gap="large")
    with left:
        _images(run, test, row, called, bill)
        show_chart(
            posterior_charts.posterior_intervals(
                _dim_names(order), bill.mean[order], bill.sigma[order], class_colours()[0], noun.one
            ),
            key="panel-posterior",
        )
        st.caption(
            "Posterior q(z|x): the mean of each latent dimension, and one sigma each way. The band is that of N(0, 1)."
        )
    with right:
        show_chart(posterior_charts.waterfall(_elbo_terms(bill, order), "−ELBO", class_colours()), key="panel-elbo")
        st.markdown(_elbo_text(bill, noun.one))


def _images(run: LoadedModel, test: Split, row: int, name: str, breakdown: ElboBreakdown) -> None:
    x, labels = test.to_float([row]), test.y[[row]]
    draws = run.decode(breakdown.z[:N_SAMPLES], np.repeat(labels, N_SAMPLES))
    own = np.concatenate([x, run.reconstruct(x, labels)])
    sample_images.rows(
        run.card.modality, {"Input and reconstruction": own}, [name, f"reconstruction of {name}"], size=96
    )
    number = [f"sample {i + 1} from the posterior of {name}" for i in range(N_SAMPLES)]
    drawn = {"Five samples from q(z|x), decoded": draws}
    sample_images.rows(run.card.modality, drawn, number, file_name=f"{run.id}-posterior-{row}")


def _elbo_terms(breakdown: ElboBreakdown, order: np.ndarray) -> dict[str, float]:
    """What adds up to the bound: the reconstruction, and the KL of each dimension; those with little KL together."""
    most = posterior_charts.MAX_BARS
    items = {"reconstruction": breakdown.reconstruction}
    items |= {f"KL of {name}": float(breakdown.kl[i]) for name, i in zip(_dim_names(order[:most]), order, strict=False)}
    if len(order) > most:
        items[f"KL of {len(order) - most} more"] = float(breakdown.kl[order[most:]].sum())
    return items


def _elbo_text(breakdown: ElboBreakdown, noun: str) -> str:
    told = float(breakdown.kl.sum())
    return (
        f"**{breakdown.reconstruction:.2f}** nats of reconstruction, the mean over {len(breakdown.z)} samples from "
        f"q(z|x) (its middle alone, without noise, would cost {breakdown.reconstruction_at_mean_code:.2f}), and "
        f"**{told:.2f}** nats of KL: **{breakdown.negative_elbo:.2f}** in all. That is −ELBO, an upper bound on −log "
        f"p(x): how surprised the model is by this {noun} (Gaussian and Laplace likelihoods leave out a constant). "
        "Each nat of KL counts as 1 here, whatever it cost in training."
    )


# KL decomposition


def _kl_decomposition(run: LoadedModel) -> None:
    found, noun = statistics.report(run, "posterior"), run.card.modality.noun
    parts = {
        "mutual information": found["mutual_information"],
        "total correlation": found["total_correlation"],
        "dimension-wise KL": found["dimension_wise_kl"],
    }
    show_chart(posterior_charts.waterfall(parts, "KL, estimated", class_colours()), key="panel-kl-decomposition")
    information, most, total = found["mutual_information"], found["log_n"], run.card.n_train
    full = information > 0.95 * most
    limit = (
        f" It is nearly there: almost every code gives its {noun.one} away, and nats beyond that are counted as total "
        "correlation, however independent the numbers look on a map."
    )
    st.markdown(
        f"- **Mutual information, {information:z.2f} nats**: what a code tells of which {noun.one} it came from. It "
        f"cannot pass log N, {most:.2f} nats for {total:,} training {noun.many}.{limit if full else ''} InfoVAE "
        "weighs it less.\n"
        f"- **Total correlation, {found['total_correlation']:z.2f} nats**: what the dimensions of a code tell of each "
        "other; 0 when they are independent. beta-TCVAE weighs this part alone more.\n"
        f"- **Dimension-wise KL, {found['dimension_wise_kl']:z.2f} nats**: how far the aggregate posterior, all codes "
        "together, is from N(0, 1), one dimension at a time. A shift or a wrong width that all posteriors share "
        "costs this and tells nothing.\n\n"
        "The last two together are how far the aggregate posterior is from N(0, 1), which is what sampling suffers "
        "from; InfoVAE measures and weighs that separately, by MMD. A VAE has the weight 1 for all three, a beta-VAE "
        "beta."
    )
    st.caption(
        f"Estimated from samples for {_sample_description(run, found['n_samples'])}, "
        f"{found['estimator_batch_size']:,} at a time, each batch standing for a set as large as the training set "
        f"(Chen et al. 2018). The exact KL is {found['kl_total']:.2f}. Estimates are noisy, and where few posteriors "
        "of a batch overlap, mutual information comes out somewhat too large and total correlation as much too "
        f"small, even below zero.{_ladder_note(run)}{_flow_note(found, noun.one)}"
    )


def _ladder_note(run: LoadedModel) -> str:
    if not issubclass(run.types[0], LadderLatent):
        return ""
    return (
        " In this ladder the lower posteriors depend on a sample of the upper ones: each was taken as it came with one."
    )


def _flow_note(found: dict[str, Any], noun: str) -> str:
    if "kl_of_moments" not in found:
        return ""
    moments = found["kl_of_moments"]
    return (
        f" What density a flow gives to the code of another {noun} is not known here: the parts are those of normals "
        f"with the posteriors' means and standard deviations, whose KL is {moments:.2f}. The shape that the flow gives "
        f"them costs the other {max(0.0, found['kl_total'] - moments):.2f} nats."
    )


GAUSSIAN = (
    Panel(
        "kl-per-dimension",
        "KL per latent dimension",
        "The Kullback-Leibler divergence between an image's posterior q(z|x) and the prior N(0, 1), dimension by "
        "dimension: how much each tells of the image. One with a KL of 0 says the same of every image: the decoder "
        "cannot be hearing anything from it.",
        _kl_per_dim,
    ),
    Panel(
        "posteriors",
        "Posteriors q(z|x) on the map",
        "Each image is not a point but a cloud, its approximate posterior q(z|x): drawn are one and two standard "
        "deviations of some. Dashed, the same of the prior N(0, 1), which all clouds together should fill.",
        _posterior_map,
    ),
    Panel(
        "elbo",
        "ELBO of one image",
        "What one image becomes, what its posterior decodes to, and what that costs, item by item: the evidence lower "
        "bound (ELBO).",
        _elbo_of_one_image,
    ),
    Panel(
        "kl-decomposition",
        "KL decomposition (MI, TC, dimension-wise KL)",
        "What the KL is paid for: telling images apart (mutual information), dimensions that repeat each other (total "
        "correlation), and dimensions that are not spread as N(0, 1) is.",
        _kl_decomposition,
    ),
)
