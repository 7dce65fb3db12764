"""Every family's own truth: what its loss, its bottleneck or its network must be by mathematics or by its paper."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Laplace, MultivariateNormal, Normal, kl_divergence

from aecore.analysis import loaded, metrics
from aecore.analysis.likelihood_bounds import iwae_bound, log_weights
from aecore.config import Config
from aecore.data.datasets import Dataset, Split, load
from aecore.data.modalities import Image
from aecore.jobs import worker
from aecore.models import corruptions, presets, priors
from aecore.models.autoencoder import Autoencoder, build_autoencoder
from aecore.models.bottlenecks import (
    Bottleneck,
    DeterministicBottleneck,
    GaussianBottleneck,
    LadderBottleneck,
    TopK,
    VectorQuantizer,
)
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.footprint import count_parameters
from aecore.models.latents import GaussianLatent
from aecore.models.likelihoods import LIKELIHOODS, Bernoulli
from aecore.models.likelihoods import Gaussian as Squared
from aecore.models.likelihoods import Laplace as Absolute
from aecore.models.losses import (
    commitment_loss,
    free_bits_kl,
    jacobian_frobenius_exact,
    jacobian_frobenius_hutchinson,
    kl_anneal,
    kl_decomposition,
    minibatch_stratified_log_weights,
    mmd,
    negative_elbo,
    reconstruction_loss,
    sparsity_kl,
)
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import Recipe
from aecore.training import loop
from aecore.training.loop import fit

CPU = torch.device("cpu")
MAKE = NetworkFactory((1, 8, 8), hidden_sizes=(12, 6), n_classes=10, train_size=1000)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _made(family: str, latent_dim: int, make: NetworkFactory = MAKE, **params) -> Recipe:
    settings = {name: value for name, value in FAMILIES[family].fixed.items() if hasattr(make, name)}
    return FAMILIES[family].build(make.replace(**settings), latent_dim, **params)


def _last(recipe: Recipe, data: Dataset, config: Config) -> loop.Progress:
    *_, last = fit(recipe, data, config, CPU)
    recipe.modules.eval()
    return last


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits")


# The KL and its three parts


def _clouds(n: int, dims: int, spread: float = 1.0) -> GaussianLatent:
    mean, logvar = spread * torch.randn(n, dims).double(), 0.5 * torch.randn(n, dims).double() - 1
    z = mean + (0.5 * logvar).exp() * torch.randn(n, dims).double()
    return GaussianLatent(z=z, code=mean, mean=mean, logvar=logvar)


def _single_draw(latent: GaussianLatent) -> Tensor:
    """log q(z|x) - log p(z) at the z that was drawn, `[B]`."""
    own = Normal(latent.mean, (0.5 * latent.logvar).exp()).log_prob(latent.z)
    return (own - Normal(0.0, 1.0).log_prob(latent.z)).sum(1)


def test_the_closed_form_of_the_kl_is_what_draws_give():
    one = _clouds(1, 3)
    n = 100_000
    mean, logvar = one.mean.expand(n, 3), one.logvar.expand(n, 3)
    z = mean + (0.5 * logvar).exp() * torch.randn(n, 3)
    estimates = _single_draw(GaussianLatent(z, mean, mean, logvar))
    error = estimates.std().item() / math.sqrt(n)
    assert estimates.mean().item() == pytest.approx(one.kl.sum().item(), abs=5 * error)


@pytest.mark.parametrize(("batch", "pictures"), [(1, 1000), (2, 2), (64, 1295), (50, 50), (256, 60_000)])
def test_the_three_parts_add_up_to_the_kl_of_the_draw(batch, pictures):
    latent = _clouds(batch, 3)
    parts = kl_decomposition(latent, pictures)
    assert set(parts) == {"mutual information", "total correlation", "dimension-wise kl"}
    torch.testing.assert_close(sum(parts.values()), _single_draw(latent).mean())


@pytest.mark.parametrize(("batch", "pictures"), [(2, 2), (2, 10), (64, 1295), (50, 50)])
def test_stratified_weights_have_one_nth_on_the_diagonal_and_rows_that_sum_to_one(batch, pictures):
    weights = minibatch_stratified_log_weights(batch, pictures).exp()
    torch.testing.assert_close(weights.diagonal(), torch.full((batch,), 1 / pictures))
    torch.testing.assert_close(weights.sum(1), torch.ones(batch))
    others = weights[~torch.eye(batch, dtype=torch.bool)]
    torch.testing.assert_close(others, torch.full_like(others, (pictures - 1) / pictures / (batch - 1)))


def test_a_batch_of_one_tells_nothing_of_the_others():
    assert minibatch_stratified_log_weights(1, 1000).tolist() == [[0.0]]
    parts = kl_decomposition(_clouds(1, 3), 1000)
    assert parts["mutual information"] == 0 and parts["total correlation"] == 0


def test_stratified_weights_give_the_whole_sets_density_on_average_over_all_batches():
    """For a z of image 0: the mean of sum_j w_0j q(z|x_j) over every batch that holds it is q(z), exactly."""
    density, picture = torch.rand(6).double(), 0  # q(z|x_j) at one z, for 6 images
    batches = [[picture, *others] for others in itertools.combinations(range(1, 6), 2)]
    weights = minibatch_stratified_log_weights(3, 6).exp()[0].double()
    found = torch.stack([(weights * density[batch]).sum() for batch in batches]).mean()
    torch.testing.assert_close(found, density.mean(), rtol=1e-6, atol=0)  # the weights are float32


def _column_zero(batch: int, pictures: int) -> Tensor:
    """What four public repositories compute: strides of `batch` where `batch + 1` was meant."""
    rest = batch - 1
    weights = torch.full((batch, batch), 1 / rest)
    weights.view(-1)[:: rest + 1] = 1 / pictures
    weights.view(-1)[1 :: rest + 1] = (pictures - rest) / (pictures * rest)
    weights[rest - 1, 0] = (pictures - rest) / (pictures * rest)
    return weights.log()


def test_clouds_far_apart_tell_which_picture_it_is_and_weights_in_column_0_do_not_see_it(monkeypatch):
    """2000 narrow clouds on a grid: the code says the image, ln 2000 = 7.60 nats. A batch of 64 is enough for the
    right weights; with 1/N in column 0 it says 4.20, which is ln 63 but for two rows."""
    pictures, batch = 2000, 64
    places = torch.cartesian_prod(torch.arange(50.0), torch.arange(40.0))[torch.randperm(pictures)[:batch]]
    mean, logvar = places, torch.full((batch, 2), math.log(0.05**2))  # neighbours lie 20 sigmas apart
    latent = GaussianLatent(mean + 0.05 * torch.randn(batch, 2), mean, mean, logvar)
    assert kl_decomposition(latent, pictures)["mutual information"].item() == pytest.approx(
        math.log(pictures), abs=0.01
    )
    monkeypatch.setattr("aecore.models.losses.minibatch_stratified_log_weights", _column_zero)
    wrong = kl_decomposition(latent, pictures)["mutual information"].item()
    assert wrong == pytest.approx(4.20, abs=0.01) and wrong == pytest.approx(math.log(63), abs=0.06)


def test_the_parts_of_a_normal_crowd_are_its_closed_forms():
    """Means from N(0, C), clouds of variance s each: q(z) = N(0, C + s). So the mutual information is half the log of
    |C + s| / |s|, total correlation half the log of the diagonal's product over |C + s|."""
    n, s = 2000, 0.3
    cov = torch.tensor([[0.7, 0.5], [0.5, 0.7]])
    mean = MultivariateNormal(torch.zeros(2), cov).sample((n,))
    latent = GaussianLatent(mean + math.sqrt(s) * torch.randn(n, 2), mean, mean, torch.full((n, 2), math.log(s)))
    parts = {name: part.item() for name, part in kl_decomposition(latent, n).items()}
    whole = cov + s * torch.eye(2)
    information = 0.5 * math.log(torch.linalg.det(whole).item() / s**2)
    correlation = 0.5 * math.log(whole[0, 0].item() ** 2 / torch.linalg.det(whole).item())
    # each is a mean of 2000 logs with a spread of about 1: five standard errors are .11
    assert parts["mutual information"] == pytest.approx(information, abs=0.11)
    assert parts["total correlation"] == pytest.approx(correlation, abs=0.11)
    assert parts["dimension-wise kl"] == pytest.approx(0, abs=0.11)  # each dimension of q(z) has variance 1


