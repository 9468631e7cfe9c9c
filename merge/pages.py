"""Find the lines of an import that stand on one page. It is paged by line, so that the last page costs what the first does."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, CompoundSelect, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from merge.cells import read_text
from merge.problems import Problem
from merge.query import BadQuery
from merge.sanity import CHECKS, lines_of
from merge.search import MOST_WORDS
from merge.staged import same_line
from models import planned_rows, staged_rows
from words import _

ROWS = 100
ALL = "all"
PLANNED = ("insert", "update", "delete", "conflict", "review", "omitted")
VERDICTS = (*PLANNED, "unchanged", "rejected")
# In an address, what stands behind every line.
END = "end"
BEYOND = 2**31 - 1
DIGITS = 9
# So many lines are looked through at first for rows that change nothing.
STRETCH = 1_000


@dataclass(frozen=True)
class Query:
    """What the address of an import's page asks for."""

    verdict: str = ALL
    q: str = ""
    check: str | None = None
    """What the rows have to be remarkable for, as merge.sanity names it."""
    after: int | None = None
    before: int | None = None


@dataclass(frozen=True)
class Lines:
    """The lines of a page, and those next to which its neighbours begin, where there are any."""

    lines: list[int]
    before: int | None
    after: int | None


def parse_query(arguments: Mapping[str, str], verdict: str) -> Query:
    """Read an address; `verdict` is what it shows if it names none. Raises BadQuery."""
    verdict = arguments.get("verdict") or verdict
    if verdict not in (ALL, *VERDICTS):
        raise BadQuery(
            _(
                "No row has the verdict “%(verdict)s”. Rows can be shown by %(verdicts)s.",
                verdict=verdict,
                verdicts=", ".join((ALL, *VERDICTS)),
            )
        )
    try:
        q = read_text(arguments.get("q", ""))
    except Problem as problem:
        raise BadQuery(problem.sentence(_("The search"))) from None
    if len(q.split()) > MOST_WORDS:
        raise BadQuery(_("Search for at most %(most)s words at once.", most=MOST_WORDS))
    check = arguments.get("check") or None
    if check is not None and check not in CHECKS:
        raise BadQuery(_("The address of this page was cut off or changed. Start again from the first page of the rows."))
    return Query(verdict, q, check, _line(arguments.get("after")), _line(arguments.get("before")))


def find_lines(session: Session, import_id: int, query: Query) -> Lines:
    """Give the first hundred lines after a line, or the last hundred before one."""
    backwards = query.before is not None
    if query.verdict == "unchanged" and not query.check:
        found = _unchanged_lines(session, import_id, query)
    else:
        found = list(session.scalars(page_of_lines(import_id, query)))
    more, lines = len(found) > ROWS, sorted(found[:ROWS])
    earlier = more if backwards else bool(query.after)
    later = query.before != BEYOND if backwards else more
    return Lines(lines, lines[0] if lines and earlier else None, lines[-1] if lines and later else None)


def page_of_lines(import_id: int, query: Query) -> Select[int]:
    """Select a page's lines in the order of its key, and one more, which tells whether there is another page."""
    statement = _of_verdict(import_id, query)
    line = statement.selected_columns.line
    if query.before is not None:
        return statement.where(line < query.before).order_by(line.desc()).limit(ROWS + 1)
    return statement.where(line > (query.after or 0)).order_by(line).limit(ROWS + 1)


def unchanged_between(import_id: int, q: str, low: int, high: int) -> CompoundSelect[int]:
    """Select the lines after `low`, up to `high`, of rows that say what is stored: those neither rejected nor planned."""
    accepted = select(staged_rows.c.line).where(
        staged_rows.c.import_id == import_id, staged_rows.c.problems.is_(None), *_found(q)
    )
    planned = select(planned_rows.c.line).where(planned_rows.c.import_id == import_id, planned_rows.c.verdict.in_(PLANNED))
    return accepted.where(staged_rows.c.line.between(low + 1, high)).except_(
        planned.where(planned_rows.c.line.between(low + 1, high))
    )


def _of_verdict(import_id: int, query: Query) -> Select[int]:
    found = _found(query.q)
    if query.check:
        rows = lines_of(import_id, query.check)
        return rows.where(exists().where(same_line(), *found)) if found else rows
    if query.verdict in PLANNED:
        rows = select(planned_rows.c.line).where(planned_rows.c.import_id == import_id, planned_rows.c.verdict == query.verdict)
        return rows.where(exists().where(same_line(), *found)) if found else rows
    rows = select(staged_rows.c.line).where(staged_rows.c.import_id == import_id, *found)
    return rows.where(staged_rows.c.problems.is_not(None)) if query.verdict == "rejected" else rows


def _unchanged_lines(session: Session, import_id: int, query: Query) -> list[int]:
    """Find them a stretch of lines at a time, each longer than the one before: they may be dense, or a few in a million."""
    backwards = query.before is not None
    last = session.scalar(select(func.max(staged_rows.c.line)).where(staged_rows.c.import_id == import_id)) or 0
    low, high = (0, min(query.before, last + 1) - 1) if query.before is not None else (query.after or 0, last)
    found, stretch = list[int](), STRETCH
    while low < high and len(found) <= ROWS:
        part = (max(low, high - stretch), high) if backwards else (low, min(high, low + stretch))
        lines = session.scalars(unchanged_between(import_id, query.q, *part))
        found += sorted(lines, reverse=backwards)[: ROWS + 1 - len(found)]
        low, high = (low, part[0]) if backwards else (part[1], high)
        stretch *= 4
    return found


def _found(q: str) -> list[ColumnElement[bool]]:
    """Keep the rows whose cells hold each of the words, and the one on the line if it is a number."""
    if not q:
        return []
    words = and_(*(or_(*(staged_rows.c.cells.icontains(s, autoescape=True) for s in _spellings(word))) for word in q.split()))
    return [or_(words, staged_rows.c.line == int(q)) if _is_line(q) else words]


def _spellings(word: str) -> set[str]:
    """Give the spellings to look for: SQLite knows small from capital letters only without accents."""
    return {word} if word.isascii() else {word, word.lower(), word.upper(), word.capitalize()}


def _line(text: str | None) -> int | None:
    if not text:
        return None
    if text == END:
        return BEYOND
    if not _is_line(text):
        raise BadQuery(_("The address of this page was cut off or changed. Start again from the first page of the rows."))
    return int(text)


def _is_line(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS
