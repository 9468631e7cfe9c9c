"""What is remarkable about a sheet as a whole, counted when it is compared: many students renamed, blanked, or far off."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, select
from sqlalchemy.orm import Session

from documents import known
from merge.columns import BY_NAME, NAME, VALUES, StudentColumn
from models import Import, planned_rows, revisions, students
from words import ngettext, number

# Of a column's range, what a value may move by without being remarkable.
FAR = 1 / 3
# So many rows, and such a share of those that find a student, keep a sheet from being applied with nobody looking on.
FEW, SHARE = 2, 0.1
# How many earlier sheets with the same headings say what is usual, and how many there have to be.
REMEMBERED, LEAST_REMEMBERED = 20, 3
# A sheet does something else than the ones before where it is so many times as large or as small, and so many rows away.
TIMES, ROWS_AWAY = 3, 10
# A sheet that lacks no more students than this is about all of them, and not only about a class.
MOST = 0.5


@dataclass(frozen=True)
class Finding:
    """One thing to look at before the sheet is applied."""

    code: str
    """"renamed", "blanked" or "moved", and of the whole sheet "changes", "rows" or "absent"."""
    column: str | None
    number: int
    of: int
    """How many rows find a student; or, of the whole sheet, nothing."""
    usual: tuple[int, int] = (0, 0)
    """The least and the most in earlier sheets with the same headings."""

    @property
    def check(self) -> str | None:
        """Name its rows in an address; None where it is about the whole sheet."""
        return f"{self.code}-{self.column}" if self.column else None

    @property
    def stops(self) -> bool:
        """Whether a person has to look before the sheet is applied."""
        return self.column is None or (self.number >= FEW and self.number > SHARE * self.of)

    @property
    def sentence(self) -> str:
        label, of = BY_NAME[self.column].label if self.column else "", number(self.of)
        low, high = map(number, self.usual)
        match self.code:
            case "renamed":
                return ngettext(
                    "%(num)s of %(of)s students would be renamed",
                    "%(num)s of %(of)s students would be renamed",
                    self.number,
                    of=of,
                )
            case "blanked":
                return ngettext(
                    "%(column)s cleared for %(num)s of %(of)s students",
                    "%(column)s cleared for %(num)s of %(of)s students",
                    self.number,
                    column=label,
                    of=of,
                )
            case "moved":
                return ngettext(
                    "%(column)s changed by more than a third of its range for %(num)s of %(of)s students",
                    "%(column)s changed by more than a third of its range for %(num)s of %(of)s students",
                    self.number,
                    column=label,
                    of=of,
                )
            case "changes":
                return ngettext(
                    "%(num)s student added or changed; sheets with these headings usually add or change %(low)s to %(high)s",
                    "%(num)s students added or changed; sheets with these headings usually add or change %(low)s to %(high)s",
                    self.number,
                    low=low,
                    high=high,
                )
            case "absent":
                return ngettext(
                    "%(num)s of %(of)s students is not in this sheet",
                    "%(num)s of %(of)s students are not in this sheet",
                    self.number,
                    of=of,
                )
        return ngettext(
            "%(num)s row; sheets with these headings usually have %(low)s to %(high)s",
            "%(num)s rows; sheets with these headings usually have %(low)s to %(high)s",
            self.number,
            low=low,
            high=high,
        )


def find_remarkable(session: Session, import_: Import, columns: set[str], counts: Mapping[str, int]) -> list[Finding]:
    """Count what is remarkable among the planned rows, in one pass, and beside earlier sheets with the same headings."""
    checks = [(code, column) for code, column, _ in _checks() if column.name in columns]
    found = counts["updates"] + counts["reviews"] + counts["unchanged"]
    numbers = session.execute(_count_all(import_.id, columns)).one() if checks else ()
    findings = [
        Finding(code, column.name, number, found) for (code, column), number in zip(checks, numbers, strict=True) if number
    ]
    return [*findings, *_unusual(session, import_, counts), *_absent(session, found)]


def load_findings(kept: Sequence[Mapping[str, Any]] | None) -> list[Finding]:
    return [known(Finding, {**finding, "usual": tuple(finding.get("usual", (0, 0)))}) for finding in kept or ()]


def dump_findings(findings: Sequence[Finding]) -> list[dict[str, Any]] | None:
    return [asdict(finding) for finding in findings] or None


def lines_of(import_id: int, check: str) -> Select[int]:
    """Select the lines of a finding's rows; `check` is one of CHECKS."""
    conditions = {f"{code}-{column.name}": condition for code, column, condition in _checks()}
    return select(planned_rows.c.line).select_from(_with_base()).where(_changing(import_id), conditions[check])


def _checks() -> Iterator[tuple[str, StudentColumn, ColumnElement[bool]]]:
    for column in VALUES:
        new, old = planned_rows.c[column.name], revisions.c[column.name]
        if column is NAME:
            yield "renamed", column, new != old
        if not column.required:
            yield "blanked", column, and_(new.is_(None), old.is_not(None))
        if column.bounded and column.minimum is not None and column.maximum is not None:
            yield "moved", column, func.abs(new - old) > (column.maximum - column.minimum) * FAR


def _count_all(import_id: int, columns: set[str]) -> Select[Any]:
    counted = [
        func.coalesce(func.sum(case((condition, 1), else_=0)), 0) for _, column, condition in _checks() if column.name in columns
    ]
    return select(*counted).select_from(_with_base()).where(_changing(import_id))


def _with_base() -> Any:
    """Put each planned row beside its student as they were at the version that it is based on."""
    base = and_(revisions.c.student_id == planned_rows.c.student_id, revisions.c.version == planned_rows.c.base_version)
    return planned_rows.join(revisions, and_(base, ~revisions.c.deleted))


def _changing(import_id: int) -> ColumnElement[bool]:
    return and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict.in_(("update", "review")))


def _unusual(session: Session, import_: Import, counts: Mapping[str, int]) -> Iterator[Finding]:
    """Find a sheet that changes far more students than the ones before, or has far fewer rows."""
    same = (
        Import.headings_key == import_.headings_key,
        Import.state == "applied",
        Import.id < import_.id,
        Import.rest_of.is_(None),
    )
    before = session.execute(
        select(Import.inserts + Import.updates, Import.rows).where(*same).order_by(Import.id.desc()).limit(REMEMBERED)
    ).all()
    if len(before) < LEAST_REMEMBERED or import_.headings_key is None or import_.rest_of:
        return
    changed, rows = [row[0] for row in before], [row[1] for row in before]
    changes = counts["inserts"] + counts["updates"] + counts["reviews"]
    if changes > TIMES * max(changed) and changes > max(changed) + ROWS_AWAY:
        yield Finding("changes", None, changes, 0, (min(changed), max(changed)))
    in_all = sum(counts.values())
    if in_all * TIMES < min(rows) and in_all + ROWS_AWAY < min(rows):
        yield Finding("rows", None, in_all, 0, (min(rows), max(rows)))


def _absent(session: Session, found: int) -> Iterator[Finding]:
    """Find a sheet that names most students, so that it is meant to name all, and lacks many."""
    in_all = session.scalar(select(func.count()).select_from(students)) or 0
    absent = in_all - found
    if in_all >= ROWS_AWAY and SHARE * in_all < absent < MOST * in_all:
        yield Finding("absent", None, absent, in_all)


CHECKS = [f"{code}-{column.name}" for code, column, _ in _checks()]
