"""Model cards: what a model of the gallery is for, what it was made of, and its metrics on the test set."""

from __future__ import annotations

import dataclasses
from typing import Any

from aecore.data.cards import CARDS
from aecore.models.families.build import FAMILIES
from aecore.store import offline
from aecore.store.run_info import RunInfo


def readme(entry: RunInfo) -> str:
    """Write the card of a pretrained model, in Markdown, from its result."""
    config, result = entry.config, entry.result
    assert config
    shown, card, family = result["pretrained"], CARDS[config.dataset], FAMILIES[config.family]
    settings = dataclasses.asdict(config) | {"hidden_sizes": ", ".join(map(str, config.hidden_sizes)) or "none"}
    lines = [
        f"# {shown['title']}",
        "",
        family.doc.split("\n")[0],
        "",
        f"- **Good for:** {shown['good_for']}",
        f"- **Not for:** {shown['not_for']}",
        f"- **Data:** {card.title}. {card.source}. Licence: {card.licence}.",
        f"- **Trained** in {result['seconds']:.0f} s on {result['processor']}, seed {config.seed}; remade by "
        f"`python -m aecore pretrain {shown['name']}`.",
        "",
        "| on the test images, never used for training or model selection | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in metric_rows(entry)),
        "",
        "| hyperparameter | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in settings.items() if name not in ("params", "parent", "version")),
        *(f"| {name} | {value} |" for name, value in config.params.items()),
        "",
        *_offline_note(result, card.title),
        *(f"SHA-256 of {name}: `{value}`  " for name, value in result["sha256"].items()),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _offline_note(result: Any, title: str) -> list[str]:
    if "pseudo_label_accuracy" not in result:
        return []
    return [
        f"Nothing of {title} is in this folder. In place of its images stand the codes of {offline.N_SAMPLES:,} test "
        "images and their kNN pseudo-labels, for which the nearest training images vote "
        f"({result['pseudo_label_accuracy']:.1%} right).",
        "",
    ]


def metric_rows(entry: RunInfo) -> list[tuple[str, str]]:
    """The metrics of a pretrained model on the test set: names and values as its card shows them."""
    said = entry.result["scores"]
    lines = [("latent code", f"{_dimensions_text(said['code_size'])}, {said['code_bits']:,.0f} bits")]
    lines += [(f"{name}, nats per image", f"{value:.2f}") for name, value in said["test"].items()]
    if "elbo" in said:
        lines.append(("ELBO, one sample per image, nats", f"{said['elbo']:.2f}"))
    if bounds := said["report"].get("likelihood_bounds"):
        most, gap = max(map(int, bounds["log_likelihood"])), f"{bounds['gap']:.2f} ± {2 * bounds['gap_std_error']:.2f}"
        name = f"IWAE bound minus ELBO ({most} importance samples, {bounds['n_samples']} images), nats"
        lines.append((name, gap))
    if "reconstruction_at_mean_code" in said:
        lines.append(("reconstruction from the mean code, nats", f"{said['reconstruction_at_mean_code']:.2f}"))
    lines += [
        ("MSE per pixel", f"{said['mse']:.5f}"),
        (f"MSE of PCA with {said['code_size']} components", f"{said['pca_mse']:.5f}"),
        ("MSE of the mean image", f"{said['mean_baseline_mse']:.5f}"),
        ("active units (variance above 0.01)", str(said["active_units"])),
        ("kNN accuracy of the codes (k = 10)", f"{said['knn_accuracy']:.1%}"),
    ]
    for noise, psnr in said.get("denoising", {}).items():
        words = f"{psnr['corrupted_psnr']:.1f} to {psnr['denoised_psnr']:.1f} dB ({psnr['psnr_gain']:+.1f})"
        lines.append((f"PSNR under {noise} noise", words))
    return lines


def _dimensions_text(count: int) -> str:
    return f"{count} {'dimension' if count == 1 else 'dimensions'}"
