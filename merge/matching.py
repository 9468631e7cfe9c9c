"""By what a row may find its student: the ID, or any other columns that the model declares for it."""

from collections.abc import Sequence

from merge.columns import BY_NAME, COLUMNS, KEY, NAME, StudentColumn, places
from words import Later, later

TOGETHER = "+"


def _keys() -> dict[str, tuple[StudentColumn, ...]]:
    keys: dict[str, tuple[StudentColumn, ...]] = {}
    for column in COLUMNS:
        if column.matches:
            keys[column.name] = (column,)
            keys |= {f"{column.name}{TOGETHER}{other}": (column, BY_NAME[other]) for other in column.matches_with}
    return keys


MATCHES = _keys()
"""The columns of each way to match, by what options call it: "id", "name", "name+age"."""


def match_label(match: str) -> Later:
    """Say by what rows are matched, as an option names it."""
    first, *others = MATCHES[match]
    if not others:
        return later("By its %(column)s", column=later(first.heading))
    return later("By its %(column)s with its %(other)s", column=later(first.heading), other=later(others[0].heading))


def text_keys() -> list[StudentColumn]:
    """Give the columns with a school's own numbers, such as PS-0042."""
    return [column for column in COLUMNS if column.matches and column.kind is str and column is not NAME]


def best_match(columns: Sequence[str | None]) -> str:
    """Name the way to match that the sheet's columns allow: by the ID, else a school's own numbers, else the name."""
    chosen = places(columns)
    found = (column.name for column in (KEY, *text_keys(), NAME) if column.name in chosen)
    return next(found, KEY.name)
