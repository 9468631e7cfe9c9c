"""The page of the list: its rows with what was found marked, and links that each change one thing about it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import render_template, url_for
from markupsafe import escape

from forms import ViewForm
from merge import listing, views
from merge.columns import COLUMNS, NAME
from merge.deleted import Deleted, find_deleted
from merge.fold import Piece, mark
from merge.query import SIZES
from models import Student, db
from web.access import user_id
from web.within import write_within
from words import _, ngettext


@dataclass(frozen=True)
class Row:
    """A student: the cells by column, the record's address without and with the list around it, and the name in pieces."""

    student: Student
    cells: dict[str, str]
    url: str
    href: str
    pieces: list[Piece]


@dataclass(frozen=True)
class Chip:
    """A filter in words, and the list without it."""

    label: str
    href: str


def list_page(query: listing.Query, form: ViewForm | None = None) -> str:
    """Show a page of the list; none where a filter is wrong, since its rows would not be those that were asked for."""
    session = db.session()
    page, count = (None, None) if query.problems else listing.page_and_count(session, query)
    deleted = find_deleted(session, query)
    own = urlencode(query.address)
    place = {"after": query.after, "before": query.before}
    here = write_within(query.address, {name: text for name, text in place.items() if text})
    return render_template(
        "students/list.html",
        query=query,
        page=page,
        count=count,
        columns=COLUMNS,
        # Looked up in the reader's language once, not for each cell.
        labels={column.name: escape(column.label) for column in COLUMNS},
        sizes=sorted({*SIZES, query.per_page}),
        own=own,
        here=here,
        pages=_pages(query, page) if page else {},
        sorts={column.name: _href(query.sorted_by(column.name)) for column in COLUMNS},
        chips=[Chip(chip.label, _href(query.without(chip))) for chip in query.chips],
        rows=_rows(query, page, here) if page else [],
        deleted=deleted,
        sentence=_sentence(query, count, deleted),
        views=views.visible(session, user_id()),
        form=form or ViewForm(formdata=None, address=own),
    )


def _sentence(query: listing.Query, count: listing.Count | None, deleted: list[Deleted]) -> str:
    """Say how many were found, and who was deleted, to somebody who hears and does not see the list change."""
    found = "" if count is None else _("%(students)s found", students=count.words()) if query.narrowed else count.words()
    gone = ngettext("%(num)s deleted student matches", "%(num)s deleted students match", len(deleted)) if deleted else ""
    return " ".join(f"{part}." for part in (found, gone) if part)


def _pages(query: listing.Query, page: listing.Page) -> dict[str, str | None]:
    address = query.address
    return {
        "first": _href(address) if page.before else None,
        "before": _href(address | {"before": page.before}) if page.before else None,
        "after": _href(address | {"after": page.after}) if page.after else None,
        "last": _href(address | {"before": listing.END}) if page.after else None,
    }


def _href(address: dict[str, str]) -> str:
    return url_for("students.list_") + (f"?{urlencode(address)}" if address else "")


def _rows(query: listing.Query, page: listing.Page, here: str) -> list[Row]:
    # Flask would take a fifth of the page's time to build the address of each.
    base = url_for("students.list_")
    within = "?" + urlencode({"within": here}) if here else ""
    return [
        Row(
            student,
            {column.name: column.write(getattr(student, column.name)) for column in COLUMNS},
            url := f"{base}/{student.id}",
            url + within,
            mark(getattr(student, NAME.name), query.words),
        )
        for student in page.students
    ]
