"""Networks for series: how far a tcn looks, and a recurrent network written out by hand."""

import itertools

import numpy as np
import pytest
import torch
from torch import nn

from aecore.data.modalities import Series
from aecore.errors import UserError
from aecore.models.autoencoder import Conditional, build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.likelihoods import Gaussian, ObservedOnly
from aecore.models.networks import NetworkFactory
from aecore.models.networks.gru import GruDecoder, GruEncoder
from aecore.models.networks.tcn import receptive_field
from aecore.models.recipe import ForwardPass

SEED = 5
GAPPED = Series(7, ("a", "b"), (0.0, 0.0), (1.0, 1.0), missing=True)


def _maker(network: str, length: int = 7, channels: int = 2, hidden: tuple[int, ...] = (4, 6), **settings):
    torch.manual_seed(SEED)
    return NetworkFactory((length, channels), network, hidden, likelihood=Gaussian(), **settings)


# --- tcn --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("layers", "moments"), [(0, 1), (1, 4), (2, 14), (3, 50)])
def test_a_unit_depends_on_the_moments_that_its_receptive_field_says(layers, moments):
    """From gradients: pooling follows the largest alone, so many series are looked at."""
    make = _maker("tcn", length=4 * moments, channels=1, hidden=(5,) * layers, activation="tanh")
    body, middle = make.encoder(3)[0], 2 * moments // 2**layers
    x = torch.randn(400, 4 * moments, 1, requires_grad=True)
    (gradient,) = torch.autograd.grad(body(x)[:, :, middle].sum(), x)
    reached = (gradient.abs().sum((0, 2)) > 0).nonzero().flatten()
    assert receptive_field(layers) == moments == len(reached) == int(reached[-1] - reached[0]) + 1


@pytest.mark.parametrize(
    ("network", "length", "hidden"), itertools.product(("tcn", "gru"), (1, 2, 7, 33), ((4,), (4, 3, 5)))
)
def test_series_of_any_length_make_the_round_trip(network, length, hidden):
    for settings in ({}, {"decoder_sizes": (6,), "batch_norm": network == "tcn", "dropout": 0.1}):
        make = _maker(network, length, hidden=hidden, **settings)
        x = torch.randn(3, length, 2)
        code = make.encoder(5)(x)
        assert code.shape == (3, 5) and make.decoder(5)(code).shape == x.shape


