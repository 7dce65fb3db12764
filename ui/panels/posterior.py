"""Panels of models whose pictures become clouds: what each number tells, one picture's account, the KL in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis.latents import posterior
from aecore.analysis.latents.posterior import ACTIVE_THRESHOLD
from aecore.models.latents import LadderLatent
from aecore.store import runs
from ui import frame, shared
from ui.panels.charts import posterior_charts
from ui.panels.panel import Panel
from ui.session import cache
from ui.widgets import images, pickers

if TYPE_CHECKING:
    from aecore.analysis.latents.posterior import ElboBreakdown, PosteriorBatch
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split

N_POINTS = 2000  # codes on the map
N_POSTERIORS = 40  # of their clouds
N_SAMPLES = 5  # from the cloud of one picture that are decoded


def _dim_names(dimensions: np.ndarray) -> list[str]:
    return [f"z{dimension + 1}" for dimension in dimensions]


def _order_by_kl(report: dict[str, Any]) -> np.ndarray:
    """The dimensions, those that tell most first."""
    return np.argsort(-np.array(report["kl"]), kind="stable")


def _sample_description(run: LoadedModel, count: int) -> str:
    """Of what so many pictures are."""
    test = shared.test_split(run)
    if test.synthetic and "report" not in run.result.get("scores", {}):
        return f"{count:,} pictures that the model drew in place of test pictures"
    return f"the {'' if count == len(test) else 'first '}{count:,} test pictures"


# What each number tells


def _kl_per_dim(run: LoadedModel) -> None:
    found = shared.report(run, "posterior")
    order, size = _order_by_kl(found), len(found["kl"])
    nats, active = np.array(found["kl"])[order], np.array(found["variance_of_means"])[order] > ACTIVE_THRESHOLD
    names = _dim_names(order)
    frame.metrics_row(
        ("All numbers", f"{found['kl_total']:.2f} nats", "The KL of a code, per picture; a nat is 1.44 bits."),
        ("Active", f"{found['active_units']} of {size}", "Numbers that say different things of different pictures."),
    )
    frame.show_chart(
        posterior_charts.kl_bars(names, nats.tolist(), active.tolist(), frame.class_colours()[0]), key="inside-told"
    )
    silent = [name for name, on in zip(names, active, strict=True) if not on]
    st.caption(
        f"Means over {_sample_description(run, found['n_samples'])}. Active are numbers whose means vary from "
        f"picture to picture, with "
        f"a variance above {ACTIVE_THRESHOLD} (Burda et al. 2015). {_inactive_text(silent, size)}"
    )
    st.subheader("While it learnt")
    _kl_by_epoch(run, order)


def _inactive_text(inactive: list[str], size: int) -> str:
    """What is said of the dimensions that are not active."""
    if not inactive:
        return "All are." if size > 1 else "It is."
    named = ", ".join(inactive[:8]) + (f" and {len(inactive) - 8} more" if len(inactive) > 8 else "")
    return (
        f"Not active, in grey: {named}. Their clouds are nearly the same for every picture, and the decoder can hear "
        "nothing of it from them."
    )


def _kl_by_epoch(run: LoadedModel, order: np.ndarray) -> None:
    codes = ((line["epoch"], (line.get("signals") or {}).get("code", {})) for line in runs.history(run.id))
    kept = [(epoch, code["kl"]) for epoch, code in codes if len(code.get("kl", [])) == len(order)]
    if not kept:
        st.caption("This run was trained before KLs were kept epoch by epoch: only runs trained from now on have them.")
        return
    epochs, nats = zip(*kept, strict=True)
    chart = posterior_charts.kl_heatmap(_dim_names(order), epochs, np.array(nats).T[order])
    frame.show_chart(chart, key="inside-told-by-epoch")
    st.caption("The KL of each number after each epoch, means over the validation pictures.")


# Clouds on the map


@cache.cached(max_entries=32)
def _posteriors(key: shared.Key, _run: LoadedModel) -> tuple[PosteriorBatch, np.ndarray]:
    """Clouds of a few test pictures of every class, and their labels."""
    test = shared.test_split(_run)
    rows = posterior.sample_per_class(test.y, N_POSTERIORS)
    return posterior.encode(_run, test.to_float(rows), test.y[rows]), test.y[rows]


def _posterior_map(run: LoadedModel) -> None:
    found = shared.report(run, "posterior")
    size = len(found["kl"])
    pair = np.arange(size) if size < 3 else _order_by_kl(found)[:2]
    points, labels = shared.codes(run)[:N_POINTS, pair], shared.test_split(run).y[:N_POINTS]
    some, owners = _posteriors(shared.key_of(run), run)
    drawn, names = (some.mean[:, pair], some.sigma[:, pair], owners), _dim_names(pair)
    classes, colours = run.card.classes, frame.class_colours()
    if size == 1:
        chart = posterior_charts.lines(points, labels, drawn, classes, colours, names[0])
    else:
        chart = posterior_charts.ellipses(points, labels, drawn, classes, colours, (names[0], names[1]))
    widths = [f"{found['sigma'][dimension]:.2f} along {name}" for dimension, name in zip(pair, names, strict=True)]
    left, right = st.columns([3, 2], gap="large")
    with left:
        frame.show_chart(chart, key="inside-map")
    with right:
        st.markdown(
            f"One sigma is **{'** and **'.join(widths)}** on average; that of N(0, 1) is 1. Where clouds overlap, a "
            "draw can have come from either picture, and the decoder draws something between them. Narrow clouds tell "
            "pictures apart, and pay for it in nats."
        )
        which = f", along the two of {size} numbers that tell most" if size > 2 else ""
        st.caption(f"{len(points):,} codes{which}, and the clouds of {len(owners)} of them.")


# One picture


@cache.cached(max_entries=64)
def _elbo_breakdown(key: shared.Key, row: int, _run: LoadedModel) -> ElboBreakdown:
    test = shared.test_split(_run)
    return posterior.elbo_breakdown(_run, test.to_float([row])[0], int(test.y[row]))


def _elbo_of_one_image(run: LoadedModel) -> None:
    row, called = pickers.test_index_picker(run)
    test, bill = shared.test_split(run), _elbo_breakdown(shared.key_of(run), row, run)
    if test.synthetic:
        st.caption(f"Of what the model drew in place of {called}; the picture itself would cost another amount.")
    order = np.argsort(-bill.kl, kind="stable")
    left, right = st.columns(2, gap="large")
    with left:
        _images(run, test, row, called, bill)
        frame.show_chart(
            posterior_charts.posterior_intervals(
                _dim_names(order), bill.mean[order], bill.sigma[order], frame.class_colours()[0]
            ),
            key="inside-cloud",
        )
        st.caption("Its cloud: the mean of each number, and one sigma each way. The band is that of N(0, 1).")
    with right:
        frame.show_chart(
            posterior_charts.waterfall(_elbo_terms(bill, order), "−ELBO", frame.class_colours()), key="inside-elbo"
        )
        st.markdown(_elbo_text(bill))


def _images(run: LoadedModel, test: Split, row: int, name: str, breakdown: ElboBreakdown) -> None:
    x, labels = test.to_float([row]), test.y[[row]]
    draws = run.decode(breakdown.z[:N_SAMPLES], np.repeat(labels, N_SAMPLES))
    own = np.concatenate([x, run.reconstruct(x, labels)])
    images.rows({"The picture, and its code decoded": own}, [name, f"reconstruction of {name}"], size=96)
    number = [f"draw {i + 1} from the cloud of {name}" for i in range(N_SAMPLES)]
    images.rows({"Five draws from its cloud, decoded": draws}, number, size=96)


def _elbo_terms(breakdown: ElboBreakdown, order: np.ndarray) -> dict[str, float]:
    """What adds up to the bound: the reconstruction, and the KL of each dimension; those that tell little together."""
    most = posterior_charts.MAX_BARS
    items = {"reconstruction": breakdown.reconstruction}
    items |= {f"KL of {name}": float(breakdown.kl[i]) for name, i in zip(_dim_names(order[:most]), order, strict=False)}
    if len(order) > most:
        items[f"KL of {len(order) - most} more"] = float(breakdown.kl[order[most:]].sum())
    return items


def _elbo_text(breakdown: ElboBreakdown) -> str:
    told = float(breakdown.kl.sum())
    return (
        f"**{breakdown.reconstruction:.2f}** nats of reconstruction, the mean over {len(breakdown.z)} draws from "
        f"the cloud "
        f"(its middle alone, without noise, would cost {breakdown.reconstruction_at_mean_code:.2f}), and "
        f"**{told:.2f}** nats of KL: "
        f"**{breakdown.negative_elbo:.2f}** in all. That is −ELBO, an upper bound on −log p(x): how surprised the "
        f"model is by this "
        "picture (Gaussian and Laplace likelihoods leave out a constant). Each nat of KL counts as 1 here, whatever it "
        "cost in training."
    )


# Three parts of the KL


def _kl_decomposition(run: LoadedModel) -> None:
    found = shared.report(run, "posterior")
    parts = {
        "mutual information": found["mutual_information"],
        "total correlation": found["total_correlation"],
        "dimension-wise KL": found["dimension_wise_kl"],
    }
    frame.show_chart(posterior_charts.waterfall(parts, "KL, estimated", frame.class_colours()), key="inside-parts")
    information, most, total = found["mutual_information"], found["log_n"], run.card.n_train
    full = information > 0.95 * most
    limit = (
        " It is nearly there: almost every code gives its picture away, and nats beyond that are counted as total "
        "correlation, however independent the numbers look on a map."
    )
    st.markdown(
        f"- **Mutual information, {information:z.2f} nats**: what a code tells of which picture it came from. It "
        f"cannot pass log N, {most:.2f} nats for {total:,} training pictures.{limit if full else ''} InfoVAE charges "
        "less for it.\n"
        f"- **Total correlation, {found['total_correlation']:z.2f} nats**: what the numbers of a code tell of each "
        "other; 0 when they are independent. beta-TCVAE charges more for this part alone.\n"
        f"- **Dimension-wise KL, {found['dimension_wise_kl']:z.2f} nats**: how far the crowd of all codes is from "
        "N(0, 1), one number at a time. A shift or a wrong width that all clouds share costs this and tells "
        "nothing.\n\nThe last two together are how far the crowd is from N(0, 1), which is what sampling suffers from; "
        "InfoVAE measures and charges that separately, by MMD. A VAE charges 1 for all three, a beta-VAE beta."
    )
    st.caption(
        f"Estimated from draws for {_sample_description(run, found['n_samples'])}, "
        f"{found['estimator_batch_size']:,} at a time, each batch standing for a set as large as the "
        f"training set (Chen et al. 2018). The exact KL is {found['kl_total']:.2f}. "
        "Estimates are noisy, and where few clouds of a batch overlap, mutual information comes out somewhat too large "
        f"and total correlation as much too small, even below zero.{_ladder_note(run)}"
    )


def _ladder_note(run: LoadedModel) -> str:
    if not issubclass(run.types[0], LadderLatent):
        return ""
    return " In this ladder the lower clouds depend on a draw from the upper ones: each was taken as it came with one."


GAUSSIAN = (
    Panel(
        "What each number tells",
        "The KL between a picture's cloud and N(0, 1), number by number: how much each tells of the picture. One with "
        "a KL of 0 says the same of every picture: the decoder cannot be hearing anything from it.",
        _kl_per_dim,
    ),
    Panel(
        "Clouds on the map",
        "Each picture is not a point but a cloud: drawn are one and two standard deviations of some. Dashed, the same "
        "of N(0, 1), which all clouds together should fill.",
        _posterior_map,
    ),
    Panel(
        "One picture",
        "What one picture becomes, what its cloud decodes to, and what that costs, item by item: the evidence lower "
        "bound (ELBO).",
        _elbo_of_one_image,
    ),
    Panel(
        "Three parts of the KL",
        "What the KL is paid for: telling pictures apart, numbers that repeat each other, and numbers that are not "
        "spread as N(0, 1) is.",
        _kl_decomposition,
    ),
)
