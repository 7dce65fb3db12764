"""The history of a run: what was noted after each epoch (`history.jsonl`)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from aecore import files
from aecore.errors import UserError
from aecore.store import runs, schema

MAX_HISTORY_BYTES = 200_000_000  # 1,000 epochs of a code of 4,096 numbers have half of it
TOTAL = "total"  # what the sum of a model's loss terms is called


def term_value(terms: Mapping[str, float], term: str, objective_terms: Collection[str]) -> float | None:
    """A part of a loss, or the TOTAL of those in `objective_terms`; None where it is not there, as in another stage."""
    if term == TOTAL:
        return sum(terms[each] for each in objective_terms) if set(objective_terms) <= set(terms) else None
    return terms.get(term)


def history(run: str) -> list[dict[str, Any]]:
    """One dictionary an epoch: `epoch`, `seconds`, `train`, `validation` (loss terms, nats per image), `signals`
    (see training/signals.py). Ends before the first line that is invalid, of which `history_error` tells. Everybody
    gets the same ones: read them, never write into them."""
    return list(_read_history(run)[0])


def history_error(run: str) -> str:
    """From where on the history of a run cannot be read, and why: one sentence; empty when all of it can."""
    return _read_history(run)[1]


def _read_history(run: str) -> tuple[Sequence[dict[str, Any]], str]:
    file = runs.path(run) / "history.jsonl"
    stamp = files.file_stamp(file)
    return _parse_history(file, stamp) if stamp else ((), "")


@lru_cache(maxsize=16)  # of a thousand epochs with their signals 5 MB each
def _parse_history(file: Path, stamp: files.Stamp) -> tuple[Sequence[dict[str, Any]], str]:
    lines: list[dict[str, Any]] = []
    try:
        content = files.read_bytes(file, MAX_HISTORY_BYTES)
        for line in content.split(b"\n")[:-1]:  # what follows the last newline is half written at this moment
            lines.append(_parse_epoch(line, lines[-1]["epoch"] if lines else 0))
    except FileNotFoundError:  # deleted at this moment
        return (), ""
    except UserError as error:
        return lines, str(error)
    except ValueError as error:
        why = schema.plain_text(str(error))
        return lines, f"Line {len(lines) + 1} of history.jsonl is spoilt ({why}): from there on its epochs are lost."
    return lines, ""


def _parse_epoch(line: bytes, previous: int) -> dict[str, Any]:
    """A line of a history that comes after the one of epoch `previous`; ValueError when it is spoilt."""
    found: dict[str, Any] = files.parse_json(line)
    if wrong := schema.HISTORY_LINE(found):
        raise ValueError(wrong)
    if found["epoch"] <= previous:
        raise ValueError(f"epoch {found['epoch']} follows epoch {previous}")
    return found
