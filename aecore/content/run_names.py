"""Names of runs: the kind of model, and what differs from where its form begins: "beta-VAE 2-D, beta 100, seed 3"."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from aecore.config import VERSION, Config
from aecore.content.stored_names import STORED_NAMES
from aecore.data.cards import CARDS
from aecore.models.family_defaults import family_defaults, initial_settings
from aecore.models.presets import default_config
from aecore.params import params_of
from aecore.store.people import RunLabel
from aecore.store.run_info import RunInfo

_PARAMS = {param.name: param for param in params_of(Config)}
_STORED = {(each.where, each.new): each for each in STORED_NAMES}
_PHRASES = {  # what is said in another way than with its label
    "network": "{}",
    "hidden_sizes": "hidden {}",
    "epochs": "{} epochs",
    "train_size": "{} training images",
}
_WORDS = {
    "conv": "convolutional",
    "conv-pool": "convolutional with pooling",
    "conv-spatial": "convolutional with a spatial code",
    "tcn": "TCN",
    "gru": "GRU",
    "tabular": "tabular",
    "mlp": "MLP",
    True: "on",
    False: "off",
}


def family_name(family: str) -> str:
    """A family in a word or two: `VAE`, `beta-VAE`, `Denoising AE`; as it is stored where it is not known."""
    if family not in family_defaults():
        return family
    title = family_defaults()[family].title
    abbreviation = re.fullmatch(r".* \((\w*AE)\)", title)
    return abbreviation[1] if abbreviation else title.replace("autoencoder", "AE")


def setting_label(name: str, family: str = "") -> str:
    """What people read in place of a setting's stored name, which is one of Config or of a family."""
    if name in _PARAMS:
        return _PARAMS[name].label
    stored = _STORED.get((family, name)) or _STORED.get(("run", name))
    label = stored.label if stored else ""
    return label or name.replace("_", " ").capitalize()


def changed_settings(config: Config) -> dict[str, Any]:
    """The settings that differ from where the form of this data set and model begins, each with its value: the
    family's own first, then the seed. The data set, the model and the latent dimension are not among them."""
    start = initial_settings(config.dataset, config.family, config.network)
    first = default_config(config.dataset).network  # the form's, unless the family fixes one
    usual = initial_settings(config.dataset, config.family, first)
    own = {name: value for name, value in config.params.items() if start.params.get(name) != value}
    names = ["seed", "network", *(name for name in _PARAMS if name not in ("seed", "network", "latent_dim"))]
    before = {name: getattr(usual if name == "network" else start, name) for name in names}
    changed = {name: getattr(config, name) for name in names if getattr(config, name) != before[name]}
    return own | changed


def run_name(config: Config) -> str:
    """A run by what it is. Two runs on one data set that differ in any setting have different names."""
    return ", ".join(_parts(config))


def _parts(config: Config) -> list[str]:
    """The model and its size, and a phrase for each setting that differs from the default."""
    parts = [_phrase(name, value, config.family) for name, value in changed_settings(config).items()]
    if config.parent:
        parts.append(f"from {config.parent[-8:]}")
    if config.version != VERSION:
        parts.append(f"version {config.version}")
    return [f"{family_name(config.family)} {config.latent_dim}-D", *parts]


def _phrase(name: str, value: Any, family: str) -> str:
    text = format_setting(name, value)
    if name in _PHRASES:
        phrase = _PHRASES[name].format(text)
        return phrase.removesuffix("s") if value == 1 and name == "epochs" else phrase
    return f"{short_label(name, family)} {text}"


def short_label(name: str, family: str) -> str:
    """A label within a sentence; a setting that is called as its symbol is, by that: beta, rho, k."""
    stored = _STORED.get((family, name))
    if stored and stored.symbol.lstrip("\\") == name:
        return name
    label = setting_label(name, family)
    return label if label[1:2].isupper() or label[1:2].isdigit() else label[:1].lower() + label[1:]


def format_setting(name: str, value: Any) -> str:
    """The value of a setting as people read it; empty for None."""
    if value is None:
        return ""
    if name in _PARAMS and _PARAMS[name].info.zero and not value:
        return _PARAMS[name].info.zero
    if isinstance(value, bool) or (name == "network" and value in _WORDS):
        return _WORDS[value]
    if isinstance(value, list | tuple):
        return "-".join(map(str, value)) or "none"
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:,}" if isinstance(value, int) and name != "seed" else str(value)


def run_names(entries: Iterable[RunInfo], labels: Mapping[str, RunLabel], with_data: bool = False) -> dict[str, str]:
    """What to call each of some runs, by id: as somebody or the gallery named it, else `run_name` (of a broken one its
    id), `with_data` with the data set after the model. What would be called alike is told apart by data set, or by the
    end of the id."""
    listed = list(entries)
    given = {entry.id: _given_name(entry, labels) for entry in listed}
    names = {entry.id: given[entry.id] or _made_name(entry, with_data) for entry in listed}
    alike: dict[str, list[RunInfo]] = {}
    for entry in listed:
        alike.setdefault(names[entry.id], []).append(entry)
    for group in alike.values():
        by_data = len({_dataset(entry) for entry in group}) == len(group)
        for entry in group if len(group) > 1 else ():
            names[entry.id] += f" · {_dataset(entry) if by_data else entry.id[-8:]}"
    return names


def brief_names(entries: Iterable[RunInfo], labels: Mapping[str, RunLabel]) -> dict[str, str]:
    """What to call some runs beside each other, by id: as `run_names`, without what they all have in common."""
    listed = list(entries)
    names = run_names(listed, labels)
    made = {entry.id: _parts(entry.config) for entry in listed if entry.config and not _given_name(entry, labels)}
    shared = set.intersection(*map(set, made.values())) if len(made) == len(listed) > 1 else set()
    for run, parts in made.items():
        kept = ", ".join([parts[0], *(part for part in parts[1:] if part not in shared)])
        names[run] = names[run].replace(", ".join(parts), kept)
    return names


def _given_name(entry: RunInfo, labels: Mapping[str, RunLabel]) -> str:
    label = labels.get(entry.id)
    return (label.name if label else "") or entry.title


def _made_name(entry: RunInfo, with_data: bool) -> str:
    if entry.config is None:
        return entry.id
    model, *rest = _parts(entry.config)
    return ", ".join([model, *[dataset_name(entry.config.dataset)] * with_data, *rest])


def _dataset(entry: RunInfo) -> str:
    return dataset_name(entry.config.dataset) if entry.config else entry.id[-8:]


def dataset_name(name: str) -> str:
    """What a data set is called in names of runs: those that people added, by their titles."""
    card = CARDS.get(name)
    return card.title if card and card.origin else name
