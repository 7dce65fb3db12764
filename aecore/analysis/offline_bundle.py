"""What a pretrained model brings along in place of its data set (`aecore.store.offline`): made, and used."""

from __future__ import annotations

import numpy as np

from aecore.analysis import metrics
from aecore.analysis.latents import posterior
from aecore.analysis.loaded import LoadedModel
from aecore.data import datasets
from aecore.data.datasets import Dataset, Split
from aecore.store import offline
from aecore.store.offline import N_SAMPLES, OfflineBundle

N_NEIGHBOURS = 4  # training images whose classes a test image's is guessed from


def compute_bundle(run: LoadedModel, data: Dataset) -> OfflineBundle:
    """What a model makes of the first test images; takes a few seconds, mostly for the pseudo labels."""
    first = slice(N_SAMPLES)
    x, labels = data.test.to_float(first), data.test.y[first]
    guesses = _pseudo_labels(data.train, x)
    return OfflineBundle(
        run.encode(x, labels),
        guesses,
        metrics.mse(x, run.reconstruct(x, labels)).astype(np.float32),
        posterior.encode(run, x, labels).kl.mean(axis=0) if posterior.has_posterior(run) else None,
        float((guesses == labels).mean()),
    )


def _pseudo_labels(train: Split, x: np.ndarray) -> np.ndarray:
    from sklearn.neighbors import KNeighborsClassifier

    known = KNeighborsClassifier(N_NEIGHBOURS, weights="distance", algorithm="brute")
    known.fit(train.to_float().reshape(len(train), -1), train.y)
    votes: np.ndarray = known.predict(x.reshape(len(x), -1))
    return votes


def available_codes(run: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    """The codes `[N, D]` of the test images of a run's data set and their classes `[N]`; where that is not here, those
    that the run brings along. Raises DatasetNotAvailable where there are neither."""
    if datasets.is_available(run.config.dataset):
        test = datasets.load(run.config.dataset).test
        return run.encode_split(test), test.y
    bundle = offline.load_bundle(run.id)
    if bundle is None:
        raise datasets.not_available(run.config.dataset)
    return bundle.codes, bundle.pseudo_labels


def surrogate_split(run: LoadedModel, bundle: OfflineBundle) -> Split:
    """In place of the test images: what the model draws from their codes, under the classes that were guessed."""
    drawn = run.decode(bundle.codes, bundle.pseudo_labels)
    kind = run.card.modality
    x = (drawn * 255).round().astype(np.uint8) if kind.bounded else drawn
    return Split(x, bundle.pseudo_labels, 255 if kind.bounded else 1, synthetic=True, kind=kind)
