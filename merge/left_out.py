"""Know the rows of a sheet that are about the sheet and not about a student: what stands above, units, totals."""

import re
from collections.abc import Sequence

from merge.columns import KEY, match_headings
from merge.headings import fold
from words import later

# As an import keeps them; they are translated where they are shown.
ABOVE = later("Above the header row").message
UNITS = later("Row of units").message
TOTALS = later("Totals row").message

# How far down the headings are looked for, and how many rows of units may stand under them, or of totals at the end.
ROWS_ABOVE = 20
MOST_UNITS = 2
LIKELY_COLUMNS = 200
LIKELY_LENGTH = 60
MOST_TOTALS = 3

UNIT = re.compile(
    r"\(.*\)|\[.*\]|%|(in )?(years?|yrs?|points?|pts|marks?|percent|number|text|date)"
    r"|(max(imum)?|min(imum)?|out of|of|/)\.?:?\s*+((points|marks|score):?\s*+|:\s*+)?\d*+([.,]\d++)?( ?(points|pts|marks|%))?",
    re.IGNORECASE,
)
# Canvas exports begin with these two rows, and the second holds a number for each assignment.
UNITS_WORDS = {
    "pointspossible",
    "manualposting",
    "maximumpoints",
    "maxpoints",
    "maxscore",
    "maximumscore",
    "outof",
    "units",
    "unit",
}
TOTALS_WORDS = {
    *("total", "totals", "grandtotal", "subtotal", "sum", "average", "averages", "avg", "mean", "median", "classaverage"),
    *("overallaverage", "count", "minimum", "maximum", "min", "max", "standarddeviation", "stddev", "numberofstudents"),
    *("summe", "gesamt", "durchschnitt", "mittelwert", "somme", "moyenne", "suma", "promedio", "media", "totale"),
}


def find_headings(rows: Sequence[Sequence[str]]) -> int:
    """Give the place of the row that names the columns: the first filled one, unless only a later one names known columns."""
    filled = [place for place, row in enumerate(rows[:ROWS_ABOVE]) if any(map(str.strip, row))]
    if not filled or knows(rows[filled[0]]):
        return filled[0] if filled else 0
    # One heading may be a chance: a cell under "Title" that says "Score", say.
    return next((place for place in filled if knows(rows[place]) > 1), filled[0])


def knows(headings: Sequence[str]) -> int:
    """Count the headings that a student's column goes by."""
    likely = [heading for heading in headings[:LIKELY_COLUMNS] if heading and len(heading) <= LIKELY_LENGTH]
    return sum(column is not None for column in match_headings(likely))


def is_units_row(cells: Sequence[str], columns: Sequence[str | None]) -> bool:
    """Tell a row such as "(years)", "max 100" or Canvas's "Points Possible" from a student."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    if not filled or _has_number(_key_cell(cells, columns)):
        return False
    return any(fold(cell) in UNITS_WORDS for cell in filled[:2]) or all(map(UNIT.fullmatch, filled))


def is_totals_row(cells: Sequence[str], columns: Sequence[str | None]) -> bool:
    """Tell a row such as "Total" or "Average" from a student, whose id would be a number."""
    first = next((cell for cell in cells if cell.strip()), "")
    return fold(first) in TOTALS_WORDS and not _has_number(_key_cell(cells, columns))


def _key_cell(cells: Sequence[str], columns: Sequence[str | None]) -> str:
    return next((cell for cell, column in zip(cells, columns, strict=False) if column == KEY.name), "")


def _has_number(cell: str) -> bool:
    return any(map(str.isdigit, cell)) and not UNIT.fullmatch(cell.strip())
