"""Likelihoods: what the decoder's raw numbers mean, and how surprised they are by a sample."""

from aecore.models.likelihoods.observed_only import ObservedOnly as ObservedOnly
from aecore.models.likelihoods.per_column import PerColumn as PerColumn
from aecore.models.likelihoods.pixel_ranges import PIXEL_RANGES as PIXEL_RANGES
from aecore.models.likelihoods.pixel_ranges import SYMMETRIC_LIKELIHOODS as SYMMETRIC_LIKELIHOODS
from aecore.models.likelihoods.pixel_ranges import ScaledTo255 as ScaledTo255
from aecore.models.likelihoods.pixel_ranges import Symmetric as Symmetric
from aecore.models.likelihoods.pointwise import Bernoulli as Bernoulli
from aecore.models.likelihoods.pointwise import Gaussian as Gaussian
from aecore.models.likelihoods.pointwise import Laplace as Laplace
from aecore.models.likelihoods.pointwise import Likelihood as Likelihood
from aecore.models.likelihoods.pointwise import Pointwise as Pointwise
from aecore.models.likelihoods.registry import LIKELIHOODS as LIKELIHOODS
from aecore.models.likelihoods.registry import build_likelihood as build_likelihood
from aecore.models.likelihoods.ssim import Ssim as Ssim
