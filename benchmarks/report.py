"""What benchmarks write into docs/: a file of parts, each replaced when it is measured again."""

from __future__ import annotations

from pathlib import Path

PERFORMANCE = Path(__file__).parent.parent / "docs" / "performance.md"
PERFORMANCE_HEADER = """# How fast it is

Tables are made by `python -m benchmarks.training`, `benchmarks.projections` and `benchmarks.pages`, each with `--keep`.
How fast images follow a hand is told by `benchmarks.interaction`; what the queue costs, in [service.md](service.md).
Compare within a table only: rivals were timed in one run with nothing else on the machine, and another machine will
have other ratios."""


def sections(file: Path) -> dict[str, str]:
    """The parts of a report by their titles."""
    old = file.read_text() if file.exists() else ""
    return {part.split("\n")[0]: "## " + part.strip() for part in old.split("\n## ")[1:]}


def write_section(file: Path, header: str, lines: list[str]) -> None:
    """Puts a part, whose first line is `## title`, into a report; the other parts stay as they are."""
    found = sections(file)
    found[lines[0][3:]] = "\n".join(lines)
    file.write_text("\n\n".join([header, *found.values()]) + "\n")
