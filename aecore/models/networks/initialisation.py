"""Initialisations: the weights of a network before it is trained."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

LAYERS = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d


def _initialiser(init_weight: Callable[[Tensor], Tensor]) -> Callable[[nn.Module], None]:
    def fill(network: nn.Module) -> None:
        for module in network.modules():
            if isinstance(module, LAYERS):
                init_weight(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)
            if isinstance(module, nn.GRU):
                _fill_gates(module, init_weight)

    return fill


def _fill_gates(layer: nn.GRU, init_weight: Callable[[Tensor], Tensor]) -> None:
    """The three gates of a recurrent layer stand in one matrix: each is a layer of its own."""
    for name, parameter in layer.named_parameters():
        for gate in parameter.detach().chunk(3):
            init_weight(gate) if name.startswith("weight") else nn.init.zeros_(gate)


INITIALISATIONS: dict[str, Callable[[nn.Module], None]] = {
    "uniform": lambda network: None,  # torch's own: uniform within 1 / sqrt(inputs)
    "he": _initialiser(nn.init.kaiming_normal_),  # keeps the size of signals through ReLUs (He et al. 2015)
    "glorot": _initialiser(nn.init.xavier_uniform_),  # through layers that are nearly linear (Glorot & Bengio 2010)
    "zeros": _initialiser(nn.init.zeros_),  # a lesson: equal units get equal gradients and stay equal
}
