"""Keeping what was understood: a folder written whole, within the room that there is."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import re
import time
import unicodedata
import uuid
from pathlib import Path

import numpy as np

from aecore import disk, files
from aecore.data import own_datasets
from aecore.data.adding import trash
from aecore.data.adding.room import room_left
from aecore.data.adding.understood import UNLABELLED, AddOptions, Understood
from aecore.data.adding.wording import MAX_TITLE, counted, one_line
from aecore.data.card import DatasetCard, Origin
from aecore.errors import UserError
from aecore.limits import format_bytes

CHUNK = 2**24  # bytes that are copied at a time
SECONDS = 60  # that a training should take on two cores, at what these were measured to do:
SECONDS_PER_STEP, FLOPS = 0.003, 2e10
MIN_EPOCHS, MAX_EPOCHS = 3, 150


def keep(understood: Understood, options: AddOptions) -> DatasetCard:
    """Write a data set, and return its card; the card that is there, where the same was added before.

    Parameters
    ----------
    understood
        What `understand` returned, not closed yet.
    options
        Its name, licence and who added it are kept as they are typed.

    Raises
    ------
    UserError
        When there is no room for it (AECORE_OWN_MB, AECORE_OWN_MB_PERSON, or the disk is full).
    """
    if len(understood.x) < sum(understood.split_sizes):
        raise UserError("What was read of the file is gone: choose the file once more.")
    card = _card(understood, options)
    own = own_datasets.own_dir()
    half = own / f"{trash.TEMPORARY}{os.getpid()}-{uuid.uuid4().hex}"
    try:
        with trash.lock():
            trash.purge()
        _check_room(understood.bytes, options.added_by)
        half.mkdir()
        digest = _write_arrays(understood, half)
        return _publish(card, half, digest)
    except OSError as error:
        raise UserError(
            f"{card.title} cannot be kept, for {_said(error)}: ask who runs this server, or delete what is not needed."
        ) from None
    finally:
        with contextlib.suppress(OSError):  # where it could not even be made; else it goes after a day
            disk.remove(half)


def _said(error: OSError) -> str:
    return "the disk is full" if error.errno in disk.DISK_FULL_ERRNOS else f"the disk refuses it ({error.strerror})"


def _publish(card: DatasetCard, half: Path, digest: str) -> DatasetCard:
    """Give a folder its card and its name, unless one of the same content is there. UserError when there is no room."""
    with trash.lock():
        for name in own_datasets.names():
            if name.endswith(f"-{digest}"):
                return own_datasets.read_card(name)
        card, text = _named(card, f"{own_datasets.PREFIX}{_slug(card.title)}-{digest}", half)
        size = card.origin.bytes if card.origin else 0
        _check_room(size, card.origin.added_by if card.origin else "")
        files.atomic_write(half / own_datasets.CARD_FILE, text, durable=True)
        disk.remove(own_datasets.folder_of(card.name))  # without a card, so it is a broken one
        os.replace(half, own_datasets.folder_of(card.name))
    return own_datasets.read_card(card.name)


def _named(card: DatasetCard, name: str, half: Path) -> tuple[DatasetCard, str]:
    """The card with its name and the bytes that all files take, and its text."""
    said = own_datasets.card_to_json(card) | {"name": name}
    arrays = sum(each.stat().st_size for each in half.iterdir())
    said["origin"]["bytes"] = arrays + len(json.dumps(said).encode())
    text = json.dumps(said)
    if len(text) > files.MAX_JSON_BYTES:
        raise UserError("The names of the columns and categories take too much room: shorten them, or leave some out.")
    return own_datasets.card_from_json(json.loads(text)), text


def _check_room(n_bytes: int, added_by: str) -> None:
    """UserError when a data set would take more than is left; what was deleted gives way first."""
    room = room_left(added_by)
    if n_bytes > room.person_limit - room.person_used:
        raise UserError(
            f"This data set takes {format_bytes(n_bytes)}, and of your {format_bytes(room.person_limit)} "
            f"{format_bytes(max(0, room.person_limit - room.person_used))} are left (AECORE_OWN_MB_PERSON): delete one "
            "of yours, or add less."
        )
    if n_bytes > room.limit - room.used:
        raise UserError(
            f"This data set takes {format_bytes(n_bytes)}, and of the {format_bytes(room.limit)} of this server "
            f"{format_bytes(max(0, room.limit - room.used))} are left (AECORE_OWN_MB): delete one, or add less."
        )
    if n_bytes > room.limit - room.used - sum(trash.sizes()):
        trash.purge(everything=True)


def _write_arrays(understood: Understood, folder: Path) -> str:
    """Write x and y of each split, a piece at a time; the first 8 digits of the SHA-256 of all that makes the set.

    Not through a memory map: on a full disk, writing to one ends the process, where a file raises an error.
    """
    said = [understood.modality.to_json(), _classes(understood)]
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for split, rows in zip(own_datasets.SPLITS, understood.rows, strict=True):
        for part, array in (("x", understood.x), ("y", understood.y)):
            step = max(1, CHUNK // max(1, array[:1].nbytes))
            with open(folder / f"{split}.{part}.npy", "wb") as stream:
                about = {
                    "descr": np.lib.format.dtype_to_descr(array.dtype),
                    "fortran_order": False,
                    "shape": (len(rows), *array.shape[1:]),
                }
                np.lib.format.write_array_header_1_0(stream, about)
                digest.update(repr(about).encode())
                for at in range(0, len(rows), step):
                    piece = np.ascontiguousarray(array[rows[at : at + step]]).tobytes()
                    digest.update(piece)
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
    return digest.hexdigest()[:8]


def _slug(title: str) -> str:
    """A title as a part of a name: small letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:32].strip("-") or "data"


