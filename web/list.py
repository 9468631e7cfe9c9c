"""The page of the list: its rows with what was found marked, and links that each change one thing about it."""

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import render_template, url_for

from forms import ViewForm
from merge import listing, views
from merge.columns import COLUMNS, NAME
from merge.fold import Piece, mark
from merge.query import SIZES
from models import Student, db
from web.access import user_id


@dataclass(frozen=True)
class Chip:
    """A filter in words, and the list without it."""

    label: str
    href: str


def list_page(query: listing.Query, form: ViewForm | None = None) -> str:
    """Show a page of the list; none where a filter is wrong, since its rows would not be those that were asked for."""
    session = db.session()
    page = None if query.problems else listing.page(session, query)
    own = urlencode(query.address)
    return render_template(
        "students/list.html",
        query=query,
        page=page,
        count=_count(query, page),
        columns=COLUMNS,
        sizes=sorted({*SIZES, query.per_page}),
        within=own,
        pages=_pages(query, page) if page else {},
        sorts={column.name: _href(query.sorted_by(column.name)) for column in COLUMNS},
        chips=[Chip(chip.label, _href(query.without(chip))) for chip in query.chips],
        marked={student.id: _marked(query, student) for student in page.students} if page else {},
        views=views.visible(session, user_id()),
        form=form or ViewForm(formdata=None, address=own),
    )


def _count(query: listing.Query, page: listing.Page | None) -> listing.Count | None:
    if page is None:
        return None
    return listing.Count(len(page.students)) if page.whole else listing.count(db.session(), query)


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


def _marked(query: listing.Query, student: Student) -> list[Piece]:
    return mark(getattr(student, NAME.name), query.words)
