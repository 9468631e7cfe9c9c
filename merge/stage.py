"""Put a sheet's rows into the database, each cell read and checked; no student changes by that."""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from typing import Any

from sqlalchemy import delete
from sqlalchemy.orm import Session

from merge.columns import BY_NAME, KEY, VALUES, StudentColumn
from merge.problems import Problem, dump_problems
from merge.sheet import Row, Sheet
from models import staged_rows

# Keeps a row's cells apart in `staged_rows.cells`.
SEPARATOR = "\x1f"

Advance = Callable[[int, float], None]
"""Told, within each block's transaction, how many rows and what share of the file are staged so far."""
Problems = dict[int, dict[str, Problem]]
"""By the row's place in its block and the column's name ("" for the row itself)."""


def stage(session: Session, import_id: int, sheet: Sheet, advance: Advance) -> int:
    """Stage the sheet, a transaction a block, and give the number of rows. Raises SheetRefused."""
    discard_staged(session, import_id)
    session.commit()
    staged = 0
    for block, share in sheet.blocks():
        # Read first, then begin to write: on SQLite everybody else waits while we write.
        rows = list(read_block(block, import_id, sheet))
        _write(session, rows)
        staged += len(rows)
        advance(staged, share)
        session.commit()
    return staged


def discard_staged(session: Session, import_id: int) -> None:
    session.execute(delete(staged_rows).where(staged_rows.c.import_id == import_id))


def read_block(block: list[Row], import_id: int, sheet: Sheet) -> Iterator[tuple[Any, ...]]:
    """Read and check a block a column at a time, and give its rows in the order of `staged_rows`' columns."""
    problems: Problems = {}
    rows = [row for _, row in block]
    texts = list(zip(*_fitted(rows, len(sheet.headings), problems), strict=True))
    values = {name: _read_column(BY_NAME[name], texts[place], problems) for place, name in enumerate(sheet.columns) if name}
    return zip(
        repeat(import_id),
        [line for line, _ in block],
        _joined(rows),
        map({place: dump_problems(problems[place]) for place in problems}.get, range(len(block))),
        *(values.get(column.name) or repeat(None) for column in (KEY, *VALUES)),
    )


def _fitted(rows: list[list[str]], width: int, problems: Problems) -> list[list[str]]:
    """Make all rows as wide as the heading, so that they can be read a column at a time."""
    if set(map(len, rows)) == {width}:
        return rows
    for place, row in enumerate(rows):
        if len(row) < width:
            problems.setdefault(place, {})[""] = Problem("few", found=len(row), expected=width)
        elif any(map(str.strip, row[width:])):
            problems.setdefault(place, {})[""] = Problem("many", found=len(row), expected=width)
    return [(row + [""] * width)[:width] for row in rows]


def _read_column(column: StudentColumn, texts: Sequence[str], problems: Problems) -> Sequence[Any]:
    values, wrong = column.read_all(texts)
    for place, problem in wrong.items():
        problems.setdefault(place, {})[column.name] = problem
    return values


def _joined(rows: list[list[str]]) -> list[str]:
    joined = [SEPARATOR.join(row) for row in rows]
    if "".join(joined).count(SEPARATOR) == sum(map(len, rows)) - len(rows):
        return joined
    return [SEPARATOR.join(cell.replace(SEPARATOR, "\ufffd") for cell in row) for row in rows]


def _write(session: Session, rows: list[tuple[Any, ...]]) -> None:
    """Insert the rows the fastest way that each database has."""
    connection = session.connection()
    names = [column.name for column in staged_rows.columns]
    cursor = connection.connection.cursor()
    if connection.dialect.name == "postgresql":
        text = io.StringIO()
        csv.writer(text).writerows(rows)
        text.seek(0)
        cursor.copy_expert(f"COPY staged_rows ({', '.join(names)}) FROM STDIN (FORMAT csv)", text)
    else:
        places = ", ".join("?" * len(names))
        cursor.executemany(f"INSERT INTO staged_rows ({', '.join(names)}) VALUES ({places})", rows)
    cursor.close()
