"""Correct rejected rows of a sheet that waits to be applied, and check and compare them again at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, or_, select, update
from sqlalchemy.orm import Session

from merge.columns import KEY, MATCHING, NAME
from merge.compare import Counts, Reading, compare, count_verdicts
from merge.decisions import WrongState, lock_preview
from merge.find import KEYLESS
from merge.former_ids import ERASED
from merge.identity import spelling_keys
from merge.matching import Match
from merge.merged_ids import survivor_of
from merge.options import Options
from merge.pages import BEYOND, PLANNED
from merge.preview import Row, rejected_row
from merge.problems import load_problems
from merge.sheet import Sheet
from merge.stage import SEPARATOR, read_block
from models import Import, planned_rows, staged_rows, students
from words import later, ngettext

# What is wrong with a row only beside other rows or the students: each comparison finds it anew.
COMPARED = {**dict.fromkeys(MATCHING, (KEYLESS,)), KEY.name: ("twice", "nameless", ERASED)}

# What would part a cell in two, and what PostgreSQL takes in no text.
UNKEPT = {ord(SEPARATOR): None, 0: None}

Typed = Mapping[int, Mapping[int, str]]
"""What was typed into the cells of rows, by line and place."""

EFFECTS = {
    "insert": later("Line %(line)s can be used now: it adds a student."),
    "update": later("Line %(line)s can be used now: it changes a student."),
    "review": later("Line %(line)s can be used once its student is confirmed."),
    "unchanged": later("Line %(line)s can be used now: it changes nothing."),
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
            "So can %(num)s more row for the same student.",
            "So can %(num)s more rows for the same student.",
            self.others,
        )
        return f"{sentence} {others}"


@dataclass(frozen=True)
class Corrected:
    """What became of rows that were typed into, by their lines: those that can be used now, and those that still can't."""

    accepted: dict[int, Accepted]
    rejected: dict[int, Row]

    def sentence(self) -> str:
        if len(self.accepted) == 1:
            (line, accepted) = next(iter(self.accepted.items()))
            return accepted.sentence(line)
        others = sum(accepted.others for accepted in self.accepted.values())
        return ngettext("%(num)s row can be used now.", "%(num)s rows can be used now.", len(self.accepted) + others)


def correct(session: Session, import_id: int, typed: Typed, *, version: int | None) -> Corrected:
    """Put what was typed into rows, check and compare them again, and commit; of a row that still has problems nothing is kept.

    Raises WrongState if the import is no longer as it was shown at that version, or one of the rows is not rejected.
    """
    import_ = lock_preview(session, import_id, version)
    if len(_rejected(session, import_id, typed)) < len(typed):
        session.rollback()
        raise WrongState
    outcomes = {line: _correct_or_leave(session, import_, line, cells) for line, cells in typed.items()}
    accepted = {line: outcome for line, outcome in outcomes.items() if isinstance(outcome, Accepted)}
    if accepted:
        session.commit()
    else:
        session.rollback()
    return Corrected(accepted, {line: outcome for line, outcome in outcomes.items() if isinstance(outcome, Row)})


def with_typed(session: Session, import_: Import, typed: Typed) -> dict[int, Row]:
    """Give rejected rows with what was typed into them, unchecked; without those that are not rejected or not kept."""
    if import_.state != "ready":
        return {}
    sheet = Sheet.from_json(import_.sheet)
    return {
        line: rejected_row(sheet, line, _filled_in(cells, typed[line], len(sheet.headings)), load_problems(problems), cells)
        for line, (cells, problems) in _rejected(session, import_.id, typed).items()
    }


def _correct_or_leave(session: Session, import_: Import, line: int, typed: Mapping[int, str]) -> Accepted | Row:
    with session.begin_nested() as savepoint:
        outcome = _correct(session, import_, line, typed)
        if isinstance(outcome, Row):
            savepoint.rollback()
    return outcome


def _correct(session: Session, import_: Import, line: int, typed: Mapping[int, str]) -> Accepted | Row:
    sheet, options = Sheet.from_json(import_.sheet), Options.from_json(import_.options)
    stored = session.execute(select(staged_rows.c.cells).where(_is(import_.id, line))).scalar_one().split(SEPARATOR)
    cells = _filled_in(stored, typed, len(sheet.headings))
    (read,) = read_block([(line, cells)], import_.id, sheet, options)
    row = dict(zip(staged_rows.columns.keys(), read, strict=True))
    before, after = _compare_again(session, import_, row)
    problems = session.scalar(select(staged_rows.c.problems).where(_is(import_.id, line)))
    if problems:
        return rejected_row(sheet, line, cells, load_problems(problems), stored)
    for name in vars(before):
        setattr(import_, name, getattr(import_, name) + getattr(after, name) - getattr(before, name))
    # The staged rows may be lost in a crash of the database, and what somebody has typed must not be.
    import_.sheet = {**import_.sheet, "mended": {**sheet.mended, str(line): cells}}
    verdict = session.scalar(select(planned_rows.c.verdict).where(_planned(import_.id, [line])))
    return Accepted(verdict or "unchanged", before.rejected - after.rejected - 1)


