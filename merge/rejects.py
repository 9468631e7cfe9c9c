"""The rows that an import could not use, as a sheet to mend and upload again."""

from collections.abc import Iterator, Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from merge.columns import BY_NAME
from merge.csv_text import BOM, STANDARD, Format, csv_row
from merge.problems import load_problems
from merge.sheet import Sheet
from merge.stage import SEPARATOR
from models import staged_rows

BATCH = 1_000


def rejected_sheet(session: Session, import_id: int, sheet: Sheet, written: Format = STANDARD) -> Iterator[Sequence[str]]:
    """Stream the user's own columns of the rejected rows, with `line` and `problem`, as CSV that a spreadsheet opens right.

    Numbers stay as they were typed, whatever the format says of decimals.
    """
    headings = sheet.headings
    yield [BOM + csv_row([*headings, "line", "problem"], written.delimiter)]
    rows = (
        select(staged_rows.c.line, staged_rows.c.cells, staged_rows.c.problems)
        .where(staged_rows.c.import_id == import_id, staged_rows.c.problems.is_not(None))
        .order_by(staged_rows.c.line)
    )
    for line, cells, problems in session.execute(rows, execution_options={"yield_per": BATCH}):
        typed = (cells.split(SEPARATOR) + [""] * len(headings))[: len(headings)]
        yield [csv_row([*typed, str(line), _sentences(problems)], written.delimiter)]


def _sentences(problems: str) -> str:
    return " ".join(problem.sentence(_label(column)) for column, problem in load_problems(problems).items())


def _label(column: str) -> str:
    """Name a column as pages do; one that the school has done without since is named as it was stored."""
    return BY_NAME[column].label if column in BY_NAME else column
