"""By what a row finds its student: the ID, the name where a sheet has none, or another column that the model declares."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, and_

from merge.columns import BY_NAME, COLUMNS, KEY, NAME, StudentColumn, places
from models import staged_rows, students
from words import Later, later


@dataclass(frozen=True)
class Match:
    """A way to match: the columns that a row and its student have in common."""

    code: str
    columns: tuple[StudentColumn, ...]

    @property
    def by_id(self) -> bool:
        return self.columns == (KEY,)

    @property
    def by_name(self) -> bool:
        return NAME in self.columns

    @property
    def names(self) -> set[str]:
        return {column.name for column in self.columns}

    @property
    def label(self) -> Later:
        first, *others = (later(column.heading) for column in self.columns)
        if others:
            return later("%(column)s and %(other)s", column=first, other=others[0])
        return first

    def of_rows(self, rows: FromClause = staged_rows) -> list[ColumnElement[Any]]:
        """Give the staged rows' columns that are compared. A name is compared by its key, however it is written."""
        kept = {KEY.name: "student_id", NAME.name: "name_key"}
        return [rows.c[kept.get(column.name, column.name)] for column in self.columns]

    def finds(self, rows: FromClause = staged_rows) -> ColumnElement[bool]:
        """Tell a student who has in common with a row what is compared."""
        ours = [students.c["name_key" if column is NAME else column.name] for column in self.columns]
        return and_(*(theirs == our for our, theirs in zip(ours, self.of_rows(rows), strict=True)))


def _ways() -> Iterator[Match]:
    for column in COLUMNS:
        if column.match:
            yield Match(column.name, (column,))
            yield from (Match(f"{column.name}+{other}", (column, BY_NAME[other])) for other in column.match_with)


MATCHES = {match.code: match for match in _ways()}
"""The ways to match, as options name them."""


def is_by_name(code: str) -> bool:
    return NAME.name in code.split("+")


def best_match(columns: Sequence[str | None]) -> str:
    """Name the way to match that the sheet's columns allow: by the ID, else by another number, else by the name."""
    chosen = places(columns)
    others = (code for code, match in MATCHES.items() if code in chosen and not match.by_name)
    return next(others, NAME.name if NAME.name in chosen else KEY.name)
