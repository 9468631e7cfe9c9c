"""Show an import's rows: the student before and after, or the sheet's own cells with what is wrong in them."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from sqlalchemy import Row as SqlRow
from sqlalchemy import Select, and_, or_, select
from sqlalchemy.orm import Session

from merge.columns import BY_NAME, COLUMNS, KEY, VALUES, column_of, places
from merge.former_ids import owners_said
from merge.imports.states import BUSY
from merge.lease import share_told
from merge.pages import ALL, PLANNED, Query, find_lines
from merge.problems import Problem, load_problems
from merge.review import CHOICES, ReviewReason, sentence
from merge.sheet import Sheet
from merge.stage import SEPARATOR
from models import Import, now, planned_rows, revisions, staged_rows, students
from words import _, later, ngettext, number

# The states in which the staged rows are whole and nobody works on them.
SHOWN = ("ready", "applied", "undone")
# What a page shows if its address does not say: the first of these that there are any of.
OPENS_ON = ("review", "delete", "update", "insert", "rejected", "unchanged")
STEPS = {
    "reading": later("Reading the sheet"),
    "selecting": later("Collecting the students"),
    "comparing": later("Comparing it with the students"),
    "applying": later("Writing the changes"),
    "undoing": later("Undoing the changes"),
}
MINUTE_S = 60
# What one form may bring is bounded in web/limits.py, in fields and in bytes; a sign may take twelve of those.
MOST_FIELDS, MOST_SIGNS = 1_500, 50_000
# In the order in which they matter, each with where an import counts it.
VERDICTS = {
    "insert": "inserts",
    "update": "updates",
    "unchanged": "unchanged",
    "rejected": "rejected",
    "review": "reviews",
    "conflict": "conflicts",
    "delete": "deletes",
    "omitted": "omitted",
}


@dataclass(frozen=True)
class Cell:
    """One cell as the page shows it."""

    after: str
    before: str | None = None
    """What stood there, where it differs."""
    problem: str | None = None
    correctable: bool = False
    """Whether it says something about the student, so that typing it anew may mend its row."""


@dataclass(frozen=True)
class Review:
    """Why a row needs review: the code, the student or line that it names, and what the row does once it is confirmed."""

    reason: str
    related: int | None
    action: str


@dataclass(frozen=True)
class Row:
    line: int
    verdict: str
    cells: list[Cell]
    problems: list[str]
    """What is wrong with the row, one sentence for each student column that has a problem; or why it needs review."""
    review: Review | None = None
    """What a row that needs review is about."""
    seen: str = ""
    """Names the texts that a rejected row's cells were shown with, so that a form can tell which rows somebody typed into."""

    @property
    def needs_choice(self) -> bool:
        """Whether somebody has to choose which student it means, instead of only confirming it."""
        return self.review is not None and self.review.reason in CHOICES


@dataclass(frozen=True)
class Page:
    """A page of rows under its headings, and the lines next to which its neighbours begin, where there are any."""

    headings: list[str]
    rows: list[Row]
    before: int | None = None
    after: int | None = None


def counts(import_: Import) -> dict[str, int]:
    """Give the number of rows by verdict."""
    return {verdict: getattr(import_, counted) for verdict, counted in VERDICTS.items()}


def opening_verdict(import_: Import) -> str:
    """Name the rows to show first: those that were held back, if any."""
    if import_.conflicts:
        return "conflict"
    numbers = counts(import_)
    return next((verdict for verdict in OPENS_ON if numbers[verdict]), ALL)


def are_rows_kept(import_: Import) -> bool:
    """Tell whether the rows can still be shown: some days after the end they are dropped together with the file."""
    return import_.state in SHOWN and bool(import_.path)


def progress(import_: Import) -> dict[str, Any]:
    """Give the state and how far the present step has come: rows, share from 0 to 1, rows a second, seconds left."""
    share = share_told(import_.path) or import_.share
    seconds = max((now() - import_.step_at).total_seconds(), 0.0) if import_.step_at and import_.state in BUSY else 0.0
    # How many rows a sheet has is known only when it is read; until then it follows from the share that is.
    in_all = round(import_.rows / share) if import_.step == "reading" and share else import_.rows
    done = round(share * in_all)
    figures = {
        "state": import_.state,
        "busy": import_.state in BUSY,
        "step": import_.step,
        "rows": import_.rows,
        "rows_done": done,
        "rows_total": in_all,
        "share": round(share, 3),
        "rate": round(done / seconds) if seconds and done else None,
        "seconds_left": round(seconds / share - seconds) if seconds and share else None,
    }
    return {**figures, "sentence": _progress_sentence(figures), **counts(import_)}


