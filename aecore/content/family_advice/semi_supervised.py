"""Advice on families that learn from labels, or from pairs of views."""

from __future__ import annotations

from aecore.content.family_advice.records import Advice, Suggestion

ADVICE: dict[str, Advice] = {
    "semi-supervised-vae": Advice(
        (
            Suggestion("train", "Train it with 1, 10 and 100 labels per class, and see which accuracy "
                "**Classification** on *Inside the model* finds beside logistic regression on the same labels."),
            Suggestion("interpolate", "Decode one code under every class: the style stays, as with a conditional VAE."),
        ),
        (
            "A sample without a label is decoded under every class: training takes many times as long as that of a "
            "VAE, ever more with more classes.",
            "On digits with 10 labels per class it is right in 93.7 % of test images, logistic regression on the same "
            "labels in 89.0 %. With all labels logistic regression has 96 %, and is fitted in a moment.",
            "Too large a classification weight learns the few labels by heart: the classification loss then rises on "
            "held-out samples.",
        ),
    ),
    "ladder-network": Advice(
        (
            Suggestion("train", "Train it with 10 labels per class and a denoising weight of 0 and of 1: what samples "
                "without a label add."),
            Suggestion("train", "Train it with layer noise 0, 0.3 and 1 and compare **Classification** on *Inside the "
                "model*."),
        ),
        (
            "On digits with 10 labels per class it is right in 92.3 % of test images: more than logistic regression, "
            "89.0 %, and not more than M2, 93.7 %.",
            "It is a classifier first: the code is one of its layers, and the decoder that gives images back is not "
            "the one that cleans layers.",
            "The accuracy in training is that of the noisy path; a finished model is asked without noise.",
        ),
    ),
    "domain-adversarial": Advice(
        (
            Suggestion("train", "Train it with reversal weights 0 and 1, and compare the accuracy on inverted samples "
                "under **Classification** on *Inside the model*."),
            Suggestion("latent_map", "Look at the map with weights 0 and 1: whether codes of classes still lie apart."),
        ),
        (
            "On digits the reversal does not do what it is for: the head goes on telling the domains (0.37 nats, where "
            "a guess is 0.69), and inverted images are classified no better than by chance, with it and without.",
            "Codes of both domains on one place do not say that classes lie on classes: nothing in the loss knows "
            "which belong together.",
            "Whoever may invert training samples should do so, labels included: that is simpler.",
        ),
    ),
    "contrastive": Advice(
        (
            Suggestion("latent_map", "Compare the map with that of a vanilla autoencoder: views of an image, and "
                "images like it, are drawn together."),
            Suggestion("train", "Train it with contrastive weights 0, 10 and 100, and compare kNN accuracy and error."),
        ),
        (
            "On digits with 10 labels per class logistic regression is right in 87.7 % on its codes, in 84.4 % on "
            "PCA's of as many dimensions, and in 89.0 % on the pixels themselves.",
            "Augmentations decide what codes leave out: where the place of a thing matters, views that are moved do "
            "harm.",
            "The loss compares the images of one batch: with small batches there is little to be told apart from.",
        ),
    ),
}  # fmt: skip
