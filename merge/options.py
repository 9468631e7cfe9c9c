"""How a sheet is to be taken: which student a row means, what a blank cell means, how its numbers are written."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

from documents import known
from merge.cells import DECIMALS, Notation
from merge.columns import BY_NAME, KEY, StudentColumn, places
from merge.matching import best_match

THOUSANDS = ("", ",", ".", "'", " ")
ROWS_GUESSED_FROM = 2_000


@dataclass(frozen=True)
class UploadOptions:
    """What may be asked for with an upload, before anybody has seen what is in the sheet."""

    match: str | None = None
    """None to match rows as the sheet suggests."""
    only: str = ""
    blank_clears: bool = False


AS_SUGGESTED = UploadOptions()


@dataclass(frozen=True)
class Options:
    """What may be chosen of how a sheet is read."""

    match: str = KEY.name
    """By which columns rows find their students, as merge.matching names it."""
    only: str = ""
    """What rows may do: add students and change them, or only "add", or only "update"."""
    blank_clears: bool = False
    decimal: str = "."
    thousands: str = ""
    percent: bool = False
    turned: bool = False
    """Whether names are written "Lovelace, Ada", and read the other way round."""
    factors: Mapping[str, float] = field(default_factory=dict)
    """What the numbers of a student's column are multiplied by, where the sheet counts otherwise: 100 for fractions."""
    maxima: Mapping[str, int] = field(default_factory=dict)
    """For a student's column the place of the sheet's column that says how much could be reached: 8 of 12 is 66.67."""
    answers: Mapping[str, str] = field(default_factory=dict)
    """What somebody answered to the questions that the sheet left open, by the question's key."""

    @property
    def notation(self) -> Notation:
        return Notation(self.decimal, self.thousands, self.percent)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Options":
        """Take what an import keeps; an option that it does not name, or no longer exists, is as if nobody had chosen."""
        return known(cls, stored)


def guess(columns: Sequence[str | None], rows: Sequence[Sequence[str]]) -> Options:
    """Guess how a sheet is meant from what its columns were matched with and its first rows."""
    found = places(columns)
    numbers = [(BY_NAME[name], _cells(rows, at[0])) for name, at in found.items() if BY_NAME[name].kind is not str]
    notation = _guess_notation(numbers)
    return Options(best_match(columns), decimal=notation.decimal, thousands=notation.thousands, percent=notation.percent)


def _cells(rows: Sequence[Sequence[str]], place: int) -> list[str]:
    return [row[place] for row in islice(rows, ROWS_GUESSED_FROM) if place < len(row) and row[place].strip()]


def _guess_notation(numbers: Sequence[tuple[StudentColumn, Sequence[str]]]) -> Notation:
    """Take the notation in which most cells can be read; the plain one, if two do that and read different numbers."""
    percent = any(text.rstrip().endswith("%") for _, texts in numbers for text in texts)
    notations = [Notation(d, t, percent) for d in DECIMALS for t in THOUSANDS if t != d]
    readings = {notation: _read(numbers, notation) for notation in notations}
    most = max(map(_count, readings.values()))
    best = [notation for notation in notations if _count(readings[notation]) == most]
    agreed = best[0] == notations[0] or all(readings[notation] == readings[best[0]] for notation in best)
    return best[0] if agreed else notations[0]


def _read(numbers: Sequence[tuple[StudentColumn, Sequence[str]]], notation: Notation) -> list[Any]:
    return [value for column, texts in numbers for value in column.read_all(texts, notation)[0]]


def _count(reading: Sequence[Any]) -> int:
    return sum(value is not None for value in reading)
