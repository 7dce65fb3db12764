"""PerColumn: the likelihood of a table's row, each column by its kind."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecore.data.modalities import Column, Table
from aecore.models.likelihoods.pointwise import Pointwise


class PerColumn(Pointwise, nn.Module):
    """A table's columns, each by its kind: a number by a normal distribution whose scale is learnt, yes/no by a
    Bernoulli, a category by a categorical distribution (softmax), a cyclic number's sine and cosine by a normal one.

    The learnt scale is Rybkin, Daniilidis & Levine's (2021, sigma-VAE), one for each column; one head for each column
    and observed cells only are Nazabal, Olmos, Ghahramani & Valera's (2020, HI-VAE).
    """

    normalised = True
    skips_missing = True
    MIN_LOG_SCALE = math.log(
        0.01
    )  # a column that is copied would send its scale to zero and the loss to minus infinity

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.groups = list(zip(table.columns, table.slices, strict=True))
        self.log_scale = nn.Parameter(torch.zeros(table.shape[0]))  # used where values are normal; [F]

    @property
    def log_scales(self) -> Tensor:
        """Of each value, `[F]`: natural logarithms of standard deviations, in those of the training rows."""
        return self.log_scale.clamp(self.MIN_LOG_SCALE, 3.0)

    def nll_per_value(self, raw: Tensor, x: Tensor) -> Tensor:
        """A category's surprise stands in the place of the value that it has; its others have none."""
        observed = ~x.isnan()
        known = torch.where(observed, x, 0.0)
        scales = self.log_scales.to(raw)
        parts = [self._column_nll(column, raw[:, at], known[:, at], scales[at]) for column, at in self.groups]
        return torch.where(observed, torch.cat(parts, 1), 0.0)

    def _column_nll(self, column: Column, raw: Tensor, x: Tensor, log_scale: Tensor) -> Tensor:
        if column.kind == "category":
            return -x * F.log_softmax(raw, 1)
        if column.kind == "boolean":
            return F.binary_cross_entropy_with_logits(raw, x, reduction="none")
        return 0.5 * (raw - x).square() * (-2 * log_scale).exp() + log_scale + 0.5 * math.log(2 * math.pi)

    def mean(self, raw: Tensor) -> Tensor:
        """Numbers as they are, the probability of yes, and of each category."""
        activation = {"category": lambda part: part.softmax(1), "boolean": torch.sigmoid}
        parts = [activation.get(column.kind, lambda part: part)(raw[:, at]) for column, at in self.groups]
        return torch.cat(parts, 1)
