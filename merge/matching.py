"""By what a row finds its student: the ID, or the name where a sheet has none."""

from collections.abc import Sequence

from merge.columns import KEY, NAME, places
from words import Later, later

MATCHES: dict[str, Later] = {column.name: later("By its %(column)s", column=later(column.heading)) for column in (KEY, NAME)}
"""The ways to match, as options name them, with a label for each."""


def best_match(columns: Sequence[str | None]) -> str:
    """Name the way to match that the sheet's columns allow: by the ID, else by the name."""
    chosen = places(columns)
    return NAME.name if KEY.name not in chosen and NAME.name in chosen else KEY.name
