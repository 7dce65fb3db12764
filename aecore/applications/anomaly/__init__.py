"""Anomaly detection: scores of how odd a sample is, rivals without an autoencoder, thresholds set on normal samples
alone, and what all of these are worth on samples that neither has seen."""
