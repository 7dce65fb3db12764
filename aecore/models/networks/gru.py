"""Recurrent networks for series (gru): gated units that read moment by moment, and write moment by moment.

The encoder is that of Cho, van Merrienboer, Gulcehre, Bahdanau, Bougares, Schwenk & Bengio (2014): its state after the
last moment becomes the code. The decoder writes from the code, as there and in Srivastava, Mansimov & Salakhutdinov
(2015): the code sets its first state and is given at every moment, together with the value before. In use that is the
value that it wrote itself. In training it may be the true one (teacher forcing, Williams & Zipser 1989), with a chance
of `teacher_forcing` at each moment of each series (scheduled sampling, Bengio, Vinyals, Jaitly & Shazeer 2015).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from aecore.errors import UserError
from aecore.models.networks.factory import NetworkFactory


class GruStack(nn.Module):
    """Layers of gated recurrent units, each of which reads what the one before says: `[B, T, in] -> [B, T, out]`."""

    is_layer = True  # tables of layers name it as one

    def __init__(self, in_features: int, widths: Sequence[int], dropout: float) -> None:
        super().__init__()
        if not widths:
            raise UserError("A recurrent network needs a hidden layer: give at least one size.")
        self.widths = list(widths)
        sizes = pairwise([in_features, *widths])
        self.layers = nn.ModuleList(nn.GRU(before, after, batch_first=True) for before, after in sizes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, states: Sequence[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        """What the last layer says at each moment, and the state `[1, B, width]` of each layer after the last one."""
        if x.device.type == "meta":
            return self._shapes_only(x), []
        after = []
        for number, layer in enumerate(self.layers):
            x, state = layer(self.dropout(x) if number else x, states[number] if states else None)
            after.append(state)
        return x, after

    def step(self, x: Tensor, states: Sequence[Tensor]) -> list[Tensor]:
        """The states `[B, width]` of all layers after one more moment, `[B, in]`; what the last one says is its state.

        The weights are those of `forward`. One operation for each layer: many moments are written so.
        """
        after: list[Tensor] = []
        for number, (layer, state) in enumerate(zip(self.layers, states, strict=True)):
            read, kept, read_bias, kept_bias = layer.parameters()
            x = torch.gru_cell(self.dropout(x) if number else x, state, read, kept, read_bias, kept_bias)
            after.append(x)
        return after

    def _shapes_only(self, x: Tensor) -> Tensor:
        """What takes about as much memory, all moments at once: torch's meta device, on which footprints are counted,
        would take each moment apart into dozens of operations, and 17 s for a series of 140."""
        for layer, width in zip(self.layers, self.widths, strict=True):
            read, kept, read_bias, kept_bias = layer.parameters()
            gates = nn.functional.linear(x, read, read_bias).sigmoid()  # [B, T, 3 H]
            x = nn.functional.linear(gates[..., :width], kept, kept_bias).tanh()[..., :width]
        return x


class GruEncoder(nn.Module):
    """`[B, T, C] -> [B, out]`: a linear layer of the state after the last moment, or, where series may be shorter,
    after the last that is not all zeros, which is what stands for missing values (as in Keras' masking)."""

    def __init__(self, make: NetworkFactory, out: int) -> None:
        super().__init__()
        self.has_padding = bool(make.modality and make.modality.has_missing)
        self.stack = GruStack(make.shape[1], make.hidden_sizes, make.dropout)
        self.head = nn.Linear(make.hidden_sizes[-1], out)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.stack(x)
        return self.head(self._last(states, self.observed(x)) if self.has_padding else states[:, -1])

    def observed(self, x: Tensor) -> Tensor:
        """Which moments are no padding, bool `[B, T, 1]`: those up to the last that is not all zeros."""
        there = (x != 0).any(2, keepdim=True) if self.has_padding else torch.ones_like(x[..., :1], dtype=torch.bool)
        return there.flip(1).cumsum(1).flip(1) > 0

    @staticmethod
    def _last(states: Tensor, observed: Tensor) -> Tensor:
        last = (observed.sum(1, keepdim=True) - 1).clamp_min(0)  # [B, 1, 1]; the first moment where there is nothing
        return states.gather(1, last.expand(-1, 1, states.shape[2])).squeeze(1)


class GruDecoder(nn.Module):
    """`[B, in_features] -> [B, T, C]`, written moment by moment."""

    is_layer = True
    takes_target = True  # whether it may be given what it should write

    def __init__(self, make: NetworkFactory, in_features: int) -> None:
        super().__init__()
        self.length, self.channels = make.shape
        self.teacher_forcing = make.teacher_forcing
        self.has_gaps = bool(make.modality and make.modality.has_missing)
        self.stack = GruStack(self.channels + in_features, make.decoder_widths, make.dropout)
        self.first_state = nn.Linear(in_features, sum(self.stack.widths))
        self.head = nn.Linear(self.stack.widths[-1], self.channels)

    def forward(self, code: Tensor, target: Tensor | None = None) -> Tensor:
        """What is written; `target` `[B, T, C]` is the true series, NaN where a value is missing."""
        states = [each.contiguous() for each in self.first_state(code).tanh().split(self.stack.widths, 1)]
        if code.device.type == "meta":
            return self._write_forced(code, states, code.new_zeros(code.shape[0], self.length, self.channels))
        if target is None or not self.teacher_forcing:
            return self._write(code, states, None, None)
        if self.teacher_forcing == 1 and not self.has_gaps:
            return self._write_forced(code, states, target)
        chosen = torch.rand_like(target[..., :1]) < self.teacher_forcing  # [B, T, 1]
        return self._write(code, states, target, chosen & ~target.isnan())

    def _write(self, code: Tensor, states: list[Tensor], target: Tensor | None, forced: Tensor | None) -> Tensor:
        value, written = code.new_zeros(code.shape[0], self.channels), []  # len() would tie an export to one size
        for moment in range(self.length):
            states = self.stack.step(torch.cat([value, code], 1), states)
            value = self.head(states[-1])
            written.append(value)
            if target is not None and forced is not None:
                value = torch.where(forced[:, moment], target[:, moment], value)
        return torch.stack(written, 1)

    def _write_forced(self, code: Tensor, states: list[Tensor], target: Tensor) -> Tensor:
        """The same where every value before is the true one: all moments in one go, ten times as fast."""
        before = nn.functional.pad(target[:, :-1], (0, 0, 1, 0))
        repeated = code[:, None].expand(-1, self.length, -1)
        said, _ = self.stack(torch.cat([before, repeated], 2), [each[None] for each in states])
        forecast: Tensor = self.head(said)
        return forecast


def gru_encoder(make: NetworkFactory, out: int) -> nn.Module:
    return GruEncoder(make, out)


def gru_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    return GruDecoder(make, in_features)
