"""The student's columns as the model names them, each with the reader that its cells obey."""

import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from merge.cells import read_number, read_plain_texts, read_plain_wholes, read_text, read_whole, write_cell
from merge.problems import Problem
from models import students

READERS: dict[type, Callable[[str], Any]] = {int: read_whole, float: read_number, str: read_text}
# A cell at a time is what it takes to name a problem; most columns of most sheets have none and are read at once.
COLUMN_READERS: dict[type, Callable[[Sequence[str]], Sequence[Any] | None]] = {int: read_plain_wholes, str: read_plain_texts}


@dataclass(frozen=True)
class StudentColumn:
    """One column of a student's record."""

    name: str
    label: str
    kind: type[int] | type[float] | type[str]
    required: bool
    key: bool
    minimum: int | None
    maximum: int | None
    headings: frozenset[str]
    """Every heading, folded, that a sheet may use for it."""

    @property
    def hint(self) -> str:
        """Say in a few words what fits."""
        if self.kind is str:
            return f"At most {self.maximum} characters."
        number = "A whole number" if self.kind is int else "A number"
        return f"{number} from {self.minimum:,} to {self.maximum:,}{'' if self.required else ', or blank'}."

    def read(self, text: str) -> Any:
        """Give the value of a cell, None for a blank one. Raises Problem."""
        if not text or text.isspace():
            if self.required:
                raise Problem("blank")
            return None
        value = READERS[self.kind](text)
        self._check(value, text)
        return value

    def read_all(self, texts: Sequence[str]) -> tuple[Sequence[Any], dict[int, Problem]]:
        """Read many cells as `read` does: the values, and the problems by their place."""
        read_at_once = COLUMN_READERS.get(self.kind)
        values = read_at_once(texts) if read_at_once else None
        if values is not None and self._all_fit(values):
            return values, {}
        known = {text: self._read_or_problem(text) for text in set(texts)}
        outcomes = [known[text] for text in texts]
        problems = {place: outcome for place, outcome in enumerate(outcomes) if isinstance(outcome, Problem)}
        return ([None if isinstance(o, Problem) else o for o in outcomes] if problems else outcomes), problems

    def _read_or_problem(self, text: str) -> Any:
        try:
            return self.read(text)
        except Problem as problem:
            return problem

    def _all_fit(self, values: Sequence[Any]) -> bool:
        sizes = [*map(len, values)] if self.kind is str else values
        low = 1 if self.kind is str else self.minimum
        return (low is None or min(sizes) >= low) and (self.maximum is None or max(sizes) <= self.maximum)

    def _check(self, value: Any, text: str) -> None:
        if isinstance(value, str):
            if not value:
                raise Problem("blank")
            if self.maximum is not None and len(value) > self.maximum:
                raise Problem("long", length=len(value), maximum=self.maximum)
        elif not self._all_fit([value]):
            raise Problem("range", minimum=self.minimum, maximum=self.maximum, text=text.strip())

    write = staticmethod(write_cell)


def fold(heading: str) -> str:
    """Make headings comparable: without case, accents, blanks and punctuation."""
    decomposed = unicodedata.normalize("NFKD", heading.casefold())
    return "".join(character for character in decomposed if character.isalnum())


def match_headings(headings: Sequence[str]) -> list[str | None]:
    """Guess each heading's student column; None where no column goes by it."""
    return [next((c.name for c in COLUMNS if fold(heading) in c.headings), None) for heading in headings]


def _student_columns() -> Iterable[StudentColumn]:
    for column in students.columns:
        if "label" not in column.info:
            continue
        info = column.info
        yield StudentColumn(
            name=column.name,
            label=info["label"],
            kind=column.type.python_type,
            required=not column.nullable,
            key=column.primary_key,
            minimum=info.get("min"),
            maximum=column.type.length if isinstance(column.type, sa.String) else info.get("max"),
            headings=frozenset(fold(heading) for heading in (column.name, info["label"], *info.get("headings", ()))),
        )


COLUMNS = tuple(_student_columns())
BY_NAME = {column.name: column for column in COLUMNS}
KEY = next(column for column in COLUMNS if column.key)
VALUES = tuple(column for column in COLUMNS if not column.key)
