"""Know a OneRoster export for what it is: which of its users are students, and which column is their ID.

The columns are those of the OneRoster CSV binding 1.2 (imsglobal.org/spec/oneroster/v1p2/bind/csv) and of 1.1, where
users.csv itself says who has which role. Since 1.2, roles.csv says it.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from merge.headings import fold
from merge.problems import SheetRefused
from words import Later, later

MANIFEST, USERS, ROLES = "manifest.csv", "users.csv", "roles.csv"
# No other sheet has all of these, and every users.csv has to.
SIGNS = {"sourcedid", "enableduser", "givenname", "familyname"}
STUDENT, TO_BE_DELETED = "student", "tobedeleted"
# Between the roles of one user, once they stand in one cell.
SEPARATOR = "/"
WHOLE = re.compile(r"[0-9]{1,15}")
MOST_NAMED = 50

Row = tuple[int, list[str]]


@dataclass
class LeftOut:
    """Rows that are left out for the same reason: the first one's line, how many they are, and some of their ids."""

    line: int
    number: int = 0
    ids: list[str] = field(default_factory=list)


class Roster:
    """The users of a OneRoster export, and what was left out of them so far."""

    def __init__(self, headings: Sequence[str]) -> None:
        folded = [fold(heading) for heading in headings]
        self.id, self.role, self.status, self.identifier = (
            folded.index(name) if name in folded else None for name in ("sourcedid", "role", "status", "identifier")
        )
        self._left_out: dict[str, LeftOut] = {}

    def students(self, rows: list[Row]) -> list[Row]:
        """Keep the rows of students, and note the others: who is to be deleted is named, and nobody deleted."""
        kept = []
        for line, row in rows:
            reason = self._reason(row)
            if reason is None:
                kept.append((line, row))
            else:
                self._note(reason, line, row)
        return kept

    def left_out(self) -> list[list[Any]]:
        """Give line and sentence for each reason why rows were left out."""
        return [[one.line, self._sentence(reason, one).dump()] for reason, one in self._left_out.items()]

    def key(self, rows: Iterable[Sequence[str]]) -> int | None:
        """Find the column that holds students' IDs as they are here, whole numbers; a GUID is none."""
        students = [row for row in rows if self._reason(row) is None]
        for place in (self.identifier, self.id):
            filled = [cell for row in students if (cell := _cell(row, place))]
            if filled and all(map(WHOLE.fullmatch, filled)):
                return place
        return None

    def _reason(self, row: Sequence[str]) -> str | None:
        roles = _cell(row, self.role).casefold()
        if self.role is not None and STUDENT not in roles.split(SEPARATOR):
            return roles
        return TO_BE_DELETED if _cell(row, self.status).casefold() == TO_BE_DELETED else None

    def _note(self, reason: str, line: int, row: Sequence[str]) -> None:
        noted = self._left_out.setdefault(reason, LeftOut(line))
        noted.number += 1
        if len(noted.ids) < MOST_NAMED:
            noted.ids.append(_cell(row, self.identifier) or _cell(row, self.id))

    def _sentence(self, reason: str, noted: LeftOut) -> Later:
        if not reason:
            return later("Users without a role are not students: %(number)s skipped.", number=noted.number)
        if reason != TO_BE_DELETED:
            return later("Users with the role “%(role)s” are not students: %(number)s skipped.", role=reason, number=noted.number)
        ids, more = ", ".join(noted.ids), noted.number - len(noted.ids)
        if more:
            return later(
                "The other system marks these as deleted: %(ids)s and %(more)s more. An import never deletes students.",
                ids=ids,
                more=more,
            )
        return later("The other system marks these as deleted: %(ids)s. An import never deletes students.", ids=ids)


def roster_of(headings: Sequence[str]) -> Roster | None:
    """Give the roster that a sheet with these headings is; None for any other sheet."""
    return Roster(headings) if set(map(fold, headings)) >= SIGNS else None


def roster_columns(
    roster: Roster, id_column: str, columns: Sequence[str | None], rows: Iterable[Sequence[str]]
) -> list[str | None]:
    """Put the ID into the columns that the headings were matched with, where there is one; else rows are matched by name."""
    key = roster.key(rows)
    return [id_column if place == key else None if column == id_column else column for place, column in enumerate(columns)]


def lacks_roles(headings: Sequence[str]) -> bool:
    """Tell whether this is a OneRoster export that does not say who is a student."""
    roster = roster_of(headings)
    return roster is not None and roster.role is None


def with_roles(users: Path, roles: Path, target: Path) -> None:
    """Write the users with each one's roles in a column of their own, as they stood up to 1.1. Raises SheetRefused."""
    with open(users, newline="", encoding="utf-8-sig") as given, open(target, "w", newline="", encoding="utf-8") as made:
        try:
            reader, writer = csv.reader(given), csv.writer(made)
            headings = next(reader, [])
            id_place = [fold(heading) for heading in headings].index("sourcedid")
            known = _roles_by_user(roles)
            writer.writerow([*headings, "role"])
            for row in reader:
                writer.writerow([*row, known.get(_cell(row, id_place), "")] if any(row) else [])
        except (ValueError, csv.Error):
            raise SheetRefused(
                later("users.csv or roles.csv in the archive is not as OneRoster says. Export them again.")
            ) from None


def has_role_column(users: Path) -> bool:
    with open(users, newline="", encoding="utf-8-sig", errors="replace") as file:
        return "role" in map(fold, next(csv.reader(file), []))


def _roles_by_user(roles: Path) -> dict[str, str]:
    known: dict[str, str] = {}
    for user, role in _active_roles(roles):
        known[user] = f"{known[user]}{SEPARATOR}{role}" if user in known else role
    return known


def _active_roles(roles: Path) -> Iterator[tuple[str, str]]:
    with open(roles, newline="", encoding="utf-8-sig") as file:
        reader = csv.reader(file)
        folded = [fold(heading) for heading in next(reader, [])]
        user, role = folded.index("usersourcedid"), folded.index("role")
        status = folded.index("status") if "status" in folded else None
        for row in reader:
            if _cell(row, status).casefold() != TO_BE_DELETED and _cell(row, user):
                yield _cell(row, user), _cell(row, role)


def _cell(row: Sequence[str], place: int | None) -> str:
    return row[place].strip() if place is not None and place < len(row) else ""