def test_beta_tcvae_with_beta_1_charges_the_kl_of_the_draw():
    recipe = _made("beta-tcvae", 3, beta=1.0)
    p = recipe.forward(torch.rand(9, 1, 8, 8))
    parts = recipe.objectives[0].loss(p)
    torch.testing.assert_close(sum(parts.values()), p.nll.mean() + _single_draw(p.latent).mean())
    dearer = _made("beta-tcvae", 3, beta=5.0).objectives[0].loss(p)
    torch.testing.assert_close(dearer["total correlation"], 5 * parts["total correlation"])


# MMD


def test_mmd_of_equal_crowds_is_0_on_average():
    found = torch.tensor([mmd(torch.randn(60, 2), torch.randn(60, 2)).item() for _ in range(300)])
    assert found.mean().item() == pytest.approx(0, abs=4 * found.std().item() / math.sqrt(300))
    assert found.min() < 0 < found.max()  # unbiased, so it falls below 0 as often as not


@pytest.mark.parametrize("dims", [1, 2, 16])
def test_mmd_falls_when_a_crowd_moves_closer_and_knows_no_order(dims):
    a, b = torch.randn(200, dims), torch.randn(200, dims)
    found = [mmd(a + shift, b).item() for shift in (8.0, 4.0, 2.0, 1.0, 0.0)]
    assert all(further > nearer for further, nearer in itertools.pairwise(found))
    assert found[0] > 2 and abs(found[-1]) < 0.1
    torch.testing.assert_close(mmd(a, b), mmd(b, a))
    torch.testing.assert_close(mmd(a[torch.randperm(200)], b), mmd(a, b))


def test_mmd_is_the_mean_over_pairs_written_by_hand():
    a, b = torch.randn(5, 3).double(), torch.randn(4, 3).double()

    def kernel(u: Tensor, v: Tensor) -> float:
        widths = [6 * scale for scale in (0.1, 0.2, 0.5, 1, 2, 5, 10)]  # 2 D sigma^2, Tolstikhin et al. 2018
        return sum(width / (width + (u - v).square().sum().item()) for width in widths)

    among = [np.mean([kernel(u, v) for u, v in itertools.permutations(crowd, 2)]) for crowd in (a, b)]
    between = np.mean([kernel(u, v) for u, v in itertools.product(a, b)])
    assert mmd(a, b).item() == pytest.approx(among[0] + among[1] - 2 * between)


def test_mmd_sees_what_means_and_variances_do_not():
    circle = torch.randn(400, 2)
    circle = math.sqrt(2) * circle / circle.norm(dim=1, keepdim=True)  # mean 0, covariance 1, and no middle
    assert mmd(circle, torch.randn(400, 2)) > 5 * abs(mmd(torch.randn(400, 2), torch.randn(400, 2)))


def test_info_vae_weighs_its_parts_as_its_paper_does():
    """Zhao et al. 2019, eq. 6: (1 - alpha) of the KL and alpha + lambda - 1 of the divergence of the crowd."""
    p = _made("info-vae", 3).forward(torch.rand(20, 1, 8, 8))

    def parts(alpha: float, pull: float) -> dict[str, Tensor]:
        torch.manual_seed(1)
        return _made("info-vae", 3, alpha=alpha, mmd_weight=pull).objectives[0].loss(p)

    # the draws of the comparison follow those of the new weights, which are as many each time
    torch.testing.assert_close(parts(0.0, 1.0)["kl"], negative_elbo(p)["kl"])
    assert parts(0.0, 1.0)["mmd"] == 0 and parts(1.0, 3.0)["kl"] == 0  # a VAE; a WAE with clouds
    torch.testing.assert_close(parts(0.5, 4.5)["mmd"] / 4, parts(1.0, 1.0)["mmd"])


# Bounds


