"""Ask by a request's head alone whether its body may come: where from, how large, who sends it and whether they may.

The server does so for what is larger than a form that a person types (request_reader.py). All that holds for each request is
asked as ever; then, instead of the view, a place is given to the body, or the refusal is the answer.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, current_app, request
from flask_security import current_user
from werkzeug.exceptions import LengthRequired, ServiceUnavailable

from config import Settings
from spool import MOST_SHEETS, SHEETS, NoSpace, Spool, SpooledBody
from web.limits import of_sheets

RETRY_AFTER_S = 30

View = Callable[..., Any]


class TooManyArrive(ServiceUnavailable):
    """As much is on its way in as may be."""


class HeadAlone:
    """Stands where the body will be, while the app is asked by the head alone."""

    place: SpooledBody | None = None
    """Where the body is to be kept; None unless it may come."""

    def read(self, _size: int = -1) -> bytes:
        return b""

    readline = read


def takes_sheets(view: View) -> View:
    """Let a view be sent as much as the settings allow for a sheet, by whom the rule above this lets in."""

    @wraps(view)
    def entered(*args: Any, **kwargs: Any) -> Any:
        if (head := head_alone()) is None:
            return view(*args, **kwargs)
        head.place = place(current_app.extensions["sheets"], str(current_user.get_id()))
        return ""

    entered.takes_sheets = True  # type: ignore[attr-defined]
    return entered


def register_head_check(app: Flask, settings: Settings) -> None:
    """Have a view's rule decide about a sheet, once it is known who sends it."""
    app.extensions["sheets"] = Spool(settings.instance / "incoming" / "sheets", SHEETS, MOST_SHEETS * settings.max_upload)

    @app.before_request
    def check() -> Any:
        if head_alone() is None:
            return None
        if request.routing_exception is not None:
            raise request.routing_exception
        if not of_sheets():
            raise LengthRequired  # any other that is larger than a form has been refused
        view: View = app.view_functions[request.endpoint or ""]
        return view(**(request.view_args or {}))


def head_alone() -> HeadAlone | None:
    """Give what stands for the body of this request, if that has not come yet."""
    body = request.environ["wsgi.input"]
    return body if isinstance(body, HeadAlone) else None


def may_come() -> bool:
    """Tell whether only the head was asked about, and the body may come: then nothing is answered yet."""
    head = head_alone()
    return head is not None and head.place is not None


def place(spool: Spool, user: str) -> SpooledBody:
    """Give the body of this request a file, within the bounds of all that is on its way in."""
    try:
        return spool.open(request.content_length or 0, request.remote_addr or "", user)
    except NoSpace:
        raise TooManyArrive(retry_after=RETRY_AFTER_S) from None
