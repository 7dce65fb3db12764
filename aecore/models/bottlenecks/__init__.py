"""Bottlenecks: what happens between encoder and decoder, and the latents that come of it."""

from aecore.models.bottlenecks.bottleneck import Bottleneck as Bottleneck
from aecore.models.bottlenecks.bottleneck import Traversal as Traversal
from aecore.models.bottlenecks.clusters import ClusterBottleneck as ClusterBottleneck
from aecore.models.bottlenecks.deterministic import DeterministicBottleneck as DeterministicBottleneck
from aecore.models.bottlenecks.gaussian import GaussianBottleneck as GaussianBottleneck
from aecore.models.bottlenecks.gaussian import LadderBottleneck as LadderBottleneck
from aecore.models.bottlenecks.gaussian import reparameterize as reparameterize
from aecore.models.bottlenecks.quantizer import GradientVectorQuantizer as GradientVectorQuantizer
from aecore.models.bottlenecks.quantizer import Quantizer as Quantizer
from aecore.models.bottlenecks.quantizer import SimVQ as SimVQ
from aecore.models.bottlenecks.quantizer import VectorQuantizer as VectorQuantizer
from aecore.models.bottlenecks.scalar_quantizers import FiniteScalarQuantizer as FiniteScalarQuantizer
from aecore.models.bottlenecks.scalar_quantizers import LookupFreeQuantizer as LookupFreeQuantizer
from aecore.models.bottlenecks.scalar_quantizers import ScalarQuantizer as ScalarQuantizer
from aecore.models.bottlenecks.sparse import BatchTopK as BatchTopK
from aecore.models.bottlenecks.sparse import JumpReLU as JumpReLU
from aecore.models.bottlenecks.sparse import SparseBottleneck as SparseBottleneck
from aecore.models.bottlenecks.sparse import TopK as TopK
