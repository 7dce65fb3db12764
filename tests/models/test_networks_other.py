"""Networks for tables and images, and what stands between the layers of all of them."""

import dataclasses
import math

import pytest
import torch
from torch import nn

from aecore.config import Config
from aecore.data.modalities import Column, Table
from aecore.errors import UserError
from aecore.models import presets
from aecore.models.families.build import FAMILIES, build_on_meta, build_recipe, complete_config, resolve_config
from aecore.models.footprint import count_parameters
from aecore.models.networks import INITIALISATIONS, NETWORKS, BatchNorm, NetworkFactory
from aecore.models.networks.tabular import ColumnEmbedding, ColumnHeads, embedding_width
from aecore.params import params_of
from tests.kit.networks import is_refused

SEED = 6
MIXED = Table(
    (
        Column("size"),
        Column("kind", "category", categories=("a", "b", "c", "d", "e")),
        Column("open", "boolean", categories=("no", "yes")),
        Column("hour", "cyclic", period=24.0),
        Column("town", "category", categories=tuple(map(str, range(300)))),
    )
)


def _rows(count: int) -> torch.Tensor:
    torch.manual_seed(SEED)
    return torch.randn(count, *MIXED.shape)


def test_the_choices_of_a_run_are_the_networks_there_are():
    assert next(each for each in params_of(Config) if each.name == "network").choices == tuple(NETWORKS)
    assert set(presets.DEFAULT_HIDDEN_SIZES) == set(NETWORKS)


# --- tabular ----------------------------------------------------------------------------------------------------------


def test_an_embedding_is_half_as_wide_as_its_column_and_fifty_at_most():
    assert [embedding_width(column) for column in MIXED.columns] == [1, 3, 1, 2, 50]


def test_an_embedding_of_a_row_holds_the_vectors_of_its_categories_and_its_numbers():
    embedding = ColumnEmbedding(MIXED)
    x = torch.zeros(1, *MIXED.shape)
    x[0, 0], x[0, 1 + 3], x[0, 6], x[0, 7], x[0, 9 + 17] = 0.5, 1, 1, -0.25, 1  # size, kind d, open, hour, town 17
    found = embedding(x)[0]
    kind, town = embedding.embeddings["1"].weight, embedding.embeddings["4"].weight
    right = torch.cat([torch.tensor([0.5]), kind[:, 3], torch.tensor([1, -0.25, 0]), town[:, 17]])
    torch.testing.assert_close(found, right)
    torch.testing.assert_close(_rows(4) @ embedding.weight.T, embedding(_rows(4)).detach())


def test_heads_side_by_side_are_one_layer():
    heads = ColumnHeads(6, MIXED)
    h = torch.randn(3, 6)
    assert [head.out_features for head in heads.heads] == [column.width for column in MIXED.columns]
    torch.testing.assert_close(nn.functional.linear(h, heads.weight, heads.bias), heads(h))


def test_of_numbers_alone_a_tabular_network_is_an_mlp():
    table = Table((Column("a"), Column("b")))
    makers = [NetworkFactory((2,), network, (5, 4), modality=table) for network in ("mlp", "tabular")]
    mlp, tabular = ([count_parameters(part) for part in (make.encoder(3), make.decoder(3))] for make in makers)
    assert mlp == tabular
    assert not any(isinstance(each, ColumnEmbedding) for each in makers[1].encoder(3).modules())


def test_a_tabular_network_is_for_tables():
    with pytest.raises(UserError, match="for tables"):
        NetworkFactory((1, 8, 8), "tabular").encoder(2)
    with pytest.raises(UserError, match="tabular does not fit"):
        complete_config(presets.default_config("digits", "tabular"))


# --- conv-pool --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 7), (2, 9, 5), (3, 16, 16)])
def test_images_of_any_size_are_pooled_and_drawn_again(shape):
    x = torch.rand(2, *shape)
    for decoder_sizes in ((), (4,), (4, 3, 2)):
        make = NetworkFactory(shape, "conv-pool", (3, 5), decoder_sizes=decoder_sizes)
        assert make.decoder(2)(make.encoder(2)(x)).shape == x.shape


def test_what_is_pooled_is_half_as_large():
    encoder = NetworkFactory((1, 9, 6), "conv-pool", (3, 5)).encoder(2)
    assert encoder[:-2](torch.rand(1, 1, 9, 6)).shape == (1, 5, 3, 2)  # 9 -> 5 -> 3, 6 -> 3 -> 2


# --- conv-spatial -----------------------------------------------------------------------------------------------------


def _spatial(shape: tuple[int, ...], hidden_sizes: tuple[int, ...], code_size: int, **more) -> NetworkFactory:
    return NetworkFactory(shape, "conv-spatial", hidden_sizes, code_size=code_size, **more)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 7, 7), (2, 9, 5), (3, 16, 16), (10, 16, 16)])
