"""What a model of the gallery brings along in place of its data set: nothing of the data, only what the model made of
some test pictures. With it every page works on a computer on which nothing has been downloaded."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from aecore import files, metrics, runs
from aecore.data import Data, Split
from aecore.errors import UserError

if TYPE_CHECKING:
    from aecore.trained import Trained

NAME = "products.safetensors"
KEPT = 2000  # test pictures whose codes are kept: the first ones
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
    """What a run brings along; None when it brings nothing. UserError when the file is damaged."""
    file = runs.path(run) / NAME
    if not file.exists():
        return None
    runs.check_unchanged(run, NAME)
    try:
        with safe_open(file, framework="numpy") as stream:
            names = stream.keys()  # it is no dictionary
            said, arrays = json.loads(stream.metadata()["said"]), {n: stream.get_tensor(n) for n in names}
            return Products(
                arrays["codes"].astype(np.float32),
                arrays["votes"].astype(np.int64),
                arrays["errors"].astype(np.float32),
                arrays.get("nats"),
                said["agreement"],
            )
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{NAME} of {run} is damaged ({error}); fetch or remake it.") from None


def stand_in(opened: Trained, products: Products) -> Split:
    """In place of the test pictures: what the model draws from their codes, under the classes that were guessed."""
    drawn = opened.pictures(products.codes, products.votes)
    return Split((drawn * 255).round().astype(np.uint8), products.votes, drawn=True)
