"""What was chosen for a sheet's columns and options, kept for the next sheet with the same headings."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from merge.columns import COLUMNS, clashes
from merge.headings import fold
from merge.options import Options, guess
from merge.sheet import Sheet
from models import HeadingChoice, Import

# While a worker reads the sheet it is too early to read it otherwise, and once it is applied, too late.
RE_READABLE = ("uploaded", "ready", "failed")
CELLS_SHOWN = 3
INSERTS: dict[str, Callable[..., Any]] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def may_choose(import_: Import) -> bool:
    """Tell whether the import's columns may be chosen now, and the sheet be read again."""
    return (
        import_.kind == "sheet" and import_.state in RE_READABLE and bool(import_.path) and Path(import_.sheet["path"]).exists()
    )


def first_cells(sheet: Sheet) -> list[list[str]]:
    """Give each heading's first three cells, from the rows that are students."""
    rows, _ = next(sheet.blocks(), ([], 1.0))
    shown = [row for _, row in rows[:CELLS_SHOWN]]
    return [[row[place] for row in shown if place < len(row)] for place in range(len(sheet.headings))]


def remember(session: Session, sheet: Sheet, options: Options) -> None:
    """Keep the choice in place of an earlier one. Does not commit."""
    chosen = {"columns": list(sheet.columns), "options": options.to_json()}
    insert = INSERTS[session.get_bind().dialect.name](HeadingChoice).values(key=_key(sheet.headings), **chosen)
    # Two people may choose for the same headings at once: the later choice counts, and neither fails.
    session.execute(insert.on_conflict_do_update(index_elements=[HeadingChoice.key], set_=chosen))


def recall(session: Session, sheet: Sheet) -> tuple[Sheet, Options]:
    """Give the sheet and options as they were chosen for its headings, or else as they are guessed."""
    kept = session.get(HeadingChoice, _key(sheet.headings), populate_existing=True)
    if kept is not None and _fits(kept.columns, sheet):
        return replace(sheet, columns=kept.columns), Options.from_json(kept.options)
    rows, _ = next(sheet.blocks(), ([], 1.0))
    return sheet, guess(sheet.columns, [row for _, row in rows])


def _key(headings: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(map(fold, headings)).encode()).hexdigest()


def _fits(columns: Sequence[str | None], sheet: Sheet) -> bool:
    """Tell whether the choice still means something: the model's columns may have changed since."""
    known = {choice for column in COLUMNS for choice in column.choices}
    return len(columns) == len(sheet.headings) and known.issuperset(filter(None, columns)) and not clashes(columns)