def test_a_code_that_is_a_map_is_drawn_again(shape):
    x = torch.rand(2, *shape)
    for hidden_sizes, decoder_sizes in (((), ()), ((3,), ()), ((3, 5), ()), ((3, 5), (4, 6))):
        places = math.prod(math.ceil(side / 2 ** len(hidden_sizes)) for side in shape[1:])
        make = _spatial(shape, hidden_sizes, 2 * places, decoder_sizes=decoder_sizes)
        code = make.encoder(2 * places)(x)
        assert code.shape == (2, 2 * places) and make.decoder(2 * places)(code).shape == x.shape
        assert make.encoder(4 * places)(x).shape == (2, 4 * places)  # a mean and a log-variance for each


@pytest.mark.parametrize("halvings", [1, 2])
def test_an_input_moved_by_a_stride_moves_the_code_by_a_cell(halvings):
    """Convolutions and poolings commute with moves by the stride, 2 for each halving; but for the cells near a border,
    where there are zeros."""
    torch.manual_seed(SEED)
    stride, side = 2**halvings, 64
    cells = side // stride
    make = _spatial((1, side, side), (3, 4)[:halvings], 2 * cells**2)
    encoder, x = make.encoder(make.code_size), torch.rand(1, 1, side + stride, side + stride)

    def code(top: int, left: int) -> torch.Tensor:
        with torch.no_grad():
            return encoder(x[..., top : top + side, left : left + side]).unflatten(1, (2, cells, cells))

    still, inside = code(0, 0), slice(4, -4)
    for top, left in ((stride, 0), (0, stride), (stride, stride)):
        moved = code(top, left).roll((top // stride, left // stride), (2, 3))
        torch.testing.assert_close(moved[..., inside, inside], still[..., inside, inside], atol=1e-6, rtol=0)
    assert not torch.allclose(code(1, 0)[..., inside, inside], still[..., inside, inside], atol=1e-3)  # less is no cell


@pytest.mark.parametrize(("family", "out"), [("vanilla", 3), ("vae", 6)])
def test_a_spatial_code_has_no_dense_layer_and_the_parameters_counted_by_hand(family, out):
    """Digits, 8 x 8, halved twice: a code of 3 channels of 2 x 2 places. A filter has 9 weights for each channel that
    it sees, and a bias."""
    config = resolve_config(Config(family=family, network="conv-spatial", hidden_sizes=(5, 7), latent_dim=12))
    model = build_recipe(config).model
    assert not any(isinstance(each, nn.Linear) for each in model.modules())
    encoder = (9 * 1 + 1) * 5 + (9 * 5 + 1) * 7 + (9 * 7 + 1) * out
    decoder = (9 * 3 + 1) * 7 + (9 * 7 + 1) * 5 + (9 * 5 + 1) * 1
    assert (count_parameters(model.encoder), count_parameters(model.decoder)) == (encoder, decoder)


def test_a_mean_and_a_log_variance_of_a_map_are_maps_of_their_own():
    config = resolve_config(Config(family="vae", network="conv-spatial", hidden_sizes=(5, 7), latent_dim=8))
    model, x = build_recipe(config).model, torch.rand(3, 1, 8, 8)
    features, latent = model.encoder[:-1](x), model.encode(x)
    assert features.shape == (3, 4, 2, 2)
    torch.testing.assert_close(latent.mean, features[:, :2].flatten(1))
    torch.testing.assert_close(latent.logvar, features[:, 2:].flatten(1))


@pytest.mark.parametrize(("latent_dim", "said"), [(2, "such as 4, not 2"), (6, "such as 4 or 8, not 6")])
@pytest.mark.parametrize("family", ["vanilla", "vae", "sparse"])
def test_a_code_that_fills_no_map_is_refused_with_those_that_do(family, latent_dim, said):
    with pytest.raises(UserError, match=rf"2 x 2 places .* multiple of 4, {said}"):
        resolve_config(Config(family=family, network="conv-spatial", hidden_sizes=(8, 8), latent_dim=latent_dim))


def test_a_map_is_no_code_for_labels_and_levels():
    refused = {family for family in FAMILIES if is_refused(family, "conv-spatial")}
    assert refused >= {"conditional-vae", "ladder-vae"} and "vq-vae" not in refused
    for family in refused:
        with pytest.raises(UserError, match=r"labels, levels .* Choose conv-pool|no fully connected layer"):
            resolve_config(Config(family=family, network="conv-spatial", latent_dim=16))


def test_a_decoder_of_another_depth_than_its_encoder_is_refused():
    config = Config(network="conv-spatial", hidden_sizes=(8, 8), latent_dim=8, decoder_sizes=(8,))
    with pytest.raises(UserError, match="give it 2 layers, not 1"):
        resolve_config(config)


@pytest.mark.parametrize("dataset", ["digits", "mnist", "moving-digits"])
@pytest.mark.parametrize("preset", presets.PRESETS)
def test_where_a_form_begins_the_code_fits_its_map(dataset, preset):
    config = complete_config(presets.default_config(dataset, "conv-spatial", preset))
    assert build_on_meta(config).model.bottleneck.out_features == config.latent_dim > 3


def test_units_of_a_sparse_map_start_awake():
    model = build_recipe(resolve_config(Config(family="sparse", network="conv-spatial", latent_dim=16))).model
    assert (model.encoder[-2].bias == 1).all()


# --- Widths of the decoder --------------------------------------------------------------------------------------------


def _shapes(model: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(each.weight.shape) for each in model.modules() if isinstance(each, nn.Linear)]


def test_a_decoder_is_mirrored_unless_it_has_sizes_of_its_own():
    make = NetworkFactory((6,), hidden_sizes=(5, 4))
    assert _shapes(make.decoder(3)) == [(4, 3), (5, 4), (6, 5)]
    assert _shapes(make.replace(decoder_sizes=(7, 8, 9)).decoder(3)) == [(7, 3), (8, 7), (9, 8), (6, 9)]
    assert _shapes(make.replace(decoder_sizes=(7, 8, 9)).encoder(3)) == _shapes(make.encoder(3))


def test_a_setting_that_is_empty_means_mirrored():
    param = next(each for each in params_of(Config) if each.name == "decoder_sizes")
    assert param.validate("") == param.validate(None) == param.validate([]) == ()
    assert param.validate("8, 16") == (8, 16)


def test_families_with_two_halves_of_one_keep_them_alike():
    for family in ("linear", "tied-weights", "contractive", "stacked"):
        config = complete_config(Config(family=family, decoder_sizes=(3,), batch_norm=True))
        assert (config.decoder_sizes, config.batch_norm) == ((), False)


# --- Batch normalisation ----------------------------------------------------------------------------------------------


def test_hidden_layers_are_normalised_and_no_other():
    make = NetworkFactory((6,), hidden_sizes=(5, 4), batch_norm=True)
    kinds = [type(each).__name__ for each in make.encoder(3)]
    assert kinds == ["Flatten", "Linear", "BatchNorm", "ReLU", "Linear", "BatchNorm", "ReLU", "Linear"]
    assert [each.bias is None for each in make.encoder(3) if isinstance(each, nn.Linear)] == [True, True, False]


@pytest.mark.parametrize("shape", [(8, 3), (8, 3, 5), (8, 3, 5, 4)])
def test_a_batch_is_normalised_as_torch_does_it(shape):
    torch.manual_seed(SEED)
    ours, x = BatchNorm(3), 2 + 3 * torch.randn(shape)
    theirs = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[x.ndim](3)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))


