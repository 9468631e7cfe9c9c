"""Guess how a sheet nobody has chosen for is meant: its headings propose, its first rows decide."""

import re
from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from merge.column_samples import Samples
from merge.columns import KEY, NAME, match_headings, places
from merge.headings import fold
from merge.oneroster import roster_of
from merge.options import Options, guess
from merge.sheet import Sheet
from models import students

TURNED = re.compile(r"[^,]+,[^,]+")
MOSTLY = 0.8
STORED = 200


def guess_reading(session: Session, sheet: Sheet) -> tuple[Sheet, Options]:
    """Give the sheet with the columns that its data agree with, and the options that fit them."""
    samples = Samples.of(sheet)
    columns = _without_repeated_parts(_without_blank_keys(sheet, samples), samples)
    options = guess(columns, samples.rows)
    return replace(sheet, columns=columns), replace(options, turned=_are_turned(session, columns, samples))


def _without_blank_keys(sheet: Sheet, samples: Samples) -> list[str | None]:
    """Let a blank column be no key: another one that goes by its name, or the names, are."""
    blank = [place for place, column in enumerate(sheet.columns) if column == KEY.name and samples.is_blank(place)]
    if not blank or len(samples.rows) < 2:
        return sheet.columns
    if roster_of(sheet.headings):
        return [None if place in blank else column for place, column in enumerate(sheet.columns)]
    columns = match_headings(["" if place in blank else heading for place, heading in enumerate(sheet.headings)])
    found = places(columns).keys()
    return columns if KEY.name in found or NAME.name in found else sheet.columns


def _without_repeated_parts(columns: Sequence[str | None], samples: Samples) -> list[str | None]:
    """Take "Name" for the whole name where it holds what the other part's column says again."""
    at = places(columns).get(NAME.name, [])
    whole = next((place for place in at if fold(samples.headings[place]) in NAME.headings), None)
    if len(at) < 2 or whole is None:
        return list(columns)
    others = [place for place in at if place != whole]
    pairs = [pair for place in others for pair in zip(samples.cells(place), samples.cells(whole), strict=True) if all(pair)]
    if not pairs or sum(part.casefold() in name.casefold() for part, name in pairs) < MOSTLY * len(pairs):
        return list(columns)
    return [NAME.name if place == whole else None if place in others else column for place, column in enumerate(columns)]


def _are_turned(session: Session, columns: Sequence[str | None], samples: Samples) -> bool:
    """Tell whether names are written "Lovelace, Ada", and those that are stored are not."""
    at = places(columns).get(NAME.name, [])
    names = samples.filled(at[0]) if len(at) == 1 else []
    if not names or not _mostly_turned(names):
        return False
    stored = list(session.scalars(select(students.c.name).order_by(students.c.id).limit(STORED)))
    return not (stored and _mostly_turned(stored))


def _mostly_turned(names: Sequence[str]) -> bool:
    return sum(bool(TURNED.fullmatch(name)) for name in names) >= MOSTLY * len(names)
