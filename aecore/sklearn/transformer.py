"""AutoencoderTransformer: rows become codes, and codes rows."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from aecore.sklearn.estimator import DTYPES, AutoencoderEstimator, InvalidParameter


class AutoencoderTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, AutoencoderEstimator):
    """Compresses rows to codes of few dimensions, as PCA does, and not only along straight lines.

    Parameters
    ----------
    latent_dim
        Dimensions of the code, D. A VQ-VAE has so many codebook vectors in a code, which is as many times longer.
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

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from aecore.sklearn import AutoencoderTransformer
    >>> x = load_digits().data
    >>> transformer = AutoencoderTransformer(latent_dim=3, epochs=5, random_state=0).fit(x)
    >>> transformer.transform(x).shape, transformer.inverse_transform(transformer.transform(x)).shape
    ((1797, 3), (1797, 64))
    >>> transformer.get_feature_names_out().tolist()
    ['autoencodertransformer0', 'autoencodertransformer1', 'autoencodertransformer2']
    """

    def fit(self, X: Any, y: Any = None) -> AutoencoderTransformer:
        """Train on rows `X` `[N, F]`; `y` is ignored.

        Raises ValueError for fewer than two rows, missing values and settings that make no sense, and
        `aecore.UserError` when there is no such device or the loss is no longer a number.
        """
        self._fit(X)
        self._n_features_out = self.model_.code_size
        return self

    def transform(self, X: Any) -> np.ndarray:
        """The codes of rows, `[N, D]` in their dtype: never random (a VAE's means)."""
        X = self._validate(X)
        return self.model_.encode(self._scale(X)).astype(X.dtype)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """The rows that codes `[N, D]` decode to, `[N, F]` in their dtype and in the units of the training rows."""
        check_is_fitted(self)
        codes = check_array(X, dtype=DTYPES)
        if codes.shape[1] != self._n_features_out:
            raise InvalidParameter(f"A code has {self._n_features_out} features here, not {codes.shape[1]}.")
        rows: np.ndarray = self.scaler_.inverse_transform(self.model_.decode(codes)).astype(codes.dtype)
        return rows

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