@pytest.fixture(scope="module")
def linear_gaussian() -> tuple[Autoencoder, Tensor, Tensor]:
    """x = W z + b + .5 e with z from N(0, 1): p(x) is normal with covariance W W' + .25. Its encoder is not the exact
    posterior, so the ELBO is loose. The model, images drawn from it, and their log p(x)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        make = NetworkFactory((1, 1, 4), hidden_sizes=(), likelihood=Squared(0.5))
        model = build_autoencoder(GaussianBottleneck(2), make)
        w = torch.tensor([[1.0, 0.5], [0.0, 1.0], [-1.0, 0.3], [0.4, 0.4]])
        model.decoder[0].weight.data, model.decoder[0].bias.data = w, torch.zeros(4)
        x = torch.randn(400, 2) @ w.T + 0.5 * torch.randn(400, 4)
        exact = torch.linalg.inv(w.T @ w + 0.25 * torch.eye(2)) @ w.T
        model.encoder[1].weight.data = torch.cat([0.8 * exact, torch.zeros(2, 4)])
        model.encoder[1].bias.data = torch.tensor([0.2, 0.0, math.log(0.15), math.log(0.15)])
        truth = MultivariateNormal(torch.zeros(4), w @ w.T + 0.25 * torch.eye(4)).log_prob(x)
    return model, x.view(-1, 1, 1, 4), truth + 4 * math.log(0.5 * math.sqrt(2 * math.pi))  # our Gaussian's constant


def test_one_draw_gives_the_elbo_and_more_draws_come_closer_to_the_truth_from_below(linear_gaussian):
    model, x, truth = linear_gaussian
    with torch.no_grad():
        p = Recipe.simple(model, negative_elbo).forward(x.repeat(20, 1, 1, 1))
        expected = -(p.nll + p.latent.kl.sum(1)).view(20, -1).mean(0)  # [400], the ELBO of each
    weights = log_weights(model, x, 10_000)
    bounds = {k: iwae_bound(weights, k) for k in (1, 5, 50, 500)}
    torch.testing.assert_close(bounds[1], weights.mean(0))
    paired = bounds[1] - expected
    assert paired.mean().item() == pytest.approx(0, abs=5 * paired.std().item() / 20)
    for fewer, more in itertools.pairwise(bounds):
        gain = bounds[more] - bounds[fewer]
        assert gain.mean() > 3 * gain.std() / 20  # 400 images, paired
    gap = truth - bounds[500]
    assert (truth - bounds[1]).mean() > 0.1 and gap.mean().item() == pytest.approx(0, abs=0.02)


def test_with_the_exact_posterior_one_draw_is_enough(linear_gaussian):
    _, x, _ = linear_gaussian
    q, _ = torch.linalg.qr(torch.randn(4, 2))  # orthonormal columns: the posterior's covariance is diagonal
    exact = Autoencoder(nn.Flatten(), _Posterior(q), _Drawn(q), Squared(0.5))
    normal = MultivariateNormal(torch.zeros(4), q @ q.T + 0.25 * torch.eye(4))
    constant = 4 * math.log(0.5 * math.sqrt(2 * math.pi))
    expected = normal.log_prob(x.flatten(1)) + constant
    torch.testing.assert_close(log_weights(exact, x, 1)[0], expected, rtol=1e-4, atol=1e-4)


class _Posterior(Bottleneck):
    """The posterior of z given x = q z + .5 e with orthonormal q: mean q'x / 1.25, variance .25 / 1.25."""

    def __init__(self, q: Tensor) -> None:
        super().__init__()
        self.q = q

    def forward(self, x: Tensor) -> GaussianLatent:
        mean = x @ self.q / 1.25
        logvar = torch.full_like(mean, math.log(0.2))
        return GaussianLatent(mean + math.sqrt(0.2) * torch.randn_like(mean), mean, mean, logvar)


class _Drawn(nn.Module):
    def __init__(self, q: Tensor) -> None:
        super().__init__()
        self.q = q

    def forward(self, z: Tensor) -> Tensor:
        return (z @ self.q.T).view(-1, 1, 1, 4)


# Prices of the KL


def test_free_bits_have_no_gradient_below_the_floor_and_one_per_nat_above():
    """The catalogue's 3.10: not 'a penalty only when the KL is below the threshold', the other way round."""
    kl = torch.tensor([[0.05, 0.5, 0.9], [0.15, 0.7, 0.1]], requires_grad=True)  # means .1, .6, .5
    charged = free_bits_kl(kl, 0.25)
    assert charged.item() == pytest.approx(0.25 + 0.6 + 0.5)
    charged.backward()
    assert kl.grad.tolist() == [[0, 0.5, 0.5], [0, 0.5, 0.5]]  # 1 per nat of the mean over two images
    torch.testing.assert_close(free_bits_kl(kl, 0.0), kl.sum(1).mean())


@pytest.mark.parametrize(
    ("kl_warmup", "annealing_cycles", "prices"),
    [
        (0.0, 0, [1, 1, 1, 1, 1]),
        (0.5, 0, [0, 0.5, 1, 1, 1]),
        (1.0, 0, [0, 0.25, 0.5, 0.75, 1]),
        (0.0, 1, [0, 0.5, 1, 1, 1]),
        (0.0, 2, [0, 1, 0, 1, 1]),
        (0.7, 2, [0, 1, 0, 1, 1]),  # with cycles the share does not count
    ],
)
def test_the_price_rises_once_or_again_and_again_and_ends_in_full(kl_warmup, annealing_cycles, prices):
    assert [kl_anneal(at, kl_warmup, annealing_cycles) for at in (0, 0.25, 0.5, 0.75, 1)] == pytest.approx(prices)


def test_each_cycle_rises_for_half_of_it():
    found = [kl_anneal(at / 400, 0.0, 4) for at in range(400)]
    assert found[:50] == pytest.approx([at / 50 for at in range(50)]) and found[50:100] == [1.0] * 50
    assert found == pytest.approx(found[:100] * 4)