def applied_before(session: Session, import_: Import) -> Import | None:
    """Give the newest earlier import of this very file that was applied, also if it was undone since; None if there is none."""
    if import_.rest_of:
        return None
    earlier = (
        Import.sha256 == import_.sha256,
        Import.id < import_.id,
        Import.state.in_(("applied", "undone")),
        Import.rest_of.is_(None),
    )
    return session.scalar(select(Import).where(*earlier).order_by(Import.id.desc()).limit(1))


def headings(import_: Import, verdict: str) -> list[str]:
    """Name a page's columns: the student's, or the sheet's own for rejected rows."""
    if verdict == "rejected":
        return [heading or _("(no heading)") for heading in import_.sheet["headings"]]
    return [column.label for column in COLUMNS]


def page(session: Session, import_: Import, query: Query) -> Page:
    """Give the page of rows that the query asks for."""
    sheet = Sheet.from_json(import_.sheet)
    found = find_lines(session, import_.id, query)
    draw = _in_own_columns if query.verdict == "rejected" else _in_student_columns
    drawn = [draw(sheet, row) for row in session.execute(rows_on_lines(import_.id, found.lines))] if found.lines else []
    drawn = _with_former_owners(session, drawn)
    width = max([len(row.cells) for row in drawn], default=0)
    names = headings(import_, query.verdict)
    names += [_("(no heading)")] * (width - len(names))
    return Page(names, [_widened(row, len(names)) for row in drawn], found.before, found.after)


def with_rows(page: Page, rows: Mapping[int, Row]) -> Page:
    """Put rows in the places of those on their lines; a page without such a line gets it on top."""
    drawn = {line: _widened(row, len(page.headings)) for line, row in rows.items()}
    there = {row.line for row in page.rows}
    on_top = [row for line, row in sorted(drawn.items()) if line not in there]
    return replace(page, rows=[*on_top, *(drawn.get(row.line, row) for row in page.rows)])


def correctable_lines(page: Page) -> list[int]:
    """Give the lines of a page's first rows that one form can hold; the others wait for the next page."""
    lines, fields, signs = list[int](), 0, 0
    for row in page.rows:
        texts = [cell.after for cell in row.cells if cell.correctable]
        fields, signs = fields + len(texts) + 1, signs + sum(map(len, texts))
        if lines and (fields > MOST_FIELDS or signs > MOST_SIGNS):
            break
        lines.append(row.line)
    return lines


def shown_text(cell: str) -> str:
    """Give a cell as a field of one line shows it."""
    return " ".join(cell.split())


def name_texts(texts: Mapping[int, str]) -> str:
    """Name the texts of a row's cells, given by their place."""
    return hashlib.sha256(json.dumps(sorted(texts.items())).encode()).hexdigest()[:16]


def rows(session: Session, import_: Import, verdict: str) -> list[Row]:
    """Give the first hundred rows with that verdict."""
    return page(session, import_, Query(verdict)).rows


def rejected_row(
    sheet: Sheet, line: int, typed: list[str], problems: Mapping[str, Problem], stored: list[str] | None = None
) -> Row:
    """Draw a row in the sheet's own columns, each problem in the cells that have it; with what was typed over what is stored."""
    sentences = _sentences(problems)
    choices = [*sheet.columns, *[None] * (len(typed) - len(sheet.columns))]
    names = [column_of(choice) if choice else None for choice in choices]
    # Where a row has too many or too few cells, any of them may be the one that is out of place.
    cells = [
        Cell(cell, problem=sentences.get(name) if name else None, correctable=bool(name) or "" in problems)
        for cell, name in zip(typed + [""] * (len(names) - len(typed)), names, strict=True)
    ]
    before = [shown_text(cell) for cell in (typed if stored is None else stored)]
    before += [""] * (len(cells) - len(before))
    seen = name_texts({place: before[place] for place, cell in enumerate(cells) if cell.correctable})
    return Row(line, "rejected", cells, list(sentences.values()), seen=seen)


