"""Terms of the glossary: kinds of autoencoders, and what their networks are made of."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="activation-function",
        term="Activation function",
        text="A function applied to every unit of a hidden layer, such as ReLU, max(0, x), or tanh. Without one a "
        "stack of layers is a single linear map, however deep it is.",
        labels=("activation", "nonlinearity", "ReLU", "ELU", "SiLU", "leaky ReLU"),
        see_also=("hidden-layer", "latent-activation", "dead-unit"),
    ),
    Term(
        id="adversarial-autoencoder",
        term="Adversarial autoencoder",
        text="An autoencoder whose codes are made to look like draws from a prior by training the encoder against a "
        "discriminator. The prior only has to be something one can sample (a Gaussian, a ring, a mixture), but "
        "training is a game of two networks and can tip over.",
        labels=("AAE", "adversarial autoencoders"),
        see_also=("discriminator", "prior", "wasserstein-autoencoder"),
        source="Makhzani, Shlens, Jaitly, Goodfellow & Frey 2015",
    ),
    Term(
        id="autoencoder",
        term="Autoencoder",
        text="A network trained to return its own input after passing it through a code that cannot hold everything. "
        "What the code keeps is decided by the loss and the limits put on it, not by labels.",
        labels=("AE", "vanilla autoencoder", "autoencoders"),
        see_also=("encoder", "decoder", "bottleneck"),
        source="Rumelhart, Hinton & Williams 1986",
    ),
    Term(
        id="beta-tcvae",
        term="beta-TCVAE",
        text="A VAE that splits the KL into mutual information, total correlation and a dimension-wise part, and "
        "weighs only the total correlation with β. Estimating the parts within a batch needs weights for the size of "
        "the data set, and the total correlation can come out slightly negative.",
        labels=("TCVAE", "TC weight"),
        symbol=r"\beta",
        see_also=("total-correlation", "kl-weight", "disentanglement"),
        source="Chen, Li, Grosse & Duvenaud 2018",
    ),
    Term(
        id="beta-vae",
        term="beta-VAE",
        text="A VAE whose KL term is multiplied by β: above 1 codes carry less and images blur, below 1 images "
        "sharpen and samples suffer. How strong a β is depends on how the reconstruction is summed: averaging it over "
        "784 pixels is the same as multiplying β by 784.",
        labels=("β-VAE", "beta-VAEs"),
        symbol=r"\beta",
        see_also=("kl-weight", "posterior-collapse", "loss-reduction"),
        source="Higgins et al. 2017",
    ),
    Term(
        id="bottleneck",
        term="Bottleneck",
        text="The layer between encoder and decoder whose limits force a choice: few dimensions, sparsity, noise or a "
        "finite codebook. A narrow layer is only one of these limits: a code wider than the input can be one too if "
        "it is sparse or noisy.",
        labels=("bottleneck layer",),
        see_also=("latent-dimension", "overcomplete-code"),
    ),
    Term(
        id="conditional-vae",
        term="Conditional VAE",
        text="A VAE whose encoder and decoder are given the class label, so that the code can leave it out and keep "
        "the style. One code decoded under ten labels gives ten digits in the same handwriting.",
        labels=("CVAE", "class label for decoding"),
        symbol=r"p(x \mid z, y)",
        see_also=("variational-autoencoder", "latent-code"),
        source="Sohn, Lee & Yan 2015",
    ),
    Term(
        id="contractive-autoencoder",
        term="Contractive autoencoder",
        text="An autoencoder that also pays for the squared size of the encoder's Jacobian, so that small changes of "
        "the input barely move the code. With an untied decoder the penalty can be dodged by shrinking the code and "
        "enlarging the decoder's weights, which is why the weights are tied.",
        labels=("contraction weight", "contraction"),
        symbol=r"\lambda\,\lVert \partial h / \partial x \rVert_F^2",
        see_also=("jacobian", "tied-weights"),
        source="Rifai, Vincent, Muller, Glorot & Bengio 2011",
    ),
    Term(
        id="convolution",
        term="Convolution",
        text="A layer that slides small filters over an image, so that the same few weights look at every place. It "
        "saves parameters where neighbouring pixels belong together, and helps nothing when pixels are shuffled.",
        labels=("convolutional", "convolutional layer", "conv"),
        see_also=("transposed-convolution", "stride"),
        source="LeCun et al. 1989",
    ),
    Term(
        id="corruption-level",
        term="Corruption level",
        text="How strongly an input is damaged before a model sees it: the standard deviation σ of Gaussian noise, "
        "with 1 the range from black to white, or the share p of pixels hit by masking or salt and pepper. Equal "
        "numbers of different kinds are not equal damage, so compare by the PSNR of the corrupted image.",
        labels=("corruption", "noise level", "destruction level", "corrupted input", "salt-and-pepper", "masking"),
        symbol=r"\sigma,\ p",
        see_also=("denoising-autoencoder", "peak-signal-to-noise-ratio"),
        source="Vincent, Larochelle, Bengio & Manzagol 2008",
    ),
    Term(
        id="decoder",
        term="Decoder",
        text="The network that maps a code back to the space of the data. Its raw outputs become an image only "
        "through the likelihood: a Bernoulli decoder returns logits, which a sigmoid turns into grey values.",
        labels=("decoders",),
        symbol=r"p(x \mid z)",
        see_also=("encoder", "likelihood"),
    ),
    Term(
        id="denoising-autoencoder",
        term="Denoising autoencoder",
        text="An autoencoder that gets a corrupted input and is compared with the clean one, so that copying does not "
        "pay. For Gaussian noise that is small, the step from input to output estimates the gradient of the log "
        "density, but not for masking or for strong noise.",
        labels=("DAE", "denoising", "denoising autoencoders"),
        see_also=("corruption-level",),
        source="Vincent, Larochelle, Bengio & Manzagol 2008; Vincent 2011",
    ),
    Term(
        id="encoder",
        term="Encoder",
        text="The network that maps an input to its code, or, in a VAE, to the mean and the log variance of a "
        "distribution over codes. Only training on the reconstruction gives it something to keep: an untrained one is "
        "a random projection, and already separates digits well above chance.",
        labels=("encoders",),
        symbol=r"q(z \mid x)",
        see_also=("decoder", "latent-code"),
    ),
    Term(
        id="hidden-layer",
        term="Hidden layer",
        text="A layer between input and code, or between code and output, whose values are neither. Its width is its "
        "number of units, or of channels in a convolutional network.",
        labels=("hidden layers", "hidden sizes", "hidden units"),
        see_also=("activation-function", "weight-initialisation"),
    ),
    Term(
        id="infovae",
        term="InfoVAE",
        text="A VAE that gives back a share α of the mutual information which the KL charges, and adds an MMD between "
        "all codes together and the prior. With α = 0 and an MMD weight λ = 1 it is a plain VAE.",
        labels=("MMD-VAE", "alpha"),
        symbol=r"\alpha,\ \lambda",
        see_also=("maximum-mean-discrepancy", "aggregate-posterior"),
        source="Zhao, Song & Ermon 2019",
    ),
    Term(
        id="ladder-vae",
        term="Ladder VAE",
        text="A VAE with levels of codes in which the top level sets the prior of the one below, and the encoder's "
        "evidence is combined with that expectation. Here two levels lie side by side in one code, the top level "
        "first.",
        labels=("top-level share", "ladder levels", "hierarchical VAE"),
        see_also=("variational-autoencoder", "kl-annealing"),
        source="Sonderby, Raiko, Maaloe, Sonderby & Winther 2016",
    ),
    Term(
        id="likelihood",
        term="Likelihood",
        text="The distribution over images that a decoder's output stands for; its negative logarithm is the "
        "reconstruction loss. Bernoulli gives binary cross-entropy, a Gaussian of fixed width squared error, a "
        "Laplace distribution absolute error.",
        labels=("output likelihood", "Bernoulli", "negative log-likelihood", "NLL", "log-likelihood"),
        symbol=r"p(x \mid z)",
        see_also=("binary-cross-entropy", "mean-squared-error", "nat"),
    ),
    Term(
        id="linear-autoencoder",
        term="Linear autoencoder",
        text="An autoencoder without activation functions, which with squared error reaches the subspace of the first "
        "D principal components. Its axes are an arbitrary basis of that subspace, neither orthogonal nor ordered by "
        "variance: it need not even be a rotation of PCA.",
        labels=("linear autoencoders",),
        see_also=("principal-component-analysis", "autoencoder"),
        source="Bourlard & Kamp 1988; Baldi & Hornik 1989",
    ),
    Term(
        id="overcomplete-code",
        term="Overcomplete code",
        text="A code with at least as many dimensions as the input, which an unregularised autoencoder could fill by "
        "copying. Sparsity, noise or a KL term keeps such a code from being a copy; a code with fewer dimensions is "
        "called undercomplete.",
        labels=("overcomplete", "undercomplete"),
        see_also=("bottleneck", "sparse-autoencoder"),
    ),
    Term(
        id="sparse-autoencoder",
        term="Sparse autoencoder",
        text="An autoencoder in which each input activates only a few units of a code that may be wider than the "
        "input. It is enforced by an L1 penalty, by a KL towards a target activation, or exactly, by keeping the k "
        "largest.",
        labels=("sparsity", "SAE", "unit activity and sparsity", "sparse code"),
        see_also=("l1-penalty", "target-activation", "top-k-sparsity"),
        source="Olshausen & Field 1996",
    ),
    Term(
        id="stacked-autoencoder",
        term="Stacked autoencoder",
        text="A deep autoencoder trained layer by layer, each layer first as an autoencoder of the previous layer's "
        "output, then all together. It made deep networks trainable before today's initialisations and optimisers, "
        "and seldom beats training everything at once now.",
        labels=("greedy layer-wise training", "layer-wise pretraining"),
        see_also=("hidden-layer", "weight-initialisation"),
        source="Hinton & Salakhutdinov 2006; Bengio, Lamblin, Popovici & Larochelle 2007",
    ),
    Term(
        id="stride",
        term="Stride",
        text="The number of pixels a convolution moves between two places; stride 2 halves height and width. Padding "
        "counts too: a 3 by 3 filter with padding 1 takes 28 pixels to 14 and 7, without padding to 13 and 6.",
        labels=("strided convolution",),
        see_also=("convolution", "transposed-convolution"),
    ),
    Term(
        id="tied-weights",
        term="Tied weights",
        text="A decoder that uses the transposed weights of the encoder, which nearly halves the parameters: 25,904 "
        "in place of 50,992 for one layer from 784 to 32 and back. Biases stay separate, and the gradients of both "
        "uses add up.",
        labels=("weight tying",),
        symbol=r"W_{\text{dec}} = W_{\text{enc}}^{\top}",
        see_also=("contractive-autoencoder", "linear-autoencoder"),
        source="Vincent et al. 2010",
    ),
    Term(
        id="transposed-convolution",
        term="Transposed convolution",
        text="A layer that enlarges an image by spreading each input pixel over several output pixels with learnt "
        "weights; it is the transpose of a convolution, not its inverse. A kernel size that the stride does not "
        "divide covers pixels unevenly and leaves a checkerboard pattern.",
        labels=("transpose convolution", "deconvolution"),
        see_also=("convolution", "stride"),
        source="Odena, Dumoulin & Olah 2016",
    ),
    Term(
        id="variational-autoencoder",
        term="Variational autoencoder",
        text="An autoencoder that encodes each input as a distribution over codes and is trained to maximise a lower "
        "bound on log p(x). Draws from the prior mostly decode to plausible images, not always: all codes together "
        "match the prior only approximately.",
        labels=("VAE", "VAEs", "variational"),
        see_also=("evidence-lower-bound", "approximate-posterior", "aggregate-posterior"),
        source="Kingma & Welling 2013; Rezende, Mohamed & Wierstra 2014",
    ),
    Term(
        id="vq-vae",
        term="VQ-VAE",
        text="An autoencoder whose code is a grid of entries chosen from a learnt codebook, so that it is discrete. "
        "It has no prior to sample from until one is fitted to the chosen indices; drawing each position by its "
        "frequencies ignores how positions depend on each other.",
        labels=("vector quantisation", "vector-quantised autoencoder", "latent positions"),
        see_also=("codebook", "commitment-loss", "straight-through-estimator"),
        source="van den Oord, Vinyals & Kavukcuoglu 2017",
    ),
    Term(
        id="wasserstein-autoencoder",
        term="Wasserstein autoencoder",
        text="An autoencoder whose encoder may be deterministic, because only the distribution of all codes is "
        "compared with the prior, here by MMD. The name comes from optimal transport in the space of images; the "
        "penalty on the codes is not itself a Wasserstein distance.",
        labels=("WAE", "WAE-MMD"),
        see_also=("maximum-mean-discrepancy", "aggregate-posterior"),
        source="Tolstikhin, Bousquet, Gelly & Schoelkopf 2018",
    ),
)
