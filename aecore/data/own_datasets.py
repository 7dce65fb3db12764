"""Data sets that people added: a folder for each under `AECORE_DATA/own`, named by what it holds.

    own/own-<words>-<hash>/card.json                     what it is, and the modality of its samples
                           train.x.npy  train.y.npy      memory-mapped, and the same of validation and test

A folder is written whole under another name and renamed, so one that has a card is complete. Nothing here is a pickle.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from aecore import files
from aecore.data.card import DatasetCard, Origin
from aecore.data.modalities import modality_from_json
from aecore.data.torchvision_files import data_dir
from aecore.errors import UserError

FOLDER, CARD_FILE = "own", "card.json"
PREFIX = "own-"
NAME = re.compile(r"own-[a-z0-9-]{1,32}-[0-9a-f]{8}", re.ASCII)
SPLITS = ("train", "validation", "test")


def own_dir() -> Path:
    """The folder of all data sets that people added."""
    return data_dir() / FOLDER


def folder_of(name: str) -> Path:
    """The folder of one of them; KeyError for what is no name of one."""
    if not NAME.fullmatch(name):
        raise KeyError(name)
    return own_dir() / name


def names() -> list[str]:
    """Names of those that are complete and can be read, the newest first."""
    try:
        found = [each for each in own_dir().iterdir() if NAME.fullmatch(each.name)]
    except OSError:
        return []
    stamps = {each.name: stamp for each in found if (stamp := files.file_stamp(str(each / CARD_FILE)))}
    return [name for name in sorted(stamps, key=lambda name: stamps[name], reverse=True) if _is_readable(name)]


def _is_readable(name: str) -> bool:
    """Whether there is a card that is one: what is spoilt, or deleted at this moment, must stop no list of others."""
    try:
        read_card(name)
    except KeyError:
        return False
    return True


def read_card(name: str) -> DatasetCard:
    """The card of one of them. KeyError when there is none, or when it is spoilt."""
    file = folder_of(name) / CARD_FILE
    stamp = files.file_stamp(str(file))
    if stamp is None:
        raise KeyError(name)
    return _read_card(file, stamp)


@lru_cache(maxsize=256)
def _read_card(file: Path, stamp: Any) -> DatasetCard:
    try:
        return card_from_json(files.read_json(file))
    except (UserError, OSError, KeyError, TypeError, ValueError) as error:
        raise KeyError(f"{file} is spoilt ({error})") from None


def card_to_json(card: DatasetCard) -> dict[str, Any]:
    """What `card_from_json` reads back."""
    said = {field.name: getattr(card, field.name) for field in dataclasses.fields(card)}
    origin = card.origin and dataclasses.asdict(card.origin)
    return said | {"modality": card.modality.to_json(), "origin": origin}


def card_from_json(fields: Any) -> DatasetCard:
    """Back from `card_to_json`; KeyError, TypeError or ValueError when it is none."""
    if not isinstance(fields, Mapping):
        raise TypeError("no JSON object")
    origin = fields["origin"]
    made = Origin(**{**origin, "notes": tuple(origin["notes"])}) if origin else None
    changed = {"modality": modality_from_json(fields["modality"]), "classes": tuple(fields["classes"]), "origin": made}
    return DatasetCard(**{**fields, **changed})


def read_arrays(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """x `[N, *shape]` and y int64 `[N]` of a split, memory-mapped. UserError when they are gone or spoilt."""
    folder = folder_of(name)
    try:
        x, y = (np.load(folder / f"{split}.{part}.npy", mmap_mode="r", allow_pickle=False) for part in ("x", "y"))
    except (OSError, ValueError, EOFError) as error:
        raise UserError(
            f"The files of the data set {name} cannot be read ({error}): delete it and add it again."
        ) from None
    return x, y
