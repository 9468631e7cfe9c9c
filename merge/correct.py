"""Mend a rejected row of a sheet that waits to be applied, and check and compare it again at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select, update
from sqlalchemy.orm import Session

from merge.columns import KEY, NAME, places
from merge.compare import Counts, compare, count_verdicts
from merge.decisions import WrongState, lock_preview
from merge.former_ids import ERASED
from merge.merged_ids import survivor_of
from merge.options import Options
from merge.pages import PLANNED
from merge.preview import Row, rejected_row
from merge.problems import load_problems
from merge.sheet import Sheet
from merge.stage import SEPARATOR, read_block
from models import Import, planned_rows, staged_rows
from words import later, ngettext

# What is wrong with a row only beside other rows or the students: each comparison finds it anew.
COMPARED = {KEY.name: ("twice", "nameless", ERASED), NAME.name: ("same_name", "several")}

# What would part a cell in two, and what PostgreSQL takes in no text.
UNKEPT = {ord(SEPARATOR): None, 0: None}

EFFECTS = {
    "insert": later("Line %(line)s can be used now: it adds a student."),
    "update": later("Line %(line)s can be used now: it changes a student."),
    "review": later("Line %(line)s can be used now, once somebody has confirmed which student it means."),
    "unchanged": later("Line %(line)s can be used now: it says what is stored already."),
}


@dataclass(frozen=True)
class Accepted:
    """The row can be used now."""

    verdict: str
    others: int
    """How many rows can be used as well, now that this one no longer says that it is the same student."""

    def sentence(self, line: int) -> str:
        sentence = EFFECTS[self.verdict] % {"line": line}
        if not self.others:
            return sentence
        others = ngettext(
            "So can %(num)s more, which named the same student.",
            "So can %(num)s more, which named the same student.",
            self.others,
        )
        return f"{sentence} {others}"


def correct(session: Session, import_id: int, line: int, typed: Mapping[int, str], *, version: int | None) -> Accepted | Row:
    """Put what was typed into the row's cells, by their place, and commit; give the row with its problems if it still has some.

    Then nothing is kept, and the row stays as it stood in the sheet. Raises WrongState if the import is no longer
    as it was shown at that version, or the row is not rejected.
    """
    import_, cells = _locked(session, import_id, line, version)
    sheet, options = Sheet(**import_.sheet), Options.from_json(import_.options)
    cells = _filled_in(cells, typed, len(sheet.headings))
    (read,) = read_block([(line, cells)], import_id, sheet, options)
    row = dict(zip(staged_rows.columns.keys(), read, strict=True))
    before, after = _compare_again(session, import_, sheet, options, row)
    problems = session.scalar(select(staged_rows.c.problems).where(_is(import_id, line)))
    if problems:
        session.rollback()
        return rejected_row(sheet, line, cells, load_problems(problems))
    for name in vars(before):
        setattr(import_, name, getattr(import_, name) + getattr(after, name) - getattr(before, name))
    # The staged rows may be lost in a crash of the database, and what somebody has typed must not be.
    import_.sheet = {**import_.sheet, "mended": {**sheet.mended, str(line): cells}}
    verdict = session.scalar(select(planned_rows.c.verdict).where(_planned(import_id, [line])))
    session.commit()
    return Accepted(verdict or "unchanged", before.rejected - after.rejected - 1)


def with_typed(session: Session, import_: Import, line: int, typed: Mapping[int, str]) -> Row | None:
    """Give a rejected row with what was typed into it, unchecked; None where the row is not rejected or not kept."""
    row = session.execute(select(staged_rows.c.cells, staged_rows.c.problems).where(_is_rejected(import_.id, line))).first()
    if row is None or import_.state != "ready":
        return None
    sheet = Sheet(**import_.sheet)
    cells = _filled_in(row.cells.split(SEPARATOR), typed, len(sheet.headings))
    return rejected_row(sheet, line, cells, load_problems(row.problems))


def _locked(session: Session, import_id: int, line: int, version: int | None) -> tuple[Import, list[str]]:
    """Keep everybody else from moving the import on, and give it and the row's cells."""
    import_ = lock_preview(session, import_id, version)
    cells = session.scalar(select(staged_rows.c.cells).where(_is_rejected(import_id, line)))
    if cells is None:
        session.rollback()
        raise WrongState
    return import_, cells.split(SEPARATOR)


def _is_rejected(import_id: int, line: int) -> ColumnElement[bool]:
    return and_(_is(import_id, line), staged_rows.c.problems.is_not(None))


def _filled_in(cells: list[str], typed: Mapping[int, str], width: int) -> list[str]:
    """Give the row as wide as the heading: who looks at all its cells and sends them says that none is missing."""
    cells = cells + [""] * (width - len(cells))
    cells = [typed.get(place, cell).translate(UNKEPT) for place, cell in enumerate(cells)]
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    return cells


def _compare_again(
    session: Session, import_: Import, sheet: Sheet, options: Options, row: dict[str, Any]
) -> tuple[Counts, Counts]:
    """Compare the row, and those that mean the same student as it did or does; count their verdicts before and after.

    They are set aside under an id that no import has, so that they are compared by the very code that compares a sheet.
    """
    aside, by_name = -import_.id, options.match == NAME.name
    _set_aside(session, import_.id, aside, _akin(session, row, "name" if by_name else "student_id"))
    before = count_verdicts(session, aside)
    session.execute(update(staged_rows).where(_is(aside, row["line"])).values({**row, "import_id": aside}))
    session.execute(update(staged_rows).where(staged_rows.c.import_id == aside, _was_compared()).values(problems=None))
    after = compare(
        session,
        aside,
        set(places(sheet.columns)),
        blank_clears=options.blank_clears,
        by_name=by_name,
        may_repeat=True,
        advance=lambda _share: None,
    )
    for table in (staged_rows, planned_rows):
        session.execute(update(table).where(table.c.import_id == aside).values(import_id=import_.id))
    return before, after


def _akin(session: Session, row: dict[str, Any], key: str) -> ColumnElement[bool]:
    was = session.scalar(select(staged_rows.c[key]).where(_is(row["import_id"], row["line"])))
    same = [value for value in (was, row[key]) if value is not None]
    if key == "student_id" and row[key] is not None and (survivor_id := survivor_of(session, row[key])):
        same.append(survivor_id)
    return and_(staged_rows.c.import_id == row["import_id"], or_(staged_rows.c.line == row["line"], staged_rows.c[key].in_(same)))


def _set_aside(session: Session, import_id: int, aside: int, rows: ColumnElement[bool]) -> None:
    session.execute(update(staged_rows).where(rows).values(import_id=aside))
    # Of rows that mean the same student at most one is accepted, so these are two lines at most.
    accepted = select(staged_rows.c.line).where(staged_rows.c.import_id == aside, staged_rows.c.problems.is_(None))
    planned = _planned(import_id, list(session.scalars(accepted)))
    session.execute(update(planned_rows).where(planned).values(import_id=aside))


def _planned(import_id: int, lines: list[int]) -> ColumnElement[bool]:
    return and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict.in_(PLANNED), planned_rows.c.line.in_(lines))


def _was_compared() -> ColumnElement[bool]:
    """Find the problems that `compare` writes; a row that has others has none of these."""
    starts = [f'{{"{column}": ["{code}", ' for column, codes in COMPARED.items() for code in codes]
    return or_(*(staged_rows.c.problems.startswith(start, autoescape=True) for start in starts))


def _is(import_id: int, line: int) -> ColumnElement[bool]:
    return and_(staged_rows.c.import_id == import_id, staged_rows.c.line == line)