def test_beta_vae_with_beta_1_is_the_vae_and_at_0_the_reconstruction():
    p = _made("vae", 3).forward(torch.rand(6, 1, 8, 8))
    for beta, progress, warm_up in ((1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (4.0, 0.25, 0.5)):
        p.progress = progress
        parts = _made("beta-vae", 3, beta=beta, kl_warmup=warm_up).objectives[0].loss(p)
        price = beta * (progress / warm_up if warm_up else 1)
        torch.testing.assert_close(parts["beta*kl"], price * negative_elbo(p)["kl"])


# Sparsity


@pytest.mark.parametrize("k", [1, 5, 16])
def test_top_k_keeps_exactly_the_k_largest(k):
    h = torch.randn(50, 16)
    code = TopK(16, k)(h).code
    assert ((code != 0).sum(1) == k).all()
    kept = h.sort(1, descending=True).values[:, :k]
    torch.testing.assert_close(torch.where(code != 0, code, -math.inf).sort(1, descending=True).values[:, :k], kept)
    assert ((code == h) | (code == 0)).all()


def test_top_k_of_a_short_code_keeps_all_of_it():
    h = torch.randn(5, 4)
    assert torch.equal(TopK(4, 8)(h).code, h)


def test_in_top_k_only_what_is_kept_learns():
    h = torch.randn(5, 8, requires_grad=True)
    code = TopK(8, 3)(h).code
    code.sum().backward()
    assert torch.equal(h.grad, (code != 0).float())


@pytest.mark.parametrize(
    ("rho", "active", "kl"),
    [
        (0.05, 0.80, 1.341608),  # catalogue N5, for which the course says 1.49
        (0.05, 0.01, 0.041291),  # N6
        (0.05, 0.70, 0.963093),  # N8
        (0.05, 0.09, 0.011477),  # N9: as far above as .01 is below, and 3.6 times cheaper
        (0.05, 0.05, 0.0),
    ],
)
def test_the_charge_for_rarity(rho, active, kl):
    code = torch.full((4, 1), active, dtype=torch.float64)
    assert sparsity_kl(code, rho).item() == pytest.approx(kl, abs=6e-7)
    assert sparsity_kl(code.expand(4, 3), rho).item() == pytest.approx(3 * kl, abs=2e-6)  # summed over units
    # only the mean over the batch counts
    swing = torch.tensor([[0.5], [-0.5], [0.25], [-0.25]]).double() * min(active, 1 - active)
    assert sparsity_kl(code + swing, rho).item() == pytest.approx(kl, abs=6e-7)


def test_the_charge_for_rarity_pulls_towards_rho_and_stays_finite_at_the_ends():
    code = torch.tensor([[0.02, 0.3]], requires_grad=True)
    sparsity_kl(code, 0.1).backward()
    assert code.grad[0, 0] < 0 < code.grad[0, 1]
    assert sparsity_kl(torch.tensor([[0.0, 1.0]]), 0.1).isfinite()


def test_the_charge_for_activity_pulls_every_active_unit_down_alike():
    recipe = _made("sparse", 8, l1_weight=0.5)
    p = recipe.forward(torch.rand(6, 1, 8, 8))
    code = p.latent.code
    activity = recipe.objectives[0].loss(p)["l1"]
    torch.testing.assert_close(activity, 0.5 * code.sum() / 6)  # a ReLU's code is its own absolute value
    (gradient,) = torch.autograd.grad(activity, code)
    torch.testing.assert_close(gradient, 0.5 / 6 * (code > 0).float())
    assert (code > 0).any(0).all()  # all units start awake


def test_input_dropout_doubles_what_it_leaves():
    """Catalogue 3.22: with p = .5 ones become 0 and 2; masking leaves 1. Both of one mind about the pixels."""
    x, n = torch.ones(200, 1, 20, 20), 80_000
    seen = corruptions.dropout(x, 0.5)
    assert seen.unique().tolist() == [0, 2]
    assert seen.mean().item() == pytest.approx(1, abs=5 / math.sqrt(n))  # its standard deviation is 1
    torch.manual_seed(1)
    masked = corruptions.masking(x, 0.5)
    torch.manual_seed(1)
    assert torch.equal(corruptions.dropout(x, 0.5), 2 * masked)
    assert nn.Dropout(0.5)(x).unique().tolist() == [0, 2]  # torch's own


# Tied weights, contraction


def test_tied_weights_are_half_the_numbers_and_stay_tied_after_a_move_and_a_trip_to_disk(monkeypatch, tmp_path, digits):
    course = FAMILIES["tied-weights"].build(NetworkFactory((1, 1, 784), hidden_sizes=()), 32).model
    assert count_parameters(course) == 25_904 == 784 * 32 + 784 + 32  # catalogue N35; untied 50,992

    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    monkeypatch.setattr(worker, "load_training", lambda _: digits)
    config = resolve_config(Config(family="tied-weights", hidden_sizes=(16,), latent_dim=4, epochs=1))
    list(worker.run_training(config))
    opened = loaded.load(config.id).model
    for model in (course, course.to(torch.float64), course.to("meta"), opened, opened.to(torch.float64)):
        encoder = [each for each in model.encoder.modules() if isinstance(each, nn.Linear)]
        decoder = [each for each in model.decoder.modules() if hasattr(each, "source")]
        for up, down in zip(encoder, reversed(decoder), strict=True):
            assert down.source.weight is up.weight
    x = torch.rand(3, 4).double()
    hidden, out = (each for each in opened.decoder.modules() if hasattr(each, "source"))
    a, b = (each for each in opened.encoder.modules() if isinstance(each, nn.Linear))
    by_hand = torch.relu(x @ b.weight + hidden.bias) @ a.weight + out.bias
    torch.testing.assert_close(opened.decode(x).flatten(1), by_hand)


def _jacobians(model: Autoencoder, x: Tensor) -> Tensor:
    """d code / d x of each image by autograd, `[B, D, pixels]`."""
    code = lambda one: model.encode(one[None]).code[0]  # noqa: E731
    return torch.stack([torch.autograd.functional.jacobian(code, one).flatten(1) for one in x])


def test_the_jacobian_of_one_layer_is_autograds():
    recipe = _made("contractive", 5, MAKE.replace(hidden_sizes=()), contraction_weight=1.0)
    p = recipe.forward(torch.rand(7, 1, 8, 8))
    exact = _jacobians(recipe.model, p.x).square().sum((1, 2)).mean()
    weight = recipe.model.encoder[1].weight
    torch.testing.assert_close(jacobian_frobenius_exact(p.latent.code, weight), exact, rtol=1e-5, atol=0)
    torch.testing.assert_close(recipe.objectives[0].loss(p)["contraction"], exact, rtol=1e-5, atol=0)


def test_the_jacobian_of_two_sigmoid_units_by_hand():
    """Catalogue N36, the formula: each unit's slope f (1 - f), squared, times the squared length of its weights."""
    w = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.4, -0.5]]).double()  # squared lengths .38 and .42
    code = torch.tensor([[0.5, 0.2]]).double()  # slopes .25 and .16
    assert jacobian_frobenius_exact(code, w).item() == pytest.approx(0.0625 * 0.38 + 0.0256 * 0.42)


def test_random_directions_find_the_jacobian_of_a_deep_encoder_on_average():
    recipe = _made("contractive", 5, MAKE.replace(activation="tanh"), contraction_weight=1.0)
    p = recipe.forward(torch.rand(4, 1, 8, 8))
    exact = _jacobians(recipe.model, p.x).square().sum((1, 2)).mean().item()
    found = torch.tensor([jacobian_frobenius_hutchinson(p).item() for _ in range(1000)])
    assert found.mean().item() == pytest.approx(exact, abs=5 * found.std().item() / math.sqrt(1000))
    assert (found > 0).all()
    with torch.no_grad():
        assert jacobian_frobenius_hutchinson(p) > 0  # scores are taken where gradients are off


def test_a_smaller_encoder_cannot_be_made_good_by_a_larger_decoder():
    """Catalogue 3.20: f = e x, g = z / e gets the Jacobian for nothing. Here g has the weights of f: W e changes both
    what the encoder says and what is drawn, by e each."""
    model = _made("contractive", 4, MAKE.replace(hidden_sizes=())).model
    x = torch.rand(5, 1, 8, 8)
    before, weight = model.reconstruct(x), model.encoder[1].weight
    z = torch.rand(5, 4)
    drawn = model.decode(z).detach()
    weight.data *= 0.1
    torch.testing.assert_close(model.decode(z), 0.1 * drawn)  # its biases are 0 at first
    assert (model.reconstruct(x) - before).abs().max() > 0.01
    assert all(p.ndim == 1 for p in model.decoder.parameters())  # nothing but biases to make up for it


def test_contraction_makes_codes_stiff(digits):
    small = replace(digits, train=_few(digits.train, 400))
    norms = []
    for stiffness in (0.0, 10.0):
        config = resolve_config(
            Config(
                family="contractive",
                hidden_sizes=(),
                latent_dim=16,
                epochs=15,
                params={"contraction_weight": stiffness},
            )
        )
        recipe = build_recipe(config)
        _last(recipe, small, config)
        p = recipe.forward(torch.from_numpy(digits.validation.to_float()))
        norms.append(jacobian_frobenius_exact(p.latent.code, recipe.model.encoder[1].weight).item())
    assert norms[1] < 0.6 * norms[0]  # measured on three seeds: .27 and .59


