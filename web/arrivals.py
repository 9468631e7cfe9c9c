"""Read a form before anything is done with it: what is broken is refused."""

from flask import Flask, request
from werkzeug.exceptions import BadRequest, HTTPException

from config import Settings
from merge.faults import is_full
from spool import FORMS, Spool
from web.body_kinds import check_json, check_kind, has_body
from web.head_check import head_alone, place
from web.limits import check_form


def register_arrivals(app: Flask, settings: Settings) -> None:
    """Read each form as a whole, whoever sends it, even if it is about to be refused: that page holds what was typed."""
    forms = Spool(settings.instance / "incoming" / "forms", FORMS)

    @app.before_request
    def receive() -> str | None:
        head, length = head_alone(), request.content_length
        if head is None and not has_body():
            return None
        check_kind()
        if head is None:
            _read_form()
        elif length is not None and length <= settings.max_form:
            head.place = place(forms, request.remote_addr or "")
            return ""
        return None


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
