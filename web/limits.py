"""How much one request may bring along. What is more is refused before anything is read of it, and a page names the limit."""

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import RequestEntityTooLarge, RequestURITooLarge

from text_bounds import MAX_LENGTH

# The columns of a sheet, or the cells of one of its rows, are a form of up to a thousand fields.
MOST_FIELDS = 2_000
# Behind the question mark. gunicorn takes no more than 8,190 in the whole line.
LONGEST_QUERY = 4_000
MAX_LOCATION_LENGTH = 4_096
URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"

View = Callable[..., Any]


def takes_cells(view: View) -> View:
    """Let a view be sent fields as long as a sheet's cells."""
    view.takes_cells = True  # type: ignore[attr-defined]
    return view


def takes_several(*names: str) -> Callable[[View], View]:
    """Let a view be sent several fields of each of these names; of any other name there is one."""

    def declare(view: View) -> View:
        view.takes_several = names  # type: ignore[attr-defined]
        return view

    return declare


def register_limits(app: Flask) -> None:
    """Hold every request to the limits, before anything looks at its form."""
    app.before_request(_check)
    app.after_request(_shorten)
    app.jinja_env.globals["longest_text"] = MAX_LENGTH


def most_bytes() -> int:
    """Give the limit of this request's body."""
    return int(current_app.config["MAX_UPLOAD" if of_sheets() else "MAX_FORM"])


def of_sheets() -> bool:
    """Tell whether this request may bring a sheet: in a file, since all else is held in memory."""
    return endpoint_is("takes_sheets") and request.mimetype == MULTIPART


def endpoint_is(what: str) -> bool:
    """Tell whether this request's view was declared as one that, say, "takes_sheets"."""
    return hasattr(current_app.view_functions.get(request.endpoint or ""), what)


def names_of_several() -> tuple[str, ...]:
    """Give the names of which this request's form may have several fields."""
    view = current_app.view_functions.get(request.endpoint or "")
    names: tuple[str, ...] = getattr(view, "takes_several", ())
    return names


def _check() -> None:
    if len(request.query_string) > LONGEST_QUERY:
        raise RequestURITooLarge
    request.max_content_length, request.max_form_parts = most_bytes(), MOST_FIELDS
    # Files go to the disk, and the rest stays in memory.
    request.max_form_memory_size = current_app.config["MAX_FORM"]
    if (request.content_length or 0) > most_bytes():
        raise RequestEntityTooLarge


def _shorten(response: Response) -> Response:
    """Lead to a page without what the address asks of it, where that is more than browsers and servers in front take."""
    if len(response.headers.get("Location", "")) > MAX_LOCATION_LENGTH:
        response.headers["Location"] = response.headers["Location"].partition("?")[0]
    return response


def check_form() -> None:
    """Read a plain form and count its fields: the library counts those of the other kind, and cuts off one of no told length."""
    if request.mimetype != URLENCODED:
        return
    form = request.get_data()
    if form.count(b"&") >= MOST_FIELDS or (request.content_length is None and len(form) >= most_bytes()):
        raise RequestEntityTooLarge
