"""Models that have a classifier, and the losses by which they learn from some labels and many samples without."""
