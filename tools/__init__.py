"""Commands of the laboratory's makers and teachers: `python -m tools.classroom`, `python -m tools.shots`."""
