"""Know the rows of a sheet that are about the sheet and not about a student: what stands above, units, totals."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from merge.columns import KEY, match_headings
from merge.headings import fold
from words import later

# As an import keeps them; they are translated where they are shown.
ABOVE = later("Above the header row").message
UNITS = later("Row of units").message
TOTALS = later("Totals row").message

AGAIN = later("Header row again").message

# How far down the headings are looked for, and how many rows of units may be under them, or of totals at the end.
ROWS_ABOVE = 50
MOST_UNITS = 2
# So many rows may be between a row that only looks like headings and the headings: "Grade, Teacher" and what they are.
MOST_BETWEEN = 2
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
    """Give the place of the row that names the columns: the first filled one, unless a later one names more known columns."""
    filled = [place for place, row in enumerate(rows[:ROWS_ABOVE]) if any(map(str.strip, row))]
    if not filled:
        return 0
    # One heading may be a chance: a cell under "Title" that says "Score", say.
    first = next((number for number, place in enumerate(filled) if knows(rows[place]) > 1), None)
    if first is None:
        return filled[0]
    # Under headings with students, better ones are another table's, and the students are not about the sheet.
    return max(filled[first : first + MOST_BETWEEN + 2], key=lambda place: (knows(rows[place]), -place))


def join_headings(rows: Sequence[Sequence[str]], place: int) -> tuple[int, int, list[str]]:
    """Give the first and the last row of the headings, and the headings: over two rows where these together name more columns.

    "Student" in a cell merged over "ID" and "Name" stands for both.
    """
    alone = list(rows[place])
    for first, last in ((place, place + 1), (place - 1, place)):
        if first >= 0 and last < len(rows) and _may_be_headings(rows[first]) and _may_be_headings(rows[last]):
            best = joined_headings(rows[first], rows[last])
            if knows(best) > max(knows(rows[first]), knows(rows[last])) > 0:
                return first, last, best
    return place, place, alone


def joined_headings(first: Sequence[str], last: Sequence[str]) -> list[str]:
    """Give the lower headings, and the upper ones where these are blank; or both together, where that names more columns."""
    pairs = [(above.strip(), below.strip()) for above, below in zip_longest(first, last, fillvalue="")]
    lower, joined = [below or above for above, below in pairs], [f"{above} {below}".strip() for above, below in pairs]
    return lower if knows(lower) >= knows(joined) else joined


def _may_be_headings(cells: Sequence[str]) -> bool:
    filled = [cell for cell in cells if cell.strip()]
    return len(filled) > 1 and not any(cell.strip()[:1].isdigit() or len(cell) > LIKELY_LENGTH for cell in filled)


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
