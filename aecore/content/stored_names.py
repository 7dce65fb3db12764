"""Stored names: what settings, loss parts and tensors are called in files, in format 1 and since format version 2.

Nothing here imports torch.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StoredName:
    """A name that stands in files, and what people call the same thing.

    Parameters
    ----------
    where
        What it is a name of: "run" (a field of Config), a family's name, "loss part", "tensor" or "preset".
    old
        The name in format 1.
    new
        The name since format version 2; equal to `old` where it was standard already.
    label
        What pages show; "" where it is shown as it stands.
    symbol
        Its usual symbol in LaTeX, without dollar signs; "" where it has none.
    paper
        The word of the family's paper; "" where there is none, or no other.
    term
        The id of the glossary's entry on it; "" where there is none.
    """

    where: str
    old: str
    new: str
    label: str = ""
    symbol: str = ""
    paper: str = ""
    term: str = ""


STORED_NAMES = (
    StoredName("run", "dataset", "dataset", "Data set"),
    StoredName("run", "family", "family", "Model"),
    StoredName("run", "network", "network", "Network"),
    StoredName("run", "hidden", "hidden_sizes", "Hidden layers", term="hidden-layer"),
    StoredName("run", "z_dim", "latent_dim", "Latent dimension", "D", term="latent-dimension"),
    StoredName("run", "activation", "activation", "Activation", term="activation-function"),
    StoredName("run", "likelihood", "likelihood", "Output likelihood", r"p(x \mid z)", term="likelihood"),
    StoredName("run", "epochs", "epochs", "Epochs", term="epoch"),
    StoredName("run", "batch_size", "batch_size", "Batch size", "B", term="batch-size"),
    StoredName("run", "lr", "lr", "Learning rate", r"\eta", term="learning-rate"),
    StoredName("run", "schedule", "schedule", "Learning-rate schedule", r"\eta(t)", term="learning-rate-schedule"),
    StoredName("run", "optimiser", "optimiser", "Optimiser", term="optimiser"),
    StoredName("run", "initialisation", "initialisation", "Weight initialisation", term="weight-initialisation"),
    StoredName("run", "weight_decay", "weight_decay", "Weight decay", r"\lambda", term="weight-decay"),
    StoredName("run", "dropout", "dropout", "Dropout", "p", term="dropout"),
    StoredName("run", "clip", "grad_clip_norm", "Gradient norm clip", term="gradient-clipping"),
    StoredName("run", "patience", "patience", "Early-stopping patience", term="early-stopping"),
    StoredName("run", "precision", "precision", "Precision", term="floating-point-precision"),
    StoredName("run", "pictures", "train_size", "Training-set size", "N", term="training-set"),
    StoredName("run", "reduction", "reduction", "Loss reduction", term="loss-reduction"),
    StoredName("run", "pixels", "pixel_range", "Pixel range"),
    StoredName("run", "decoder_sizes", "decoder_sizes", "Decoder layers"),
    StoredName("run", "batch_norm", "batch_norm", "Batch normalisation", term="batch-normalisation"),
    StoredName("run", "teacher_forcing", "teacher_forcing", "Teacher forcing", term="teacher-forcing"),
    StoredName(
        "run",
        "labels_per_class",
        "labels_per_class",
        "Labels per class",
        paper="labelled data",
        term="semi-supervised-learning",
    ),
    StoredName("run", "learned_prior", "learned_prior", "Learned prior", r"p_\psi(z)", term="learned-prior"),
    StoredName("run", "seed", "seed", "Seed", term="seed"),
    StoredName("run", "knobs", "params"),
    StoredName("run", "parent", "parent"),
    StoredName("run", "version", "version"),
    StoredName("preset", "usual", "default"),
    # --- Parameters of the families
    StoredName("vanilla", "code", "latent_activation", "Latent activation", term="latent-activation"),
    StoredName("denoising", "noise", "corruption", "Corruption", "q_D", "corruption process", "corruption-level"),
    StoredName(
        "denoising",
        "strength",
        "corruption_level",
        "Corruption level",
        r"\sigma,\ \nu",
        "destruction level",
        "corruption-level",
    ),
    StoredName("sparse", "sparsity", "l1_weight", "L1 weight", r"\lambda", term="l1-penalty"),
    StoredName("sparse-kl", "rho", "rho", "Target activation", r"\rho", "sparsity parameter", "target-activation"),
    StoredName("sparse-kl", "beta", "sparsity_weight", "Sparsity weight", r"\beta", "beta", "target-activation"),
    StoredName("top-k", "k", "k", "Active units (k)", "k", "sparsity level", "top-k-sparsity"),
    StoredName(
        "contractive",
        "stiffness",
        "contraction_weight",
        "Contraction weight",
        r"\lambda",
        "lambda",
        "contractive-autoencoder",
    ),
    StoredName("beta-vae", "beta", "beta", "KL weight", r"\beta", "beta", "kl-weight"),
    StoredName("beta-vae", "warm_up", "kl_warmup", "KL warm-up", r"\beta(t)", "KL cost annealing", "kl-annealing"),
    StoredName("beta-vae", "cycles", "annealing_cycles", "Annealing cycles", "M", "number of cycles", "kl-annealing"),
    StoredName("beta-vae", "free_bits", "free_bits", "Free bits", r"\lambda", "free bits", "free-bits"),
    StoredName("beta-tcvae", "beta", "beta", "TC weight", r"\beta", "beta", "beta-tcvae"),
    StoredName("info-vae", "alpha", "alpha", "alpha", r"\alpha", "alpha", "infovae"),
    StoredName("info-vae", "pull", "mmd_weight", "MMD weight", r"\lambda", "lambda", "maximum-mean-discrepancy"),
    StoredName("wae", "pull", "mmd_weight", "MMD weight", r"\lambda", "lambda", "maximum-mean-discrepancy"),
    StoredName("ladder-vae", "top_share", "top_level_share", "Top-level share", term="ladder-vae"),
    StoredName("ladder-vae", "warm_up", "kl_warmup", "KL warm-up", r"\beta(t)", "warm-up", "kl-annealing"),
    StoredName("aae", "prior", "prior", "Prior", "p(z)", "imposed prior", "prior"),
    StoredName("aae", "weight", "adversarial_weight", "Adversarial weight", r"\lambda", term="discriminator"),
    StoredName(
        "vq-vae", "codes", "codebook_size", "Codebook size", "K", "size of the discrete latent space", "codebook"
    ),
    StoredName(
        "vq-vae", "width", "embedding_dim", "Embedding dimension", "D", "size of an embedding vector", "codebook"
    ),
    StoredName(
        "vq-vae",
        "commitment_cost",
        "commitment_cost",
        "Commitment cost",
        r"\beta",
        "beta",
        "commitment-loss",
    ),
    StoredName("vq-vae", "revive", "reset_dead_codes", "Reset dead codes", term="dead-codebook-entry"),
    # --- What a loss is made of
    StoredName("loss part", "reconstruction", "reconstruction", "Reconstruction", term="reconstruction-loss"),
    StoredName("loss part", "activity", "l1", "L1", r"\lambda \sum_j \lvert h_j \rvert", term="l1-penalty"),
    StoredName(
        "loss part",
        "rarity",
        "sparsity_kl",
        "Sparsity KL",
        r"\beta \sum_j \mathrm{KL}(\rho \,\Vert\, \hat\rho_j)",
        term="target-activation",
    ),
    StoredName(
        "loss part",
        "jacobian",
        "contraction",
        "Contraction",
        r"\lambda\,\lVert J \rVert_F^2",
        term="contractive-autoencoder",
    ),
    StoredName("loss part", "kl", "kl", "KL", r"\mathrm{KL}", term="kl-divergence"),
    StoredName("loss part", "beta kl", "beta*KL", "beta*KL", r"\beta\,\mathrm{KL}", term="kl-weight"),
    StoredName("loss part", "fooling", "adversarial", "Adversarial", term="discriminator"),
    StoredName("loss part", "critic", "discriminator", "Discriminator", term="discriminator"),
    StoredName(
        "loss part",
        "mutual information",
        "mutual information",
        "Mutual information",
        "I(x; z)",
        term="mutual-information",
    ),
    StoredName(
        "loss part",
        "total correlation",
        "total correlation",
        "Total correlation",
        r"\mathrm{TC}(z)",
        term="total-correlation",
    ),
    StoredName("loss part", "dimension-wise kl", "dimension-wise kl", "Dimension-wise KL", term="dimension-wise-kl"),
    StoredName("loss part", "mmd", "mmd", "MMD", r"\mathrm{MMD}^2", term="maximum-mean-discrepancy"),
    StoredName("loss part", "commitment", "commitment", "Commitment", term="commitment-loss"),
    # --- Tensors of weights.safetensors
    StoredName("tensor", "bottleneck.book", "bottleneck.embedding", symbol="e", paper="embedding space"),
    StoredName("tensor", "bottleneck.counts", "bottleneck.ema_counts", symbol="N_i"),
    StoredName("tensor", "bottleneck.sums", "bottleneck.ema_sums", symbol="m_i"),
    StoredName("tensor", "bottleneck.started", "bottleneck.initialised"),
    StoredName("tensor", "bottleneck.expect", "bottleneck.prior_net", symbol=r"p(z_1 \mid z_2)"),
    StoredName("tensor", "hints", "label_embedding"),
)