def _classes(understood: Understood) -> tuple[str, ...]:
    return understood.classes or UNLABELLED


def _card(understood: Understood, options: AddOptions) -> DatasetCard:
    """The card without its name, with settings that suit the data."""
    modality, (train, validation, test) = understood.modality, understood.split_sizes
    title = one_line(options.name, MAX_TITLE) or understood.title
    what = f"{counted(understood.n_samples, modality.noun.one, modality.noun.many)}, {modality.size}"
    classes = f", in {counted(len(understood.classes), 'class', 'classes')}" if understood.classes else ""
    is_image = understood.kind == "image"
    batch_size = 32 if train < 1000 else 64 if train < 5000 else 128 if train < 20_000 else 256
    return DatasetCard(
        name="",
        title=title,
        description=f"{what}{classes}. Added here.",  # by whom says its origin
        short_description=f"the {modality.noun.many} of {title}, which were added here",
        modality=modality,
        classes=_classes(understood),
        n_train=train,
        n_validation=validation,
        n_test=test,
        licence=one_line(options.licence, 200) or "None stated",
        source="Added here",
        max_value=255 if is_image else 1,
        likelihood=modality.likelihoods[0],
        network=modality.networks[0],
        epochs=_epochs(train, math.prod(modality.shape), batch_size),
        batch_size=batch_size,
        lr=0.003,
        precision="auto" if is_image else "float32",
        labelled=len(understood.classes) > 1,
        origin=Origin(options.added_by, time.time(), understood.bytes, understood.notes),
    )


def _epochs(n_train: int, n_values: int, batch_size: int) -> int:
    """Passes over the training samples that a fully connected autoencoder makes in about a minute."""
    widths = (512, 256) if n_values >= 512 else (128, 64)  # as in aecore.models.presets
    parameters = 2 * (n_values * widths[0] + widths[0] * widths[1])
    seconds = math.ceil(n_train / batch_size) * SECONDS_PER_STEP + 6 * parameters * n_train / FLOPS
    return max(MIN_EPOCHS, min(MAX_EPOCHS, round(SECONDS / seconds)))
