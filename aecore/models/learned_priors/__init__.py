"""Learned priors: distributions fitted to the codes of a trained model, to draw new codes from.

Fitting a density after the autoencoder is ex-post density estimation (Ghosh, Sajjadi, Vergari, Black & Schoelkopf
2020); over a codebook's positions it is the second stage of a VQ-VAE (van den Oord et al. 2017), with a diffusion
model the second stage of latent diffusion (Rombach et al. 2022).
"""
