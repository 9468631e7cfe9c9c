"""Take in what is sent before anything is done with it: what is broken is refused, and what is slow keeps nobody waiting."""

from threading import BoundedSemaphore

from flask import Flask, request
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from config import ARRIVING
from merge.faults import is_full
from web.limits import check_form

RETRY_AFTER_S = 30


class TooManyArrive(ServiceUnavailable):
    """All places for what is on its way in are taken."""


def register_arrivals(app: Flask) -> None:
    """Read each form whole, and refuse it at once where there is no place for it to arrive in: it holds a thread meanwhile."""
    places = BoundedSemaphore(ARRIVING)

    @app.before_request
    def receive() -> None:
        if not (request.content_length or "Transfer-Encoding" in request.headers):
            return
        if not places.acquire(blocking=False):
            raise TooManyArrive(retry_after=RETRY_AFTER_S)
        try:
            _read_form()
        finally:
            places.release()


def _read_form() -> None:
    try:
        check_form()
        nameless = None in request.form or None in request.files
    except HTTPException:
        raise
    except Exception as error:
        # The server and Werkzeug have many kinds of errors for what was cut off or is no form.
        if is_full(error):
            raise
        raise BadRequest from error
    if nameless:
        raise BadRequest
