"""The kinds of networks there are, by name."""

from __future__ import annotations

from aecore.models.networks import conv, fully_connected, gru, tabular, tcn
from aecore.models.networks.factory import KINDS, NetworkKind

NETWORKS = KINDS

NETWORKS["mlp"] = NetworkKind(fully_connected.mlp_encoder, fully_connected.mlp_decoder)
NETWORKS["conv"] = NetworkKind(conv.conv_encoder, conv.conv_decoder, matrix_products=False)
NETWORKS["conv-pool"] = NetworkKind(conv.conv_pool_encoder, conv.conv_pool_decoder, matrix_products=False)
NETWORKS["conv-spatial"] = NetworkKind(
    conv.conv_spatial_encoder, conv.conv_spatial_decoder, matrix_products=False, code_grid=conv.code_grid
)
NETWORKS["tcn"] = NetworkKind(tcn.tcn_encoder, tcn.tcn_decoder, matrix_products=False)
NETWORKS["gru"] = NetworkKind(gru.gru_encoder, gru.gru_decoder, unused=("batch_norm",))
NETWORKS["tabular"] = NetworkKind(tabular.tabular_encoder, tabular.tabular_decoder)