def test_looking_at_a_model_in_training_changes_no_mean_and_depends_on_no_crowd():
    norm = BatchNorm(3)
    norm(torch.randn(10, 3))
    before = {name: each.clone() for name, each in norm.state_dict().items()}
    x = torch.randn(5, 3)
    with torch.no_grad():
        alone = torch.cat([norm(row[None]) for row in x])
        torch.testing.assert_close(norm(x), alone)
    torch.testing.assert_close(norm(x[:1]).detach(), alone[:1])  # one value tells no spread: torch would refuse
    torch.testing.assert_close(dict(norm.state_dict()), before)


def test_a_recurrent_network_says_that_it_has_no_batch_normalisation():
    with pytest.raises(UserError, match="has no batch normalisation"):
        complete_config(presets.default_config("heartbeats", "gru", batch_norm=True))


# --- Settings that do not go together ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dataset", "settings", "message"),
    [
        ("digits", {"pixel_range": "-1 to 1"}, "cannot say pixels below 0"),
        ("iris", {"pixel_range": "0 to 255"}, "is for images"),
        ("digits", {"likelihood": "per-column"}, "does not fit"),
        ("heartbeats", {"likelihood": "ssim"}, "does not fit"),
    ],
)
def test_what_makes_no_sense_together_is_said(dataset, settings, message):
    with pytest.raises(UserError, match=message):
        complete_config(presets.default_config(dataset, **settings))


# --- Initialisation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [each for each in INITIALISATIONS if each != "uniform"])
@pytest.mark.parametrize(("dataset", "network"), [("digits-rows", "gru"), ("digits-rows", "tcn")])
def test_every_layer_is_initialised(name, dataset, network):
    config = resolve_config(presets.default_config(dataset, network, family="vanilla", initialisation=name))
    usual, model = (build_recipe(dataclasses.replace(config, initialisation=each)).model for each in ("uniform", name))
    for (at, before), after in zip(usual.named_parameters(), model.parameters(), strict=True):
        assert not torch.equal(before, after), at
        assert not after.any() if name == "zeros" or "bias" in at else after.any(), at
