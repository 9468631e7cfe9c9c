"""Take in what is sent before anything is done with it: what is broken is refused, and what is slow keeps nobody waiting."""

from threading import BoundedSemaphore

from flask import Flask, current_app, request
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable

from config import ARRIVING
from merge.faults import is_full
from web.body_kinds import check_json, check_kind, has_body
from web.limits import check_form

RETRY_AFTER_S = 30
# A form that finds no place is still read, so that its answer can hold what was typed; a sheet is not. These places are
# among the threads that are left for pages, so they are few, and nobody waits long for one.
SPARE = 4
SPARE_WAIT_S = 5


class TooManyArrive(ServiceUnavailable):
    """All places for what is on its way in are taken."""


def register_arrivals(app: Flask) -> None:
    """Read each form whole, and refuse it at once where there is no place for it to arrive in: it holds a thread meanwhile."""
    places, spare = BoundedSemaphore(ARRIVING), BoundedSemaphore(SPARE)

    @app.before_request
    def receive() -> None:
        if not has_body():
            return
        check_kind()
        if places.acquire(blocking=False):
            _read_within(places)
            return
        if 0 < (request.content_length or 0) <= current_app.config["MAX_FORM"] and spare.acquire(timeout=SPARE_WAIT_S):
            _read_within(spare)
        raise TooManyArrive(retry_after=RETRY_AFTER_S)


def _read_within(places: BoundedSemaphore) -> None:
    try:
        _read_form()
    finally:
        places.release()


def _read_form() -> None:
    try:
        check_form()
        check_json()
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