def _few(split: Split, count: int) -> Split:
    return Split(split.x[:count], split.y[:count], split.max_value)


# Codebooks


def _book(slots: int = 3, codes: int = 5, width: int = 2, **said) -> VectorQuantizer:
    book = VectorQuantizer(slots, codes, width, **said)
    book.initialised.fill_(True)  # with the vectors that it has
    return book


def test_the_nearest_vector_is_the_nearest():
    book, h = _book(), torch.randn(40, 6)
    latent = book.eval()(h)
    for b, s in itertools.product(range(40), range(3)):
        distances = (book.embedding - h[b].view(3, 2)[s]).norm(dim=1)
        assert latent.indices[b, s] == distances.argmin()
        assert torch.equal(latent.quantized[b, s], book.embedding[distances.argmin()])
    assert torch.equal(latent.code, latent.quantized.flatten(1)) and latent.code.shape == (40, 6)
    torch.testing.assert_close(latent.z, latent.code)  # the encoder's part is added and taken away: rounding
    assert torch.equal(book.project(h), latent.code) and torch.equal(book.project(latent.code), latent.code)


def test_gradients_pass_straight_through_the_choice():
    recipe = _made("vq-vae", 3, codebook_size=5, embedding_dim=2)
    p = recipe.forward(torch.rand(8, 1, 8, 8))
    at_z, at_encoded = torch.autograd.grad(p.nll.sum(), [p.latent.z, p.latent.encoded], retain_graph=True)
    assert torch.equal(at_z, at_encoded.flatten(1)) and at_z.abs().sum() > 0
    # the commitment pulls the encoder to its vectors, and those follow by themselves: they are no weights
    (pull,) = torch.autograd.grad(commitment_loss(p), p.latent.encoded)
    torch.testing.assert_close(pull, 2 * (p.latent.encoded - p.latent.quantized) / 8)
    assert not list(recipe.model.bottleneck.parameters()) and not p.latent.quantized.requires_grad


def test_the_first_batch_gives_the_first_vectors_and_keeps_them_where_they_are():
    """Three slots: weights of the averages add up to 3, and so must those that they start with."""
    book, h = VectorQuantizer(3, 5, 2), 10 + torch.randn(64, 6)
    book(h)
    assert book.initialised
    # one step of the averages moves a vector a hundredth of the way at most a few times; not to a third
    assert (torch.cdist(book.embedding, h.view(-1, 2)).min(1).values < 0.5).all() and (book.embedding > 5).all()