def rows_on_lines(import_id: int, lines: list[int]) -> Select[Any]:
    """Select each row as it was typed, as its student will stand by the plan, and as they stood at the version it is based on."""
    planned = and_(
        planned_rows.c.import_id == import_id,
        planned_rows.c.verdict.in_(PLANNED),
        planned_rows.c.line == staged_rows.c.line,
        planned_rows.c.line.in_(lines),
    )
    base = and_(
        revisions.c.student_id == planned_rows.c.student_id,
        revisions.c.version == planned_rows.c.base_version,
        or_(~revisions.c.deleted, planned_rows.c.reason == ReviewReason.FORMER_ID.value),
    )
    sources = staged_rows.outerjoin(planned_rows, planned).outerjoin(revisions, base)
    values = chain.from_iterable(
        (revisions.c[c.name], planned_rows.c[c.name], staged_rows.c[c.name], students.c[c.name]) for c in VALUES
    )
    return (
        select(
            staged_rows.c.line,
            staged_rows.c.cells,
            staged_rows.c.problems,
            staged_rows.c.student_id,
            planned_rows.c.verdict,
            planned_rows.c.reason,
            planned_rows.c.related,
            planned_rows.c.action,
            revisions.c.version,
            *values,
        )
        .select_from(sources.outerjoin(students, students.c.id == staged_rows.c.student_id))
        .where(staged_rows.c.import_id == import_id, staged_rows.c.line.in_(lines))
        .order_by(staged_rows.c.line)
    )


def _in_student_columns(sheet: Sheet, row: SqlRow[Any]) -> Row:
    line, text, dumped, student_id, verdict, reason, related, action, base_version, *values = tuple(row)
    if dumped:
        return _rejected_in_student_columns(sheet, line, text.split(SEPARATOR), load_problems(dumped))
    unknown = verdict == "review" and reason in CHOICES
    cells = [Cell("" if unknown else KEY.write(student_id))]
    quadruples = zip(values[::4], values[1::4], values[2::4], values[3::4], strict=True)
    for column, (before, planned, staged, stored) in zip(VALUES, quadruples, strict=True):
        # The student of an unchanged row may have been edited since, so the sheet's own word comes first.
        after = planned if verdict else stored if staged is None else staged
        differs = base_version is not None and before != after
        cells.append(Cell(column.write(after), column.write(before) if differs else None))
    if verdict == "review":
        return Row(line, verdict, cells, [sentence(reason, related)], Review(reason, related, action))
    return Row(line, verdict or "unchanged", cells, [])


def _with_former_owners(session: Session, rows: list[Row]) -> list[Row]:
    """Say whose the id of a row was that needs review for that."""
    ids = {row.line: int(row.cells[0].after) for row in rows if row.review and row.review.reason == ReviewReason.FORMER_ID}
    said = owners_said(session, ids.values()) if ids else {}
    return [replace(row, problems=[said[ids[row.line]], *row.problems]) if ids.get(row.line) in said else row for row in rows]


def _rejected_in_student_columns(sheet: Sheet, line: int, typed: list[str], problems: Mapping[str, Problem]) -> Row:
    sentences, found = _sentences(problems), places(sheet.columns)
    texts = {name: " ".join(typed[place] for place in at if place < len(typed)) for name, at in found.items()}
    cells = [Cell(texts.get(column.name, ""), problem=sentences.get(column.name)) for column in COLUMNS]
    return Row(line, "rejected", cells, list(sentences.values()))


def _in_own_columns(sheet: Sheet, row: SqlRow[Any]) -> Row:
    return rejected_row(sheet, row.line, row.cells.split(SEPARATOR), load_problems(row.problems))


def _sentences(problems: Mapping[str, Problem]) -> dict[str, str]:
    return {name: problem.sentence(BY_NAME[name].label if name else "") for name, problem in problems.items()}


def _widened(row: Row, width: int) -> Row:
    return replace(row, cells=[*row.cells, *[Cell("")] * (width - len(row.cells))])


def _progress_sentence(figures: dict[str, Any]) -> str:
    if not figures["step"]:
        return _("Waiting in the queue.")
    if not figures["rate"]:
        return f"{STEPS[figures['step']]}."
    facts = {
        "step": STEPS[figures["step"]],
        "done": number(figures["rows_done"]),
        "total": number(figures["rows_total"]),
        "rate": number(figures["rate"]),
        "left": _duration(figures["seconds_left"]),
    }
    if figures["step"] == "reading":
        return _("%(step)s: %(done)s of about %(total)s rows, %(rate)s rows a second, about %(left)s left.", **facts)
    return _("%(step)s: %(done)s of %(total)s rows, %(rate)s rows a second, about %(left)s left.", **facts)


def _duration(seconds: int) -> str:
    if seconds >= 2 * MINUTE_S:
        return ngettext("%(num)s minute", "%(num)s minutes", round(seconds / MINUTE_S))
    return ngettext("%(num)s second", "%(num)s seconds", seconds)
