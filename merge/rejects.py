"""The rows that an import could not use, as a sheet to mend and upload again."""

import csv
import io
import re
from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from merge.columns import BY_NAME
from merge.problems import load_problems
from merge.stage import SEPARATOR
from models import Import, staged_rows

BATCH = 1_000
BOM = "\ufeff"
# What a spreadsheet would run as a formula (owasp.org/www-community/attacks/CSV_Injection); a text that looks defused
# already gets one more apostrophe, since reading it back takes one off.
FORMULA = re.compile(r"'*[=+\-@]|[\t\r]")


def rejected_sheet(session: Session, import_: Import) -> Iterator[str]:
    """Stream the user's own columns of the rejected rows, with `line` and `problem`, as CSV that a spreadsheet opens right."""
    headings = import_.sheet["headings"]
    yield BOM + _csv_row([*headings, "line", "problem"])
    rows = (
        select(staged_rows.c.line, staged_rows.c.cells, staged_rows.c.problems)
        .where(staged_rows.c.import_id == import_.id, staged_rows.c.problems.is_not(None))
        .order_by(staged_rows.c.line)
    )
    for line, cells, problems in session.execute(rows, execution_options={"yield_per": BATCH}):
        typed = (cells.split(SEPARATOR) + [""] * len(headings))[: len(headings)]
        yield _csv_row([*typed, str(line), _sentences(problems)])


def defuse(cell: str) -> str:
    """Keep a spreadsheet from running a cell as a formula; a plain number is none."""
    return f"'{cell}" if FORMULA.match(cell) and not _is_number(cell) else cell


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _sentences(problems: str) -> str:
    return " ".join(
        problem.sentence(BY_NAME[column].label if column else "") for column, problem in load_problems(problems).items()
    )


def _csv_row(cells: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(map(defuse, cells))
    return text.getvalue()