@pytest.mark.parametrize("slots", [1, 3])
def test_vectors_follow_the_means_of_what_is_assigned_to_them(slots):
    """Four clusters, far apart, and a vector near each: after many batches each vector is its cluster's mean."""
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    book = _book(slots, 4, 2, decay=0.9, reset_dead_codes=False)
    book.embedding.copy_(centres + 1)
    book.ema_sums.copy_(book.embedding * slots / 4)
    which = torch.arange(400 * slots) % 4
    points = (centres[which] + 0.5 * torch.randn(400 * slots, 2))[torch.randperm(400 * slots)].view(400, -1)
    for _ in range(150):  # .9 ** 150 = 1e-7
        latent = book.train()(points)
    means = torch.stack([points.view(-1, 2)[latent.indices.flatten() == k].mean(0) for k in range(4)])
    torch.testing.assert_close(book.embedding, means, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(book.ema_counts.sum(1), torch.ones(slots))  # shares of each slot
    assert book.perplexity == pytest.approx(4, abs=1e-3)  # all four are used alike


def test_one_step_of_the_averages_is_the_papers():
    """van den Oord et al. 2017, appendix A.1, in shares of a batch."""
    book, h = _book(2, 3, 1, decay=0.8, reset_dead_codes=False), torch.randn(10, 2)
    counts, sums = book.ema_counts.clone(), book.ema_sums.clone()
    indices = book.train()(h).indices
    for k in range(3):
        taken = indices == k
        torch.testing.assert_close(book.ema_counts[:, k], 0.8 * counts[:, k] + 0.2 * taken.float().mean(0))
        torch.testing.assert_close(book.ema_sums[k], 0.8 * sums[k] + 0.2 * h[taken].sum() / 10)
        torch.testing.assert_close(book.embedding[k], book.ema_sums[k] / book.ema_counts[:, k].sum())


@pytest.mark.parametrize("reset_dead_codes", [True, False])
def test_dead_vectors_are_put_where_the_encoder_is(reset_dead_codes):
    book = _book(2, 4, 2, decay=0.8, reset_dead_codes=reset_dead_codes)
    book.embedding.copy_(
        torch.tensor([[0.0, 0.0], [1.0, 1.0], [1e3, 1e3], [-1e3, 1e3]])
    )  # two where nothing ever comes
    book.ema_sums.copy_(book.embedding / 2)
    for _ in range(60):
        book.train()(torch.rand(50, 4))
    far = (book.embedding.abs().amax(1) > 2).sum().item()
    assert far == (0 if reset_dead_codes else 2)
    assert (book.perplexity > 2.5) == reset_dead_codes
    torch.testing.assert_close(book.ema_counts.sum(1), torch.ones(2), rtol=0, atol=0.5 if reset_dead_codes else 1e-5)


@pytest.mark.parametrize("how", ["eval", "no_grad", "inference"])
def test_looking_changes_no_codebook(how):
    model = _made("vq-vae", 3, codebook_size=5, embedding_dim=2).model
    before = {name: each.clone() for name, each in model.bottleneck.named_buffers()}
    assert set(before) == {"embedding", "ema_counts", "ema_sums", "initialised"}
    x = torch.rand(6, 1, 8, 8)
    if how == "eval":
        model.eval().encode(x)
    elif how == "no_grad":
        with torch.no_grad():
            model.train().encode(x)
    else:
        model.train().reconstruct(x)
    assert all(torch.equal(each, before[name]) for name, each in model.bottleneck.named_buffers())


def test_codes_are_sampled_slot_by_slot_as_often_as_they_were_taken():
    book, n = _book(2, 3, 1), 20_000
    book.embedding.copy_(torch.tensor([[0.0], [1.0], [2.0]]))
    book.ema_counts.copy_(torch.tensor([[0.7, 0.3, 0.0], [0.1, 0.2, 0.7]]))
    drawn = book.sample_prior(n)
    assert drawn.shape == (n, 2)
    shares = torch.stack([(drawn == k).float().mean(0) for k in range(3)], 1)
    torch.testing.assert_close(shares, book.ema_counts, rtol=0, atol=5 * math.sqrt(0.25 / n))
    assert book.sample_prior(1).shape == (1, 2)


@pytest.mark.parametrize("codes", [2, 64])
def test_perplexity_counts_the_vectors_in_use(codes):
    book = _book(3, codes, 2)
    assert book.perplexity == pytest.approx(codes, rel=1e-5)
    book.ema_counts.zero_()[:, :2] = 0.5
    assert book.perplexity == pytest.approx(2, rel=1e-5)
    book.ema_counts.zero_()[:, 0] = 1
    assert book.perplexity == pytest.approx(1, rel=1e-5)


def test_a_codebook_learns_digits_and_uses_much_of_itself(digits):
    config = resolve_config(Config(family="vq-vae", latent_dim=8, hidden_sizes=(64,), epochs=15, batch_size=64))
    recipe = build_recipe(config)
    last = _last(recipe, digits, config)
    # with the form's settings 41 of 64 were in use after 30 epochs; a quarter is safe
    assert recipe.model.bottleneck.perplexity > 16
    mean = digits.train.to_float().mean(0, keepdims=True).clip(1e-3, 1 - 1e-3)
    raw = torch.logit(torch.from_numpy(mean))
    x = torch.from_numpy(digits.validation.to_float())
    always_the_mean = Bernoulli().nll(raw.expand_as(x), x).mean().item()
    assert last.validation["reconstruction"] < 0.9 * always_the_mean


# Ladders


def _raw(ladder: LadderBottleneck, h: Tensor, top: Tensor) -> tuple[Normal, Normal]:
    """q(bottom | x, top) and p(bottom | top) in the bottom's own units: the first is the normalised product of the
    second and of what is seen."""
    seen, doubt = ladder.to_bottom(torch.relu(h)).chunk(2, 1)
    expected, spread = ladder.prior_net(top).chunk(2, 1)
    precision = (-doubt).exp() + (-spread).exp()
    mean = (seen * (-doubt).exp() + expected * (-spread).exp()) / precision
    return Normal(mean, precision.rsqrt()), Normal(expected, (0.5 * spread).exp())


def test_the_ladders_kl_is_that_of_its_levels_in_their_own_units():
    ladder, h = LadderBottleneck(2, 3, width=16), torch.randn(20, 16)
    latent = ladder(h)
    q, p = _raw(ladder, h, latent.z[:, :2])
    torch.testing.assert_close(latent.kl[:, 2:], kl_divergence(q, p), rtol=1e-4, atol=1e-6)
    top = Normal(latent.mean[:, :2], (0.5 * latent.logvar[:, :2]).exp())
    torch.testing.assert_close(latent.kl[:, :2], kl_divergence(top, Normal(0.0, 1.0)), rtol=1e-4, atol=1e-6)
    # log q - log p of a draw is the same in both units: the ratio knows no change of variables
    z = ladder.decoder_input(latent.z)
    ours = _single_draw(GaussianLatent(*(each[:, 2:] for each in (latent.z, latent.mean, latent.mean, latent.logvar))))
    torch.testing.assert_close(ours, (q.log_prob(z) - p.log_prob(z)).sum(1), rtol=1e-3, atol=1e-4)


def test_lower_puts_the_bottom_back_into_its_own_units():
    ladder, h = LadderBottleneck(2, 3, width=16), torch.randn(20, 16)
    latent = ladder(h)
    q, p = _raw(ladder, h, latent.z[:, :2])
    torch.testing.assert_close(ladder.decoder_input(torch.cat([latent.z[:, :2], latent.mean[:, 2:]], 1)), q.mean)
    torch.testing.assert_close(ladder.decoder_input(torch.cat([latent.z[:, :2], torch.zeros(20, 3)], 1)), p.mean)
    own = ladder.decoder_input(latent.z)
    torch.testing.assert_close((own - p.mean) / p.stddev, latent.z[:, 2:])


def test_a_frozen_top_sets_place_and_scale_and_the_bottom_moves_alone():
    ladder, codes = LadderBottleneck(2, 3), torch.randn(10, 5)
    moved = codes.clone()
    moved[:, 3] += 1.5
    shift = ladder.decoder_input(moved) - ladder.decoder_input(codes)
    assert torch.equal(shift[:, [0, 2]], torch.zeros(10, 2)) and (shift[:, 1] > 0).all()
    spread = ladder.prior_net(codes[:, :2]).chunk(2, 1)[1][:, 1]
    torch.testing.assert_close(shift[:, 1], 1.5 * (0.5 * spread).exp())
    other_top = codes.clone()
    other_top[:, 0] += 1.5
    assert (ladder.decoder_input(other_top) != ladder.decoder_input(codes)).all()


def test_a_ladders_code_is_not_random_and_its_draws_are():
    model, x = _made("ladder-vae", 5).model, torch.rand(4, 1, 8, 8)
    a, b = model.encode(x), model.encode(x)
    assert torch.equal(a.code, b.code) and not torch.equal(a.z, b.z)
    assert torch.equal(model.reconstruct(x), model.reconstruct(x))
    # the code's bottom is what is said of the bottom when the top is at its mean
    q, p = _raw(model.bottleneck, model.encoder(x), a.mean[:, :2])
    torch.testing.assert_close(a.code[:, 2:], (q.mean - p.mean) / p.stddev, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("latent_dim", "share", "top"), [(8, 0.5, 4), (8, 0.9, 7), (8, 0.1, 1), (2, 0.9, 1), (3, 0.1, 1)]
)
def test_the_ladders_levels_share_the_code(latent_dim, share, top):
    bottleneck = _made("ladder-vae", latent_dim, top_level_share=share).model.bottleneck
    assert (bottleneck.n_top, bottleneck.out_features) == (top, latent_dim)


# Adversaries and priors


@pytest.mark.parametrize("dims", [1, 2, 5])
@pytest.mark.parametrize("prior", priors.PRIORS)
def test_priors_have_their_shape_and_are_normal_beyond_two_dimensions(prior, dims):
    codes = priors.PRIORS[prior](5000, dims)
    assert codes.shape == (5000, dims) and codes.dtype == torch.float32 and codes.isfinite().all()
    assert priors.PRIORS[prior](1, dims).shape == (1, dims)
    for column in codes.T[2:]:
        assert column.mean().item() == pytest.approx(0, abs=5 / math.sqrt(5000))
        assert column.var().item() == pytest.approx(1, abs=5 * math.sqrt(2 / 5000))


def test_the_ring_has_radius_2_and_no_favourite_direction():
    codes = priors.ring(20_000, 2)
    # a radius of 2 and .2 of noise across and along it: sqrt(4 + .04) or so on average
    assert codes.norm(dim=1).mean().item() == pytest.approx(2 + 0.2**2 / 4, abs=5 * 0.2 / math.sqrt(20_000))
    assert codes.norm(dim=1).std().item() == pytest.approx(0.2, abs=0.005)
    assert codes.mean(0).abs().max() < 5 * math.sqrt(2 / 20_000)


def test_the_mixture_has_ten_modes_equally_many_on_a_circle_of_radius_3():
    codes, n = priors.mixture(20_000, 2), 20_000
    angles = torch.atan2(codes[:, 1], codes[:, 0]) / (2 * math.pi / 10)
    nearest = angles.round().long() % 10
    shares = torch.bincount(nearest, minlength=10) / n
    # neighbours' middles lie 1.85 apart, 2.6 of the modes' .35 from the border: 1 in 100 goes over it, both ways alike
    torch.testing.assert_close(shares, torch.full((10,), 0.1), rtol=0, atol=5 * math.sqrt(0.09 / n))
    for mode in range(10):
        at = 3 * torch.tensor([math.cos(mode * math.pi / 5), math.sin(mode * math.pi / 5)])
        cloud = codes[nearest == mode]
        assert (cloud.mean(0) - at).norm() < 0.06 and cloud.std(0).mean().item() == pytest.approx(0.35, abs=0.03)


def test_an_aae_samples_from_its_own_prior():
    for prior in priors.PRIORS:
        sample = _made("aae", 2, prior=prior).model.bottleneck.sample_prior
        torch.manual_seed(1)
        drawn = sample(10)
        torch.manual_seed(1)
        assert torch.equal(drawn, priors.PRIORS[prior](10, 2))


@pytest.mark.slow
def test_the_critic_ends_near_chance_and_the_codes_near_the_prior(digits):
    """At chance a critic costs 2 ln 2 = 1.39 nats, and an encoder that fools it ln 2. Measured on seeds 0 to 3: 1.29 to
    1.35, .73 to .80, means within .26 and variances 1.07 to 1.22."""
    config = resolve_config(
        presets.default_config("digits", family="aae", latent_dim=2, epochs=60, params={"adversarial_weight": 1.0})
    )
    recipe = build_recipe(config)
    last = _last(recipe, digits, config)
    codes = recipe.model.encode_mean(torch.from_numpy(digits.train.to_float()))
    assert last.validation["discriminator"] == pytest.approx(2 * math.log(2), abs=0.3)
    assert last.validation["adversarial"] == pytest.approx(math.log(2), abs=0.3)
    assert codes.mean(0).abs().max() < 0.5
    assert codes.var(0).min() > 0.6 and codes.var(0).max() < 1.8


# Conditional


@pytest.fixture(scope="module")
def bars() -> Dataset:
    """Class 0: a column; class 1: a row; where it stands is the style. [N, 1, 8, 8]"""
    rng = np.random.default_rng(0)
    labels, at = rng.integers(0, 2, 600), rng.integers(0, 8, 600)
    pixels = np.zeros((600, 1, 8, 8), np.uint8)
    for picture, label, place in zip(pixels, labels, at, strict=True):
        picture[0][(slice(None), place) if label == 0 else place] = 16
    splits = [Split(pixels[part], labels[part], 16) for part in (slice(400), slice(400, 500), slice(500, 600))]
    return Dataset(load("digits").card, *splits)


@pytest.fixture(scope="module")
def conditional(bars):
    config = resolve_config(
        Config(family="conditional-vae", latent_dim=2, hidden_sizes=(64, 32), epochs=60, batch_size=32)
    )
    recipe = build_recipe(config)
    _last(recipe, bars, config)
    return recipe.model


def test_a_conditional_model_guesses_labels_it_is_not_given(conditional, bars):
    x, y = torch.from_numpy(bars.test.to_float()), torch.from_numpy(bars.test.y)
    assert (conditional.infer_label(x) == y).float().mean() > 0.95  # chance: half of two, a tenth of ten
    assert torch.equal(conditional.encode_mean(x), conditional.encode_mean(x))
    assert torch.equal(conditional.encode_mean(x), conditional.encode_mean(x, conditional.infer_label(x)))
    assert torch.equal(conditional.reconstruct(x), conditional.reconstruct(x, conditional.infer_label(x)))


def test_a_code_under_another_label_is_another_picture(conditional, bars):
    x, y = torch.from_numpy(bars.test.to_float()), torch.from_numpy(bars.test.y)
    codes = conditional.encode_mean(x, y)
    assert not torch.equal(codes, conditional.encode_mean(x, 1 - y))
    for label, direction in ((0, 2), (1, 3)):  # a column is bright along its rows, a row along its columns
        drawn = conditional.decode_mean(codes, torch.full_like(y, label))
        along, across = drawn.mean(direction).amax(2), drawn.mean(5 - direction).amax(2)
        assert (along > across).float().mean() > 0.9


def test_a_conditional_bound_takes_labels(conditional, bars):
    x, y = torch.from_numpy(bars.test.to_float()), torch.from_numpy(bars.test.y)
    right, wrong = (iwae_bound(log_weights(conditional, x, 5, labels), 5).mean() for labels in (y, 1 - y))
    assert right > wrong + 1


# Stacks


def test_in_a_stack_only_the_layers_of_a_stage_move(monkeypatch, digits):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0)
    monkeypatch.setattr(loop, "FIRST_REPORT", 0)
    config = resolve_config(Config(family="stacked", hidden_sizes=(12, 6), latent_dim=3, epochs=4, batch_size=16))
    data, recipe = replace(digits, train=_few(digits.train, 48)), build_recipe(config)
    encoder, decoder = (
        [each for each in part.modules() if isinstance(each, nn.Linear)]
        for part in (recipe.model.encoder, recipe.model.decoder)
    )
    assert [each.interval for each in recipe.objectives] == [(0, 0.25), (0.25, 0.5), (0.5, 0.75), (0.75, 1)]

    def weights() -> list[Tensor]:
        return [layer.weight.detach().clone() for layer in (*encoder, *decoder)]

    before, moved = weights(), {}
    for report in fit(recipe, data, config, CPU):
        stage = min(3, math.ceil(report.fraction * 4 - 1e-9) - 1)
        now = weights()
        moved.setdefault(stage, set()).update(i for i in range(6) if not torch.equal(before[i], now[i]))
        before = now
    # encoder 0 1 2, decoder 3 4 5: the first stage is the outermost pair, the third the innermost
    assert moved == {0: {0, 5}, 1: {1, 4}, 2: {2, 3}, 3: {0, 1, 2, 3, 4, 5}}


