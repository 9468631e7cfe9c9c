"""The audit log: who did what and when, for administrators to look through and to take along."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, tzinfo
from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from audit import Act
from merge.changes import within_days
from merge.csv_text import BOM, Format, csv_row
from merge.parts import in_parts
from merge.query import BadQuery, parse_day, parse_place, typed_name
from models import AuditEntry, db
from people import addresses
from web.access import requires
from web.acts import EXPORT_AUDIT_LOG, READ_AUDIT_LOG
from web.csv_format import asked_format
from web.streaming import download
from web.time_zone import school_zone
from words import _, day, later, number

audit = Blueprint("audit", __name__)

ENTRIES = 100
FILTERS = ("who", "what", "about", "from", "to")
HEADINGS = ("when", "who", "what", "about", "details", "from", "request")
WORDS = {
    Act.SIGNED_IN: later("Signed in"),
    Act.SIGN_IN_FAILED: later("Could not sign in"),
    Act.NOT_CONFIRMED: later("Could not confirm who they are"),
    Act.SIGNED_OUT: later("Signed out"),
    Act.SESSIONS_ENDED: later("Ended sessions"),
    Act.USER_ADDED: later("Created a user"),
    Act.USER_INVITED: later("Invited a user"),
    Act.LINK_MADE: later("Created a one-time link"),
    Act.PASSWORD_CHANGED: later("Set a password"),
    Act.ROLE_CHANGED: later("Changed a role"),
    Act.USER_RENAMED: later("Changed a user’s name"),
    Act.USER_SHUT_OUT: later("Deactivated a user"),
    Act.USER_LET_IN: later("Reactivated a user"),
    Act.APP_SET_UP: later("Set up an authenticator app"),
    Act.APP_TURNED_OFF: later("Turned an authenticator app off"),
    Act.RECOVERY_CODES_MADE: later("Created recovery codes"),
    Act.PASSKEY_ADDED: later("Added a passkey"),
    Act.PASSKEY_REMOVED: later("Removed a passkey"),
    Act.SECOND_FACTOR_RESET: later("Reset two-step verification"),
    Act.SECOND_FACTOR_ASKED: later("Changed which roles need two-step verification"),
    Act.TOKEN_MADE: later("Created a token"),
    Act.TOKEN_REVOKED: later("Revoked a token"),
    Act.SHEET_UPLOADED: later("Uploaded a sheet"),
    Act.QUESTION_ANSWERED: later("Answered a question about a sheet"),
    Act.BULK_PREPARED: later("Prepared a change of many students"),
    Act.IMPORT_APPLIED: later("Applied an import"),
    Act.IMPORT_UNDONE: later("Undid an import"),
    Act.STUDENTS_MERGED: later("Merged two students’ records"),
    Act.STUDENTS_DISTINCT: later("Marked two students as different people"),
    Act.ROWS_CONFIRMED: later("Confirmed rows of an import"),
    Act.IMPORT_CANCELLED: later("Cancelled an import"),
    Act.STUDENTS_EXPORTED: later("Exported students"),
    Act.REJECTS_EXPORTED: later("Exported rejected rows"),
    Act.HISTORY_VIEWED: later("Viewed a history"),
    Act.STUDENT_ERASED: later("Erased a student"),
    Act.AUDIT_EXPORTED: later("Exported the audit log"),
    Act.AUDIT_DROPPED: later("Deleted old entries"),
    Act.TIME_ZONE_CHOSEN: later("Set the time zone"),
}

DETAILS = {
    "inserts": later("added"),
    "updates": later("changed"),
    "deletes": later("deleted"),
    "skipped": later("not changed"),
    "students": later("students"),
    "rows": later("rows"),
    "bytes": later("bytes"),
    "kind": later("kind"),
    "factors": later("sign-in steps"),
    "secret": later("with"),
    "sessions": later("sessions"),
    "before": later("before"),
    "name": later("name"),
    "former_name": later("former name"),
    "role": later("role"),
    "roles": later("roles"),
    "scopes": later("permissions"),
    "entries": later("entries"),
    "zone": later("time zone"),
}
TYPED = {"name", "former_name"}
# Such as the day before which old entries were deleted.
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
VALUES = {
    "sheet": later("a sheet"),
    "set": later("a new value for a column"),
    "delete": later("a deletion"),
    "password": later("a password"),
    "code": later("a code"),
    "passkey": later("a passkey"),
}


@dataclass(frozen=True)
class Query:
    """What the address asks for."""

    who: str
    what: str
    about: str
    actors: list[str]
    subjects: list[str]
    """What is kept of whom `who` and `about` name."""
    first_day: date | None
    last_day: date | None
    before: int | None


@audit.get("/audit")
@requires(READ_AUDIT_LOG)
def list_() -> ResponseReturnValue:
    """Show a page of the entries, newest first."""
    query = _parse_query(request.args)
    found = db.session.scalars(_matching(db.session(), query, school_zone()).limit(ENTRIES + 1)).all()
    shown = found[:ENTRIES]
    return render_template(
        "audit/list.html",
        entries=shown,
        before=shown[-1].id if len(found) > ENTRIES else None,
        query=query,
        asked={name: text for name, text in request.args.items() if name in FILTERS and text},
        words=WORDS,
        details=_details,
        link=_link,
    )


@audit.get("/audit.csv")
@requires(EXPORT_AUDIT_LOG)
def csv() -> ResponseReturnValue:
    """Hand out all entries that the page of the same address shows, on however many pages; that is noted too."""
    query, written, zone = _parse_query(request.args), asked_format(), school_zone()
    return download(lambda session: _lines(session, query, written, zone), "audit.csv", Act.AUDIT_EXPORTED)


def _parse_query(arguments: Mapping[str, str]) -> Query:
    """Read the address. Raises BadQuery."""
    what = arguments.get("what", "")
    if what and what not in set(Act):
        raise BadQuery(_("The audit log has no action named “%(what)s”. Choose one from the list.", what=what[:40]))
    who, about = typed_name(arguments, "who"), typed_name(arguments, "about")
    return Query(
        who=who,
        what=what,
        about=about,
        actors=addresses(who) if who else [],
        subjects=addresses(about) if about else [],
        first_day=parse_day(arguments, "from"),
        last_day=parse_day(arguments, "to"),
        before=parse_place(arguments, "before"),
    )


def _matching(session: Session, query: Query, zone: tzinfo) -> Select[AuditEntry]:
    """Select the entries, newest first. Each filter has an index that gives them in this order."""
    entries = select(AuditEntry).order_by(AuditEntry.id.desc())
    named = {AuditEntry.actor: query.actors, AuditEntry.act: [query.what] if query.what else [], AuditEntry.about: query.subjects}
    entries = entries.where(*(column.in_(texts) for column, texts in named.items() if texts))
    entries = entries.where(*within_days(session, AuditEntry, query.first_day, query.last_day, zone))
    return entries if query.before is None else entries.where(AuditEntry.id < query.before)


def _lines(session: Session, query: Query, written: Format, zone: tzinfo) -> Iterator[Sequence[str]]:
    yield [BOM + csv_row(HEADINGS, written.delimiter)]
    for part in in_parts(session, _matching(session, query, zone)):
        yield [csv_row(_cells(entry, zone), written.delimiter) for (entry,) in part]
        session.expunge_all()


def _cells(entry: AuditEntry, zone: tzinfo) -> list[str]:
    details = "; ".join(f"{name}={_quoted(name, value)}" for name, value in entry.details.items())
    cells = (entry.actor, entry.act, entry.about, details, entry.address, entry.request_id)
    return [entry.at.astimezone(zone).isoformat(timespec="milliseconds"), *(cell or "" for cell in cells)]


def _details(entry: AuditEntry) -> str:
    """Say an entry's details in one line; what there is none of is left out."""
    return ", ".join(f"{DETAILS.get(name, name)}: {_value(name, value)}" for name, value in entry.details.items() if value != 0)


def _value(name: str, value: str | int) -> str:
    if isinstance(value, int):
        return number(value)
    if name in TYPED:
        return _quoted(name, value)
    return day(date.fromisoformat(value)) if DATE.fullmatch(value) else str(VALUES.get(value, value))


def _quoted(name: str, value: str | int) -> str:
    """Quote what somebody typed, so that it can't pose as another detail."""
    return json.dumps(value, ensure_ascii=False) if name in TYPED else str(value)


def _link(entry: AuditEntry) -> str | None:
    """Give the address of the student or the import that an entry is about."""
    pages: dict[str, tuple[str, str]] = {"student": ("history.show", "student_id"), "import": ("imports.show", "import_id")}
    kind, _gap, key = (entry.about or "").partition(" ")
    if kind not in pages or not key.isdecimal():
        return None
    endpoint, argument = pages[kind]
    values: dict[str, Any] = {argument: int(key)}
    return url_for(endpoint, **values)
