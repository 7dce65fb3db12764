"""What both estimators have in common: their settings, and how they are fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from aecore.config import Config
from aecore.data.datasets import Dataset
from aecore.errors import UserError
from aecore.models.families.build import resolve_config
from aecore.sklearn.fitted_model import NAME, FittedModel, as_dataset

DTYPES = (np.float64, np.float32)  # that rows may have; others become the first


class InvalidParameter(UserError, ValueError):
    """A setting that makes no sense: scikit-learn raises ValueError for these."""


class AutoencoderEstimator(BaseEstimator):
    """An autoencoder of rows `[N, F]`, trained by `aecore.fit` with squared error.

    The settings are told where they are offered: `AutoencoderDetector`, `AutoencoderTransformer`.
    """

    def __init__(
        self,
        latent_dim: int = 2,
        *,
        family: str = "vanilla",
        hidden_sizes: Sequence[int] = (64, 32),
        epochs: int = 50,
        batch_size: int = 64,
        lr: float = 0.004,
        weight_decay: float = 0.0,
        validation_fraction: float = 0.1,
        patience: int = 0,
        standardise: bool = True,
        params: Mapping[str, Any] | None = None,
        device: str = "cpu",
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.latent_dim = latent_dim
        self.family = family
        self.hidden_sizes = hidden_sizes
        self.epochs = epochs
        self.batch_size = batch_size
        self.lr = lr
        self.weight_decay = weight_decay
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.standardise = standardise
        self.params = params
        self.device = device
        self.random_state = random_state

    def _fit(self, X: Any) -> np.ndarray:
        """Trains, and returns the rows as the network gets them, float64 `[N, F]`."""
        X = validate_data(self, X, dtype=DTYPES, ensure_min_samples=2)
        random = check_random_state(self.random_state)
        seed, order = int(random.randint(2**31 - 1)), random.permutation(len(X))
        held_out, learnt = np.split(order, [self._n_validation(len(X))])
        self.scaler_ = StandardScaler(with_mean=self.standardise, with_std=self.standardise)
        self.scaler_.fit(X[learnt].astype(np.float64))
        x = self._scale(X)
        names = getattr(self, "feature_names_in_", [f"x{number}" for number in range(x.shape[1])])
        data = as_dataset(x[learnt], x[held_out], names)
        self.model_ = FittedModel.train(self._config(seed, data), data, self.device)
        self.loss_curve_, self.n_iter_ = self.model_.loss_curve, len(self.model_.loss_curve)
        return x

    def _n_validation(self, n_samples: int) -> int:
        """How many rows are held out: none where nothing stops early, or where the share is less than one row."""
        if not self.patience:
            return 0
        if not 0 < self.validation_fraction < 1:
            raise InvalidParameter(
                f"validation_fraction takes a number between 0 and 1, not {self.validation_fraction}; to hold no row "
                "out, set patience to 0."
            )
        return int(self.validation_fraction * n_samples)

    def _config(self, seed: int, data: Dataset) -> Config:
        """The settings as the core has them, checked."""
        config = Config(
            dataset=NAME,
            family=self.family,
            hidden_sizes=self.hidden_sizes,  # type: ignore[arg-type]  # checked below, as all are
            latent_dim=self.latent_dim,
            likelihood="gaussian",
            epochs=self.epochs,
            batch_size=self.batch_size,
            lr=self.lr,
            weight_decay=self.weight_decay,
            patience=self.patience if len(data.validation) else 0,
            seed=seed,
            params=self.params or {},
        )
        try:
            return resolve_config(config, card=data.card)
        except UserError as error:
            raise InvalidParameter(str(error)) from None

    def _validate(self, X: Any) -> np.ndarray:
        """Rows `[N, F]` to be looked at by a fitted model, checked."""
        check_is_fitted(self)
        checked: np.ndarray = validate_data(self, X, dtype=DTYPES, reset=False)
        return checked

    def _scale(self, X: np.ndarray) -> np.ndarray:
        """Rows as the network gets them, float64 `[N, F]`."""
        scaled: np.ndarray = self.scaler_.transform(X.astype(np.float64))
        return scaled
