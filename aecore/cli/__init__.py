"""The command line, `python -m aecore`: datasets, families, train, watch, runs, evaluate, pretrain, export."""

from aecore.cli.parser import main as main