def _rejected(session: Session, import_id: int, lines: Collection[int]) -> dict[int, tuple[list[str], str]]:
    """Give the cells and the problems of those of the lines that are rejected."""
    columns = (staged_rows.c.line, staged_rows.c.cells, staged_rows.c.problems)
    asked = [line for line in lines if line <= BEYOND]
    rows = select(*columns).where(
        staged_rows.c.import_id == import_id, staged_rows.c.line.in_(asked), staged_rows.c.problems.is_not(None)
    )
    return {line: (cells.split(SEPARATOR), problems) for line, cells, problems in session.execute(rows.order_by(columns[0]))}


def _filled_in(cells: list[str], typed: Mapping[int, str], width: int) -> list[str]:
    """Give the row as wide as the heading: who looks at all its cells and sends them says that none is missing."""
    cells = cells + [""] * (width - len(cells))
    cells = [typed.get(place, cell).translate(UNKEPT) for place, cell in enumerate(cells)]
    while len(cells) > width and not cells[-1].strip():
        cells.pop()
    return cells


def _compare_again(session: Session, import_: Import, row: dict[str, Any]) -> tuple[Counts, Counts]:
    """Compare the row, and those that mean the same student as it did or does; count their verdicts before and after.

    They are set aside under an id that no import has, so that they are compared by the very code that compares a sheet.
    """
    aside, reading = -import_.id, Reading.of(import_)
    _set_aside(session, import_.id, aside, _akin(session, row, reading.match))
    before = count_verdicts(session, aside)
    session.execute(update(staged_rows).where(_is(aside, row["line"])).values({**row, "import_id": aside}))
    session.execute(update(staged_rows).where(staged_rows.c.import_id == aside, _was_compared()).values(problems=None))
    after = compare(session, replace(reading, import_id=aside), may_repeat=True, advance=lambda _share: None)
    for table in (staged_rows, planned_rows):
        session.execute(update(table).where(table.c.import_id == aside).values(import_id=import_.id))
    return before, after


def _akin(session: Session, row: dict[str, Any], match: Match) -> ColumnElement[bool]:
    """Keep the row and those that may mean the same student, as it was or as it is now."""
    key = match.of_rows()[0].name
    was = session.scalar(select(staged_rows.c[key]).where(_is(row["import_id"], row["line"])))
    same = [value for value in (was, row[key]) if value is not None]
    if key == "student_id" and row[key] is not None and (survivor_id := survivor_of(session, row[key])):
        same.append(survivor_id)
    akin = [staged_rows.c.line == row["line"], staged_rows.c[key].in_(same)]
    if match.by_name and row[NAME.name] is not None:
        spelled = students.c.name_key.in_(spelling_keys(row[NAME.name]))
        akin.append(staged_rows.c.student_id.in_(select(students.c.id).where(spelled)))
    return and_(staged_rows.c.import_id == row["import_id"], or_(*akin))


def _set_aside(session: Session, import_id: int, aside: int, rows: ColumnElement[bool]) -> None:
    session.execute(update(staged_rows).where(rows).values(import_id=aside))
    lines = select(staged_rows.c.line).where(staged_rows.c.import_id == aside, staged_rows.c.problems.is_(None))
    session.execute(update(planned_rows).where(_planned(import_id, lines)).values(import_id=aside))


def _planned(import_id: int, lines: Collection[int] | Select[int]) -> ColumnElement[bool]:
    return and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict.in_(PLANNED), planned_rows.c.line.in_(lines))


def _was_compared() -> ColumnElement[bool]:
    """Find the problems that `compare` writes; a row that has others has none of these."""
    starts = [f'{{"{column}": ["{code}", ' for column, codes in COMPARED.items() for code in codes]
    return or_(*(staged_rows.c.problems.startswith(start, autoescape=True) for start in starts))


def _is(import_id: int, line: int) -> ColumnElement[bool]:
    return and_(staged_rows.c.import_id == import_id, staged_rows.c.line == line)
