"""Model cards: what a model is, what it was made of, its metrics on the test set, and in the gallery what it is for."""

from __future__ import annotations

import dataclasses
from typing import Any

from aecore.content.wording import for_samples
from aecore.data.cards import CARDS
from aecore.data.modalities import Image
from aecore.models.families.build import FAMILIES
from aecore.store import offline
from aecore.store.run_info import RunInfo


def readme(entry: RunInfo, title: str = "") -> str:
    """Write the card of a finished run, in Markdown, from its result; `title` is the name that people gave it."""
    config, result = entry.config, entry.result
    assert config
    noun = CARDS[config.dataset].modality.noun
    shown, card, family = result.get("pretrained", {}), CARDS[config.dataset], FAMILIES[config.family]
    settings = dataclasses.asdict(config) | {"hidden_sizes": ", ".join(map(str, config.hidden_sizes)) or "none"}
    lines = [
        f"# {' '.join(title.split()) or entry.title or config.summary}",
        "",
        for_samples(family.doc.split("\n")[0], noun),
        "",
        *([f"- **Good for:** {shown['good_for']}", f"- **Not for:** {shown['not_for']}"] if shown else []),
        f"- **Data:** {card.title}. {card.source}. Licence: {card.licence}.",
        f"- **Trained** {_circumstances(result)}seed {config.seed}; {_origin(entry)}.",
        "",
        f"| on the test {noun.many}, never used for training or model selection | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in metric_rows(entry)),
        "",
        "| hyperparameter | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in settings.items() if name not in ("params", "parent", "version")),
        *(f"| {name} | {value} |" for name, value in config.params.items()),
        "",
        *_offline_note(result, card.title),
        *(f"SHA-256 of {name}: `{value}`  " for name, value in result.get("sha256", {}).items()),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _circumstances(result: Any) -> str:
    if "seconds" not in result:  # it was stopped
        return "not to its end, "
    return f"in {result['seconds']:.0f} s on {result.get('processor', result['device'])}, "


def _origin(entry: RunInfo) -> str:
    assert entry.config
    if shown := entry.result.get("pretrained"):
        return f"remade by `python -m aecore pretrain {shown['name']}`"
    return f"run `{entry.id}`" + (f", which went on from `{entry.config.parent}`" if entry.config.parent else "")


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
    """The metrics of a finished run on the test set: names and values as its card shows them; of a run that is not of
    the gallery those that its training ended with."""
    card = CARDS.get(entry.config.dataset) if entry.config else None
    noun = card.modality.noun if card else Image.noun
    return [(for_samples(name, noun), value) for name, value in _metric_rows(entry)]


def _metric_rows(entry: RunInfo) -> list[tuple[str, str]]:
    """The same in the words of images."""
    said = entry.result.get("scores", entry.result)
    lines = []
    if "code_bits" in said:
        lines.append(("latent code", f"{_dimensions_text(said['code_size'])}, {said['code_bits']:,.0f} bits"))
    lines += [(f"{name}, nats per image", f"{value:.2f}") for name, value in said.get("test", {}).items()]
    if "elbo" in said:
        lines.append(("ELBO, one sample per image, nats", f"{said['elbo']:.2f}"))
    if bounds := said.get("report", {}).get("likelihood_bounds"):
        most, gap = max(map(int, bounds["log_likelihood"])), f"{bounds['gap']:.2f} ± {2 * bounds['gap_std_error']:.2f}"
        name = f"IWAE bound minus ELBO ({most} importance samples, {bounds['n_samples']} images), nats"
        lines.append((name, gap))
    if "reconstruction_at_mean_code" in said:
        lines.append(("reconstruction from the mean code, nats", f"{said['reconstruction_at_mean_code']:.2f}"))
    if "mse" in said:
        lines.append(("MSE per pixel", f"{said['mse']:.5f}"))
    if "pca_mse" in said:
        lines.append((f"MSE of PCA with {said['code_size']} components", f"{said['pca_mse']:.5f}"))
        lines.append(("MSE of the mean image", f"{said['mean_baseline_mse']:.5f}"))
    if "active_units" in said:
        lines.append(("active units (variance above 0.01)", str(said["active_units"])))
    if "knn_accuracy" in said:
        lines.append(("kNN accuracy of the codes (k = 10)", f"{said['knn_accuracy']:.1%}"))
    for noise, psnr in said.get("denoising", {}).items():
        words = f"{psnr['corrupted_psnr']:.1f} to {psnr['denoised_psnr']:.1f} dB ({psnr['psnr_gain']:+.1f})"
        lines.append((f"PSNR under {noise} noise", words))
    return lines


def _dimensions_text(count: int) -> str:
    return f"{count} {'dimension' if count == 1 else 'dimensions'}"
