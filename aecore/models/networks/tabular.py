"""Networks for tables (tabular): categories are embedded, and each column is written by a layer of its own.

The embedding of a category column is a linear map of its one-hot values, of the width that Guo & Berkhahn (2016) made
usual: half as many numbers as categories, 50 at most. Where a table has numbers alone this is an mlp.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from aecore.data.modalities import Column, Modality, Table
from aecore.errors import UserError
from aecore.models.networks.factory import NetworkFactory
from aecore.models.networks.fully_connected import hidden_layers

MAX_EMBEDDING = 50  # numbers of an embedding, at most


def embedding_width(column: Column) -> int:
    """How many numbers a column becomes: itself, or its embedding."""
    return min(MAX_EMBEDDING, (column.width + 1) // 2) if column.kind == "category" else column.width


class ColumnEmbedding(nn.Module):
    """`[B, F] -> [B, E]`: an embedding for each category column, all else as it is.

    A missing category, all zeros, has the embedding 0.
    """

    is_layer = True  # tables of layers name it as one

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.columns, self.slices = table.columns, table.slices
        self.in_features = table.shape[0]
        self.out_features = sum(map(embedding_width, table.columns))
        self.embeddings = nn.ModuleDict()  # by the number of the column
        for at, column in enumerate(table.columns):
            if column.kind == "category":
                self.embeddings[str(at)] = nn.Linear(column.width, embedding_width(column), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        parts: list[Tensor] = [x[:, part] for part in self.slices]
        for at, embedding in self.embeddings.items():
            parts[int(at)] = embedding(parts[int(at)])
        return torch.cat(parts, 1)

    @property
    def weight(self) -> Tensor:
        """All of it as one matrix, `[E, F]`, on the CPU."""
        own = {int(at): next(each.parameters()).detach().cpu() for at, each in self.embeddings.items()}
        return torch.block_diag(*(own.get(at, torch.eye(column.width)) for at, column in enumerate(self.columns)))


class ColumnHeads(nn.Module):
    """`[B, in] -> [B, F]`: one linear layer for each column."""

    is_layer = True

    def __init__(self, in_features: int, table: Table) -> None:
        super().__init__()
        self.in_features = in_features
        self.heads: Any = nn.ModuleList(nn.Linear(in_features, column.width) for column in table.columns)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([head(x) for head in self.heads], 1)

    @property
    def weight(self) -> Tensor:
        """All of them as one matrix, `[F, in]`."""
        return torch.cat([head.weight for head in self.heads])

    @property
    def bias(self) -> Tensor:
        """Of all values, `[F]`."""
        return torch.cat([head.bias for head in self.heads])


def _table(modality: Modality | None) -> Table:
    if not isinstance(modality, Table):
        raise UserError("The network tabular is for tables: choose mlp for samples of another kind.")
    return modality


def tabular_encoder(make: NetworkFactory, out: int) -> nn.Module:
    """`[B, F] -> [B, out]`; `hidden_sizes` are the widths behind the embeddings."""
    embedding = ColumnEmbedding(_table(make.modality))
    widths = [embedding.out_features, *make.hidden_sizes]
    first = [embedding] if embedding.embeddings else []
    return nn.Sequential(*first, *hidden_layers(make, widths[0], widths[1:]), nn.Linear(widths[-1], out))


def tabular_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    """`[B, in_features] -> [B, F]`, raw numbers as the likelihood per column reads them."""
    widths = [in_features, *make.decoder_widths]
    hidden = hidden_layers(make, in_features, make.decoder_widths)
    return nn.Sequential(*hidden, ColumnHeads(widths[-1], _table(make.modality)))
