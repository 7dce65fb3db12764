"""Rivals: PCA and the mean image as if they were models, so that they are drawn, sampled and measured as runs are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aecore.analysis import baselines
from aecore.analysis.baselines import PCA
from aecore.data.datasets import Split
from aecore.data.modalities import Modality

SEED = 0


@dataclass(frozen=True, eq=False)
class Rival:
    """PCA with some components, or with none: then it answers every image with the mean."""

    pca: PCA
    modality: Modality  # what the samples are

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"PCA, {self.code_size}-D" if self.code_size else "Mean image"

    @property
    def code_size(self) -> int:
        return len(self.pca.components)

    @classmethod
    def fit(cls, train: Split, code_size: int) -> Rival:
        """Fitted to all images that a run learnt from."""
        return cls(PCA.fit(train, code_size), train.modality)

    def truncate(self, code_size: int) -> Rival:
        """The one of its first components alone; with 0 of them the mean image."""
        return Rival(self.pca.truncate(code_size), self.modality)

    def encode(self, x: np.ndarray) -> np.ndarray:
        """The codes `[N, d]` of images `[N, C, H, W]`: how far each lies along each component."""
        codes: np.ndarray = (x.reshape(len(x), -1) - self.pca.mean) @ self.pca.components.T
        return codes

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The images `[N, C, H, W]` of codes, clipped to [0, 1] as a model's are."""
        made = codes @ self.pca.components + self.pca.mean
        return np.asarray(self.modality.clip(made.reshape(-1, *self.modality.shape)), np.float32)

    def reconstruct(self, x: np.ndarray) -> np.ndarray:
        """What images `[N, C, H, W]` are given back as, clipped to [0, 1]."""
        return self.decode(self.encode(x))

    def generate(self, train: Split, n: int, seed: int = SEED) -> dict[str, np.ndarray]:
        """New images `[n, C, H, W]` as `sampling.generate` draws them of a run. PCA brings no prior: the Gaussian
        fitted to its codes is what its probabilistic form draws from (Tipping & Bishop 1999), and stands for it."""
        from aecore.analysis import sampling

        if not self.code_size:
            return dict.fromkeys(("prior", "gaussian_fit", "gmm_fit"), self.decode(np.zeros((n, 0), np.float32)))
        codes = self.encode(train.to_float(slice(sampling.N_FIT_CODES)))
        gaussian = self.decode(sampling.sample_gaussian_fit(codes, n, seed))
        mixture = self.decode(sampling.sample_gmm_fit(codes, n, seed))
        return {"prior": gaussian, "gaussian_fit": gaussian, "gmm_fit": mixture}

    def report(self, train: Split, test: Split) -> dict[str, dict[str, float]]:
        """How near its samples come to test images, as `sampling.report` measures a run's."""
        from aecore.analysis import sampling

        n = min(sampling.N_SAMPLES, len(test))
        real = test.to_float(slice(n))
        made = self.generate(train, n)
        scores = {id(each): sampling.sample_quality(real, each) for each in made.values()}  # some are the same
        return {name: scores[id(each)] for name, each in made.items()}

    def mse(self, test: Split) -> float:
        """Its mean squared error per pixel on a split, as `LoadedModel.squared_errors` takes a run's."""
        return float(baselines.squared_errors(test, lambda x, _: self.reconstruct(x)).mean())