def test_each_stage_is_an_autoencoder_of_what_the_layers_before_say():
    recipe = _made("stacked", 3, MAKE.replace(activation="tanh"))
    p = recipe.forward(torch.rand(5, 1, 8, 8))
    up = [each for each in recipe.model.encoder.modules() if isinstance(each, nn.Linear)]
    down = [each for each in recipe.model.decoder.modules() if isinstance(each, nn.Linear)][::-1]
    first, second, third = (each.loss(p) for each in recipe.objectives[:3])
    x = p.x.flatten(1)
    h = torch.tanh(up[0](x))
    torch.testing.assert_close(first["layer 1"], MAKE.likelihood.nll(down[0](h), x).mean())
    # what stands in the whole decoder, bend included, gives back what stands in the whole encoder
    again = torch.tanh(down[1](torch.tanh(up[1](h))))
    torch.testing.assert_close(second["layer 2"], (again - h).square().sum(1).mean())
    deep = torch.tanh(up[1](h))
    again = torch.tanh(down[2](up[2](deep)))
    torch.testing.assert_close(third["layer 3"], (again - deep).square().sum(1).mean())
    torch.testing.assert_close(recipe.objectives[3].loss(p), reconstruction_loss(p))


# Likelihoods


def test_laplace_is_torchs_but_for_its_constant_and_is_absolute_error_over_its_width():
    laplace, raw, x = Absolute(), torch.randn(4, 1, 5, 5), torch.rand(4, 1, 5, 5)
    torch.testing.assert_close(laplace.nll(raw, x), (raw - x).abs().sum((1, 2, 3)) / 0.15)
    exact = -Laplace(raw, 0.15).log_prob(x).sum((1, 2, 3)) - 25 * math.log(2 * 0.15)
    torch.testing.assert_close(laplace.nll(raw, x), exact, rtol=1e-4, atol=1e-3)
    assert torch.equal(laplace.mean(raw), raw)


