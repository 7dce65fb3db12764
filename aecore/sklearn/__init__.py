"""Autoencoders as estimators of scikit-learn: an outlier detector and a transformer, for pipelines and searches.

Examples
--------
>>> from sklearn.datasets import load_iris
>>> from aecore.sklearn import AutoencoderTransformer
>>> x = load_iris().data
>>> AutoencoderTransformer(latent_dim=2, random_state=0).fit_transform(x).shape
(150, 2)
"""

from aecore.sklearn.detector import AutoencoderDetector as AutoencoderDetector
from aecore.sklearn.transformer import AutoencoderTransformer as AutoencoderTransformer

__all__ = ["AutoencoderDetector", "AutoencoderTransformer"]
