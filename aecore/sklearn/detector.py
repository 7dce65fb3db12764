"""AutoencoderDetector: outliers are the rows that an autoencoder reconstructs badly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from sklearn.base import OutlierMixin

from aecore.sklearn.estimator import AutoencoderEstimator, InvalidParameter


class AutoencoderDetector(OutlierMixin, AutoencoderEstimator):
    """Finds outliers by their reconstruction error, as scikit-learn's detectors do by other measures.

    What is like many training rows is reconstructed well; what is like none is not (Hawkins, He, Williams & Baxter
    2002). The code has to be smaller than a row, or everything is reconstructed well.

    Parameters
    ----------
    latent_dim
        Dimensions of the code, D.
    contamination
        The share of training rows that are outliers, above 0 and up to 0.5: `offset_` is that quantile of their scores.
        "auto": errors above Tukey's fence, see Notes.
    family
        Name of a family of autoencoders, as in `aecore.FAMILIES`.
    hidden_sizes
        Units of the encoder's hidden layers; the decoder mirrors them.
    epochs
        Passes over the training rows, at most.
    batch_size
        Rows in each step.
    lr
        Peak of the learning rate, which rises and falls once (Smith & Topin 2017).
    weight_decay
        Pulls all weights towards zero at every step (AdamW).
    validation_fraction
        Share of the rows that is held out for early stopping; not used when `patience` is 0.
    patience
        Epochs without a better loss on held-out rows after which training stops, with the best weights. 0: never, and
        no row is held out; nor is one where the share is less than one row.
    standardise
        Whether columns are standardised by the mean and standard deviation of the rows that are learnt from. Without,
        they should come about zero and with a standard deviation of about one.
    params
        The family's own settings by name, such as `{"corruption_level": 0.2}`.
    device
        Where it is trained: "cpu", "cuda", "mps", or "auto" for the fastest there is. It is used on the CPU.
    random_state
        Seed of the first weights, the order of rows, and all else that is drawn.

    Attributes
    ----------
    offset_
        Score below which a row is an outlier.
    model_
        The trained model: settings, and weights as NumPy arrays.
    scaler_
        The `StandardScaler` of the columns.
    loss_curve_
        Training loss of each epoch, in nats per row.
    n_iter_
        Epochs trained.
    n_features_in_, feature_names_in_
        Of the rows it was fitted to; names where they had some.

    Notes
    -----
    "auto" takes the cube roots of the training errors, and as the threshold their third quartile plus 1.5 times the
    distance of the quartiles (Tukey 1977). Errors that are sums of squares of many small deviations are about
    chi-squared, and cube roots of chi-squared numbers are about normal (Wilson & Hilferty 1931), of which 0.35 % are
    beyond that fence. Errors of new rows are larger than those of rows that were learnt from, so more of them are.

    Examples
    --------
    >>> import numpy as np
    >>> from aecore.sklearn import AutoencoderDetector
    >>> angle = np.random.default_rng(0).uniform(0, 6.28, 500)
    >>> circle = np.stack([np.cos(angle), np.sin(angle), np.cos(2 * angle)], axis=1)
    >>> detector = AutoencoderDetector(latent_dim=2, contamination=0.02, random_state=0).fit(circle)
    >>> detector.predict([[1.0, 0.0, 1.0], [0.0, 0.0, -3.0]]).tolist()
    [1, -1]
    """

    def __init__(
        self,
        latent_dim: int = 2,
        *,
        contamination: float | Literal["auto"] = "auto",
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
        super().__init__(
            latent_dim,
            family=family,
            hidden_sizes=hidden_sizes,
            epochs=epochs,
            batch_size=batch_size,
            lr=lr,
            weight_decay=weight_decay,
            validation_fraction=validation_fraction,
            patience=patience,
            standardise=standardise,
            params=params,
            device=device,
            random_state=random_state,
        )
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None) -> AutoencoderDetector:
        """Train on rows `X` `[N, F]` and set the threshold; `y` is ignored.

        Raises ValueError for fewer than two rows, missing values and settings that make no sense, and
        `aecore.UserError` when there is no such device or the loss is no longer a number.
        """
        share: Any = self.contamination
        if share != "auto" and not (isinstance(share, float | np.floating) and 0 < share <= 0.5):
            raise InvalidParameter(f"contamination takes 'auto' or a number above 0 and up to 0.5, not {share!r}.")
        x = self._fit(X)
        errors = self.model_.squared_errors(x)
        self.offset_ = -upper_fence(errors) if share == "auto" else float(np.percentile(-errors, 100 * share))
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Minus the mean squared error of each row's reconstruction, float64 `[N]`: higher is more normal.

        In units of the standardised columns, where `standardise` is on.
        """
        x = self._scale(self._validate(X))
        return -self.model_.squared_errors(x)

    def decision_function(self, X: Any) -> np.ndarray:
        """`score_samples` less `offset_`, float64 `[N]`: below 0 for outliers."""
        scores = self.score_samples(X)
        return scores - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """-1 for rows that are outliers and 1 for all others, int `[N]`."""
        return np.where(self.decision_function(X) >= 0, 1, -1)


def upper_fence(errors: np.ndarray) -> float:
    """Tukey's (1977) upper fence of errors `[N]`, taken of their cube roots: those are about normal (Wilson & Hilferty
    1931)."""
    first, third = np.percentile(np.cbrt(errors), [25, 75])
    return float((third + 1.5 * (third - first)) ** 3)
