"""The page Anomalies: what is normal, scores beside rivals, a threshold, and why a sample is odd."""