# --- gru --------------------------------------------------------------------------------------------------------------


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def _gru_cell(layer: nn.GRU, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """One moment of Cho et al. (2014), in the order of torch's gates: reset, update, new."""
    weights = [each.detach().numpy() for each in layer.parameters()]
    read, kept = x @ weights[0].T + weights[2], h @ weights[1].T + weights[3]
    (xr, xz, xn), (hr, hz, hn) = np.split(read, 3, -1), np.split(kept, 3, -1)
    reset, update = _sigmoid(xr + hr), _sigmoid(xz + hz)
    return (1 - update) * np.tanh(xn + reset * hn) + update * h


def _write(decoder: GruDecoder, code: np.ndarray, target: np.ndarray | None) -> np.ndarray:
    """What the decoder should write from codes `[B, Z]`; given the true values `[B, T, C]`, from these."""
    first = code @ decoder.first_state.weight.detach().numpy().T + decoder.first_state.bias.detach().numpy()
    states = np.split(np.tanh(first), np.cumsum(decoder.stack.widths)[:-1], axis=1)
    value, written = np.zeros((len(code), decoder.channels)), []
    for moment in range(decoder.length):
        said = np.concatenate([value, code], 1)
        for number, layer in enumerate(decoder.stack.layers):
            said = states[number] = _gru_cell(layer, said, states[number])
        written.append(said @ decoder.head.weight.detach().numpy().T + decoder.head.bias.detach().numpy())
        value = written[-1] if target is None else target[:, moment]
    return np.stack(written, 1)


@pytest.mark.parametrize("forced", [False, True])
def test_a_decoder_writes_what_its_formula_says(forced):
    decoder = _maker("gru", teacher_forcing=1.0).decoder(3)
    code, target = torch.randn(2, 3), torch.randn(2, 7, 2)
    found = decoder(code, target) if forced else decoder(code)
    right = _write(decoder, code.numpy().astype(float), target.numpy() if forced else None)
    np.testing.assert_allclose(found.detach().numpy(), right, atol=1e-5)
    other = _write(decoder, code.numpy().astype(float), None if forced else target.numpy())
    assert np.abs(right - other)[:, 1:].max() > 1e-2, "the two ways differ"


def test_an_encoder_reads_what_its_formula_says():
    encoder = _maker("gru").encoder(3)
    x = torch.randn(2, 7, 2)
    said = x.numpy().astype(float)
    for layer in encoder.stack.layers:
        state, states = np.zeros((2, layer.hidden_size)), []
        for moment in range(7):
            state = _gru_cell(layer, said[:, moment], state)
            states.append(state)
        said = np.stack(states, 1)
    right = said[:, -1] @ encoder.head.weight.detach().numpy().T + encoder.head.bias.detach().numpy()
    np.testing.assert_allclose(encoder(x).detach().numpy(), right, atol=1e-5)


def test_half_of_the_moments_are_forced_where_half_are_asked_for():
    decoder = _maker("gru", length=200, hidden=(4,), teacher_forcing=0.5).decoder(3)
    with torch.no_grad():  # a decoder that writes twice what it is given, and has no other input
        for parameter in decoder.parameters():
            parameter.zero_()
        code, target = torch.zeros(50, 3), torch.full((50, 200, 2), 7.0)
        given = []
        step = decoder.stack.step
        decoder.stack.step = lambda x, states: given.append(x[:, 0]) or step(x, states)
        decoder(code, target)
    share = float((torch.stack(given[1:]) == 7).float().mean())  # 9,950 coins: a standard deviation of 0.005
    assert share == pytest.approx(0.5, abs=0.02)
    unknown = target.where(torch.arange(200)[None, :, None] % 2 == 0, torch.nan)
    given.clear()
    decoder(code, unknown)
    assert torch.stack(given).isfinite().all(), "what is missing is never given"
    assert (torch.stack(given)[2::2] == 0).all()


def test_a_model_is_told_what_should_come_out_in_training_only():
    make = _maker("gru", teacher_forcing=1.0)
    model = build_autoencoder(DeterministicBottleneck(3), make)
    x = torch.randn(4, 7, 2)
    forced, free = (ForwardPass(model.train(training), x, x).logits for training in (True, False))
    z = model.encode(x).code
    torch.testing.assert_close(forced, model.decode(z, target=x))
    torch.testing.assert_close(free, model.decode(z))
    torch.testing.assert_close(model.reconstruct(x), free)
    assert (forced - free)[:, 1:].abs().max() > 1e-3


@pytest.mark.parametrize("filling", [torch.nan, 0.0])
def test_a_short_series_is_coded_as_if_nothing_came_behind_it(filling):
    short = torch.randn(3, 4, 2)
    padded = torch.full((3, 7, 2), filling)
    padded[:, :4] = short
    long = build_autoencoder(DeterministicBottleneck(3), _maker("gru", modality=GAPPED))
    long.likelihood = ObservedOnly(Gaussian())
    encoder = _maker("gru", length=4).encoder(3)
    encoder.load_state_dict(long.encoder.state_dict())
    torch.testing.assert_close(long.encode(padded).code, encoder(short))
    assert isinstance(long.encoder, GruEncoder) and long.encode(torch.full((1, 7, 2), filling)).code.isfinite().all()


def test_a_label_does_not_lengthen_a_short_series():
    x = torch.randn(2, 7, 2)
    x[:, 4:] = 0
    make = _maker("gru", modality=GAPPED)
    model = Conditional(make.encoder(3), DeterministicBottleneck(3), make.decoder(5), Gaussian(), torch.ones(2, 7, 2))
    code = model.encode(x, torch.tensor([0, 1])).code
    torch.testing.assert_close(code, model.encoder(torch.where(x == 0, 0.0, x + 1)))


def test_a_recurrent_network_needs_a_layer():
    with pytest.raises(UserError, match="at least one size"):
        _maker("gru", hidden=()).encoder(2)
