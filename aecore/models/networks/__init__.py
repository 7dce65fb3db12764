"""Networks: encoders `[B, *shape] -> [B, out]` and decoders `[B, z] -> [B, *shape]` that fit one data set."""

from aecore.models.networks.factory import ACTIVATIONS as ACTIVATIONS
from aecore.models.networks.factory import BatchNorm as BatchNorm
from aecore.models.networks.factory import NetworkFactory as NetworkFactory
from aecore.models.networks.factory import NetworkKind as NetworkKind
from aecore.models.networks.factory import Shape as Shape
from aecore.models.networks.fully_connected import TiedLinear as TiedLinear
from aecore.models.networks.fully_connected import mlp as mlp
from aecore.models.networks.fully_connected import tied_mlp as tied_mlp
from aecore.models.networks.initialisation import INITIALISATIONS as INITIALISATIONS
from aecore.models.networks.registry import NETWORKS as NETWORKS
