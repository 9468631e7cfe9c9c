"""Write CSV that a spreadsheet opens right and runs nothing of."""

import csv
import io
import re
from collections.abc import Iterable

# Excel takes a file without it for one in the old encoding of its country.
BOM = "\ufeff"
# What a spreadsheet would run as a formula (owasp.org/www-community/attacks/CSV_Injection); a text that looks defused
# already gets one more apostrophe, since reading it back takes one off.
FORMULA = re.compile(r"'*[=+\-@]|[\t\r]")


def csv_row(cells: Iterable[str]) -> str:
    """Write one row."""
    return csv_rows([cells])


def csv_rows(rows: Iterable[Iterable[str]]) -> str:
    """Write some rows at once."""
    text = io.StringIO()
    csv.writer(text).writerows(map(defuse, row) for row in rows)
    return text.getvalue()


def defuse(cell: str) -> str:
    """Keep a spreadsheet from running a cell as a formula; a plain number is none."""
    return f"'{cell}" if FORMULA.match(cell) and not _is_number(cell) else cell


def keep_quoted(cell: str) -> str:
    """Keep a text that looks defused as it is where nothing needs to be defused: reading it back takes one apostrophe off."""
    return f"'{cell}" if cell.startswith("'") and FORMULA.match(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