def test_absolute_error_finds_the_median_where_squared_error_finds_the_mean():
    x = torch.tensor([0.0, 0.0, 0.0, 0.2, 1.0]).view(5, 1)
    at = torch.linspace(0, 1, 101)
    best = {
        name: at[
            torch.stack([LIKELIHOODS[name](Image(1, 1, 1)).nll(c.expand(5, 1), x).sum() for c in at]).argmin()
        ].item()
        for name in ("laplace", "gaussian")
    }
    assert best == pytest.approx({"laplace": 0.0, "gaussian": 0.24})


# Metrics of the zoo


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    """Two independent factors of 10 steps each, every pair 40 times: [4000, 2]."""
    return np.stack(np.meshgrid(np.arange(10), np.arange(10), indexing="ij"), -1).reshape(-1, 2).repeat(40, 0)


def test_codes_that_are_the_factors_have_a_gap_of_1(factors):
    assert metrics.mutual_information_gap(factors.astype(float), factors) == pytest.approx(1)
    assert metrics.mutual_information_gap(-3.0 * factors[:, ::-1] + 7, factors) == pytest.approx(1)  # in any order


def test_a_rotation_by_45_degrees_closes_the_gap(factors):
    centred = factors - 4.5
    turned = centred @ np.array([[1, 1], [-1, 1]]) / math.sqrt(2)  # each code tells as much of both
    assert metrics.mutual_information_gap(turned, factors) < 0.02
    slightly = math.radians(10)
    a_little = centred @ [[math.cos(slightly), -math.sin(slightly)], [math.sin(slightly), math.cos(slightly)]]
    assert 0.1 < metrics.mutual_information_gap(a_little, factors) < 0.95


def test_irrelevant_codes_have_no_gap_and_irrelevant_dimensions_take_none_away(factors):
    noise = np.random.default_rng(0).normal(size=(4000, 3))
    # two estimates, each biased upwards by at most 19 * 9 / (2 * 4000) = .021 of 2.3 nats: their difference is less
    assert metrics.mutual_information_gap(noise, factors) < 0.01
    with_noise = np.concatenate([noise, factors], 1)
    assert metrics.mutual_information_gap(with_noise, factors) == pytest.approx(1, abs=0.02)
    order = [3, 1, 4, 0, 2]
    assert metrics.mutual_information_gap(with_noise[:, order], factors) == pytest.approx(
        metrics.mutual_information_gap(with_noise, factors), abs=1e-12
    )


def test_a_factor_told_twice_has_no_gap_and_one_code_for_one_factor_all_of_it(factors):
    twice = np.concatenate([factors[:, :1], factors[:, :1]], 1).astype(float)
    assert metrics.mutual_information_gap(twice, factors[:, :1]) == pytest.approx(0, abs=1e-12)
    assert metrics.mutual_information_gap(twice[:, :1], factors[:, :1]) == pytest.approx(1)


def test_precision_and_coverage_at_their_ends():
    rng = np.random.default_rng(0)
    real = rng.normal(size=(500, 1, 1, 2)).astype(np.float32)
    assert metrics.precision_and_coverage(real, real) == (1, 1)
    assert metrics.precision_and_coverage(real, real + 100) == (0, 0)
    # of 500 points in the plane, at most 6 * 5 can have one point among their 5 nearest (six cones of 60 degrees), and
    # it has itself
    precision, coverage = metrics.precision_and_coverage(real, real[:1].repeat(200, 0))
    assert precision == 1 and 0 < coverage <= 31 / 500


def test_reach_is_the_distance_of_the_kth_neighbour_and_not_of_the_point_itself():
    real = np.array([[0.0], [1.0], [3.0], [7.0]])  # nearest neighbours at 1, 1, 2, 4; second ones at 3, 2, 3, 6
    made = np.array([[4.9], [11.5]])  # 1.9 from 3 and 2.1 from 7; 4.5 from 7
    assert metrics.precision_and_coverage(real, made, k=1) == (0.5, 0.5)
    assert metrics.precision_and_coverage(real, made, k=2) == (1.0, 0.5)


def test_precision_is_of_the_made_and_coverage_of_the_real():
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(300, 2)), rng.normal(size=(300, 2)) + 50
    real = np.concatenate([left, right])
    half_of_the_kinds = metrics.precision_and_coverage(real, rng.normal(size=(600, 2)))
    assert half_of_the_kinds[0] > 0.9 and half_of_the_kinds[1] == pytest.approx(0.5, abs=0.05)
    half_nonsense = np.concatenate([real, real + np.array([1000, 0])])
    precision, coverage = metrics.precision_and_coverage(real, half_nonsense)
    assert precision == 0.5 and coverage == 1


def test_plain_codes_are_what_the_encoder_says():
    h = torch.randn(4, 3)
    assert torch.equal(DeterministicBottleneck(3)(h).code, h) and torch.equal(DeterministicBottleneck(3)(h).z, h)


def test_only_the_nearest_vouches_in_strict_precision():
    """Real points at 0, 1, 2 and far off at 100, whose 2nd neighbour is 99 away: it would vouch for 50, which is nearer
    to 2, whose 2nd neighbour is 2 away. 0.5 lies within reach of its nearest."""
    real, made = np.array([[0.0], [1.0], [2.0], [100.0]]), np.array([[0.5], [50.0]])
    assert metrics.precision_and_coverage(real, made, k=2)[0] == 1
    assert metrics.strict_precision(real, made, k=2) == 0.5
