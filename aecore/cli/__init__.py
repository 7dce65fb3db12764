"""The command line, `python -m aecore`: data sets, families, training, runs, evaluation, and files of runs."""

from aecore.cli.parser import main as main
