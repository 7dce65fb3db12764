"""What a model of the gallery brings along in place of its data set: nothing of the data, only what the model made of
some test pictures. With it every page works on a computer on which nothing has been downloaded."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save

from aecore import files
from aecore.analysis import metrics
from aecore.data.cards import CARDS
from aecore.data.datasets import Data, Split
from aecore.errors import UserError
from aecore.store import runs, schema

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained

NAME = "products.safetensors"
KEPT = 2000  # test pictures whose codes are kept: the first ones
BYTES = 100_000_000  # of the file: 2,000 codes of 4,096 numbers have 16 MB
VOTERS = 4  # training pictures whose classes a test picture's is guessed from


@dataclass(frozen=True, eq=False)
class Products:
    """What a model made of the first test pictures of its data set."""

    codes: np.ndarray  # float32 [N, D]
    votes: np.ndarray  # int64 [N], the classes that the nearest training pictures vote for: guesses, no labels
    errors: np.ndarray  # float32 [N], squared error per pixel
    nats: np.ndarray | None  # float32 [D], what each number of a code tells of its picture; None for points
    agreement: float  # share of the votes that are right


def of(opened: Trained, data: Data) -> Products:
    """Computes them; takes a few seconds, mostly for the votes."""
    first = slice(KEPT)
    x, labels = data.test.floats(first), data.test.labels[first]
    clouds, votes = opened.clouds(x, labels), _votes(data.train, x)
    return Products(
        opened.codes(x, labels),
        votes,
        metrics.mse(x, opened.reconstruct(x, labels)).astype(np.float32),
        None if clouds is None else clouds[1].mean(axis=0),
        float((votes == labels).mean()),
    )


def _votes(train: Split, x: np.ndarray) -> np.ndarray:
    from sklearn.neighbors import KNeighborsClassifier

    known = KNeighborsClassifier(VOTERS, weights="distance", algorithm="brute")
    known.fit(train.floats().reshape(len(train), -1), train.labels)
    votes: np.ndarray = known.predict(x.reshape(len(x), -1))
    return votes


def keep(place: Path, products: Products) -> None:
    """Writes them into a run's folder, codes and errors in half precision."""
    said = {"agreement": products.agreement}
    arrays: dict[str, np.ndarray] = {
        "codes": products.codes.astype(np.float16),
        "votes": products.votes.astype(np.uint8),
        "errors": products.errors.astype(np.float16),
    }
    if products.nats is not None:
        arrays["nats"] = products.nats.astype(np.float32)
    files.write(place / NAME, save(arrays, {"said": json.dumps(said)}))


def kept(run: str) -> Products | None:
    """What a run brings along; None when it brings nothing. UserError when the file is damaged, or of another run."""
    entry, file = runs.entry(run), runs.path(run) / NAME
    if not os.path.lexists(file):
        return None
    runs.check_unchanged(run, NAME, BYTES)
    try:
        arrays, head = files.read_tensors(file, BYTES)
        said = schema.fit(files.parsed(head["said"].encode()), schema.PRODUCTS, NAME)
        found = Products(
            arrays["codes"].astype(np.float32),
            arrays["votes"].astype(np.int64),
            arrays["errors"].astype(np.float32),
            arrays.get("nats"),
            float(said["agreement"]),
        )
    except (FileNotFoundError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{NAME} of {run} is damaged ({schema.plain(str(error))}); fetch or remake it.") from None
    if wrong := _wrong(found, entry):
        raise UserError(f"{NAME} of {run} is spoilt ({wrong}); fetch or remake it.")
    return found


def _wrong(found: Products, entry: runs.Entry) -> str:
    """What does not fit the run that brings it, in words; empty when all does."""
    scores = entry.result.get("scores")  # of pictures that are not here: the same ones
    if entry.config is None or not scores:
        return "result.json has no scores beside it"
    card, size, nats = CARDS[entry.config.dataset], scores["code_size"], found.nats
    count = min(KEPT, card.test)
    if found.codes.shape != (count, size) or found.votes.shape != (count,) or found.errors.shape != (count,):
        return f"it is not of {count} codes of {size} numbers"
    if nats is not None and (nats.shape != (size,) or nats.dtype != np.float32):
        return f"its nats are not those of {size} numbers"
    if not 0 <= found.votes.min() <= found.votes.max() < len(card.classes):
        return "it votes for classes that there are not"
    known = [found.codes, found.errors] + ([] if nats is None else [nats])
    return "" if all(np.isfinite(each).all() for each in known) else "it has numbers that are not finite"


def stand_in(opened: Trained, products: Products) -> Split:
    """In place of the test pictures: what the model draws from their codes, under the classes that were guessed."""
    drawn = opened.pictures(products.codes, products.votes)
    return Split((drawn * 255).round().astype(np.uint8), products.votes, drawn=True)
