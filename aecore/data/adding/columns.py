"""Columns of text become typed ones: what each holds, and its numbers or categories."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aecore.data.adding.wording import counted

MISSING = (
    "", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "?", "-", "--", "#value!", "#div/0!",
)  # fmt: skip
INFINITE = r"^[+-]?inf(inity)?$"
PLAIN = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
DECIMAL_COMMA = r"^[+-]?(\d+|\d{1,3}(\.\d{3})+|\d*),\d+([eE][+-]?\d+)?$"  # 1.234,5
THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d*)?$"  # 1,234.5
DATE = r"^\d{4}-\d{2}-\d{2}([ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?\s*(Z|UTC|[+-]\d{2}:?\d{2})?)?$"
MAX_NUMBER = 1e30  # larger ones overflow a float32 once they are squared, and stand for "none" in many files
NEARLY_ALL = 0.95  # share of cells that are numbers in a column of numbers; the others are missing
MAX_CATEGORIES = 50
MIN_PER_CATEGORY = 2  # rows, on average: else it is a name or free text
MAX_DECIMALS = 6
NEGATIVE_FIRST = ("no", "false", "n", "f", "0", "negative", "absent", "off")
ROW_NUMBER = re.compile(r"|unnamed.*|column 1|index|idx|.*id|row|row.?(number|id)|nr\.?|no\.?|#", re.IGNORECASE)
PERIODS = (7, 12, 24, 30, 31, 52, 60, 360, 365)


@dataclass
class TypedColumn:
    """A column and what was found in it.

    Attributes
    ----------
    kind
        As in `ColumnSummary`.
    text
        pyarrow strings `[N]`, trimmed, null where a cell is missing; let go where there are numbers in its place.
    numbers
        float64 `[N]` with NaN, of what holds numbers or dates (seconds since 1970); else None.
    values
        The different values in the order of categories, of categories and booleans.
    """

    name: str
    kind: str
    text: pa.Array
    numbers: np.ndarray | None
    n_missing: int
    n_distinct: int
    values: tuple[str, ...] = ()
    decimals: int = 2
    notes: tuple[str, ...] = ()
    example: str = ""  # the first value, short


def trimmed(text: pa.Array) -> pa.Array:
    """Without blanks around, null for what stands for nothing."""
    text = pc.utf8_trim_whitespace(text)
    return pc.if_else(pc.is_in(pc.utf8_lower(text), pa.array(MISSING)), pa.scalar(None, pa.string()), text)


def to_numbers(text: pa.Array, separator: str = ",") -> tuple[np.ndarray, int, list[str]]:
    """Numbers float64 `[N]`, NaN where a cell is none; how many cells are no number though they hold something; and
    notes. `separator` tells 1,234 of a file with semicolons from one with commas."""
    notes = []
    present = len(text) - text.null_count
    plain = pc.match_substring_regex(text, PLAIN)
    if (comma := _comma_pattern(text, plain, separator)) is not None:
        pattern, said = comma
        matches = pc.match_substring_regex(text, pattern)
        gone, point = (".", ",") if pattern == DECIMAL_COMMA else (",", "")
        bare = pc.replace_substring(text, gone, "")
        bare = pc.replace_substring(bare, point, ".") if point else bare
        text, plain = pc.if_else(matches, bare, text), pc.or_(plain, matches)
        notes.append(said)
    n_plain = pc.sum(plain).as_py() or 0
    infinite = n_plain < present and pc.sum(pc.match_substring_regex(text, INFINITE, ignore_case=True)).as_py()
    n_infinite = infinite or 0
    known = pc.if_else(plain, text, pa.scalar(None, pa.string()))
    values = np.array(pc.cast(known, pa.float64()).to_numpy(zero_copy_only=False), float)
    large = np.abs(values) > MAX_NUMBER
    n_infinite += int(large.sum())
    values[large] = np.nan
    if n_infinite:
        notes.append(f"{counted(n_infinite, 'infinite or enormous number')} counted as missing.")
    return values, present - n_plain - (infinite or 0), notes


def _comma_pattern(text: pa.Array, plain: pa.Array, separator: str) -> tuple[str, str] | None:
    """Which commas stand in the numbers of a column, where more cells read so than have another sense."""
    rest = text.filter(pc.invert(plain))
    if not len(rest) or not pc.any(pc.match_substring(rest, ",")).as_py():
        return None
    kinds = [(DECIMAL_COMMA, "Commas were read as decimal points."), (THOUSANDS, "Commas were read as thousands.")]
    for pattern, said in kinds if separator != "," else kinds[::-1]:
        if (pc.sum(pc.match_substring_regex(rest, pattern)).as_py() or 0) >= NEARLY_ALL * len(rest):
            return pattern, said
    return None


def to_seconds(text: pa.Array) -> np.ndarray | None:
    """Dates of ISO 8601 as seconds since 1970, float64 `[N]`; None where a cell is no date."""
    present = text.drop_null()
    if not len(present) or not pc.all(pc.match_substring_regex(present, DATE)).as_py():
        return None
    try:
        plain = pc.replace_substring_regex(text, r"\s*(Z|UTC|[+-]\d{2}:?\d{2})$", "")  # offsets shift all alike
        plain = pc.if_else(pc.equal(pc.utf8_length(plain), 10), pc.binary_join_element_wise(plain, "00:00", " "), plain)
        moments = pc.cast(plain, pa.timestamp("us"))
    except pa.ArrowException:
        return None
    return np.array(pc.cast(pc.cast(moments, pa.int64()), pa.float64(), safe=False).to_numpy(False), float) / 1e6


def type_column(name: str, raw: pa.Array, separator: str, chosen: str = "") -> TypedColumn:
    """A column with its kind: as chosen, or guessed, where free text and what says nothing is marked to be left out."""
    text = trimmed(raw)
    n_missing, distinct = text.null_count, pc.count_distinct(text, mode="only_valid").as_py()
    numbers, n_other, notes = to_numbers(text, separator)
    found = TypedColumn(name, "", text, numbers, n_missing, distinct)
    found.example = "".join(text.drop_null()[:1].to_pylist())[:60]
    n_present = len(text) - n_missing
    is_number = bool(n_present) and n_other <= (1 - NEARLY_ALL) * n_present and not np.isnan(numbers).all()
    found.decimals = _decimals(text) if is_number else 0
    found.kind = chosen or _guess(found, is_number)
    if found.kind in ("number", "cyclic"):
        if n_other:
            notes.append(f"{counted(n_other, 'cell')} without a number counted as missing.")
        found.n_missing = int(np.isnan(numbers).sum())
        found.notes = tuple(notes)
        found.text = text[:0]
    elif found.kind in ("category", "boolean"):
        found.values = _ordered(text, numbers if is_number and not n_other else None)
    elif found.kind == "date":
        found.numbers = to_seconds(text)
    return found


def _guess(column: TypedColumn, is_number: bool) -> str:
    """The kind of a column, from its values alone."""
    text, numbers = column.text, column.numbers
    n_present = len(text) - column.n_missing
    if not n_present:
        return "empty"
    if column.n_distinct == 1:
        return "constant"
    if is_number and numbers is not None:
        known = numbers[~np.isnan(numbers)]
        different = np.unique(known) if len(known) else known
        whole = bool(np.all(known == np.floor(known)))
        if len(different) <= 1:
            return "constant"
        if len(different) == 2 and whole and n_present == len(known):
            return "boolean"
        counts_up = whole and len(known) == len(text) and bool(np.all(np.diff(known) == 1))
        return "row number" if counts_up and ROW_NUMBER.fullmatch(column.name) else "number"
    if to_seconds(text) is not None:
        return "date"
    if column.n_distinct == 2 and n_present >= 2 * MIN_PER_CATEGORY:
        return "boolean"
    few = column.n_distinct <= MAX_CATEGORIES and column.n_distinct * MIN_PER_CATEGORY <= n_present
    return "category" if few else "text"


def _decimals(text: pa.Array) -> int:
    """With how many decimals the numbers of a column are written."""
    longest = 0
    for cell in text.drop_null()[:200].to_pylist():
        mantissa = re.split("[eE]", cell)[0].replace(",", ".")
        longest = max(longest, len(mantissa.rpartition(".")[2]) if "." in mantissa else 0)
        longest = MAX_DECIMALS if "e" in cell.lower() else longest
    return min(longest, MAX_DECIMALS)


def _ordered(text: pa.Array, numbers: np.ndarray | None) -> tuple[str, ...]:
    """The different values: numbers by size, no before yes, words by the alphabet."""
    encoded = pc.dictionary_encode(text.drop_null())
    values = encoded.dictionary.to_pylist()
    if numbers is not None:
        size = np.empty(len(values))
        size[encoded.indices.to_numpy()] = numbers[~np.asarray(text.is_null())]
        return tuple(values[at] for at in np.argsort(size, kind="stable"))
    return tuple(sorted(values, key=lambda value: (value.lower() not in NEGATIVE_FIRST, value)))


def period_of(numbers: np.ndarray) -> float:
    """The period of a cyclic number: the least usual one that its values fit into."""
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return 1.0
    reach = float(known.max() - known.min()) + 1
    return float(next((each for each in PERIODS if each >= reach), reach))
