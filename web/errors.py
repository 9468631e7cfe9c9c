"""Every refusal as a page in the house style, in plain words; for another system, as a problem that it can read."""

import logging
from collections.abc import Mapping
from typing import Any

from flask import Flask, current_app, flash, g, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge, TooManyRequests

from config import MEGABYTE
from merge.faults import Fault, fault_of
from merge.query import BadQuery
from people import called
from web.access import SIGNED_OUT, is_open_to_all, is_signing_in
from web.addresses import is_for_machines, own_address, page_after_signing_in, page_to_return_to
from web.body_kinds import FieldTooLong, SentTwice
from web.export_slots import TooManyExports
from web.head_check import TooManyArrive
from web.headers import HEADERS
from web.hosts import UnknownHost
from web.kept_input import (
    Kept,
    Step,
    StepNeeded,
    TypedBySomebodyElse,
    is_for_scripts,
    is_somebody_elses,
    kept_of_request,
    readable,
    seal,
    told,
)
from web.limits import LONGEST_QUERY, MOST_FIELDS, most_bytes, of_sheets
from web.merged import led_on
from web.refusals import Refusal, problem
from web.requests import HEADER, new_id
from web.senders import SentFromElsewhere
from words import Later, _, later, ngettext, number

log = logging.getLogger(__name__)

SENTENCES: dict[int, tuple[str | Later, str | Later]] = {
    400: (
        later("That can't be read"),
        later("The address or form isn’t one of Rollbook’s. Go back and try again."),
    ),
    403: (later("You don’t have permission"), later("Your role does not allow this. An administrator can change it.")),
    404: (later("There is nothing here"), later("The page or the record does not exist, or it was deleted.")),
    405: (later("This page can’t be opened like that"), later("Use the buttons and links in Rollbook.")),
    408: (
        later("That took too long"),
        later("The upload was too slow, so nothing was saved. Try again, on a faster connection if you can."),
    ),
    411: (later("The length is missing"), later("Send the form with its length, in the header Content-Length.")),
    413: (later("Too large"), ""),
    414: (
        later("This address is too long"),
        later(
            "The part of an address after its question mark can have at most %(most)s characters. Use fewer filters.",
            most=format(LONGEST_QUERY, ","),
        ),
    ),
    415: (
        later("This kind of file or data isn’t accepted here"),
        later("Pages take forms only, as a browser sends them. Programs use the API: /api/v1/openapi.json describes it."),
    ),
    431: (
        later("Your browser sends too much beside the address"),
        later(
            "Rollbook takes at most %(lines)s header lines of %(bytes)s characters each, and %(most)s KB of them in all. Delete "
            "the cookies of this site, and sign in again.",
            lines=64,
            bytes="8,190",
            most=64,
        ),
    ),
    500: (
        later("Something went wrong"),
        later("Nothing was changed. If it happens again, tell an administrator."),
    ),
}
ANOTHERS = later("Another user typed this")
# What passes by itself or by making room: what a page says, and after how many seconds to come back.
FAULTS: dict[Fault, tuple[Later, Later, int]] = {
    Fault.AWAY: (
        later("The database does not answer"),
        later("This usually ends within a minute. Try again then: nothing is saved twice. If it lasts, tell an administrator."),
        5,
    ),
    Fault.FULL: (
        later("There is no room left"),
        later("The server’s disk is full or broken, so nothing was saved. Tell an administrator, then try again."),
        60,
    ),
    Fault.READ_ONLY: (
        later("The database can’t be changed right now"),
        later(
            "You can look at everything, but nothing can be saved. Nothing was changed. Tell the person who runs Rollbook here, "
            "and try again later."
        ),
        30,
    ),
    Fault.SLOW: (
        later("That took too long"),
        later("The database stopped this before it was done, and nothing was changed. Try again later, or ask for less at once."),
        30,
    ),
    Fault.UNCONFIRMED: (
        later("Your change is not confirmed"),
        later(
            "The change was stored, but no second server has confirmed it, so it could still be lost. Tell the person who runs "
            "Rollbook here. You can send it again later: nothing is stored twice."
        ),
        30,
    ),
}
SENTENCES_FOR_MACHINES: dict[int, tuple[str | Later, str | Later]] = {
    401: (
        later("No token"),
        later("Send an active token, as Authorization: Bearer … A user creates one in Rollbook, under “Your account”."),
    ),
    404: (
        later("There is nothing here"),
        later("This address does not exist, or what it names does not. /api/v1/openapi.json lists all there are."),
    ),
    415: (
        later("Not JSON"),
        later("Send a JSON object as application/json, and a sheet as a file in multipart/form-data."),
    ),
    405: (later("Method not allowed"), later("The header Allow names the methods that this address has.")),
}
PASSED_ON = ("Allow", "WWW-Authenticate")


def register_errors(app: Flask) -> None:
    """Answer every refusal and failure with a page."""
    app.register_error_handler(BadQuery, lambda error: _page(400, _("That list does not exist"), str(error)))
    app.register_error_handler(CSRFError, _show_expired)
    app.register_error_handler(RequestEntityTooLarge, _show_too_large)
    app.register_error_handler(TooManyRequests, _show_wait)
    app.register_error_handler(TooManyExports, _show_exports)
    app.register_error_handler(UnknownHost, _show_unknown_host)
    app.register_error_handler(SentTwice, _show_sent_twice)
    app.register_error_handler(
        Refusal, lambda refusal: problem(refusal.code, refusal.title, refusal.detail, refusal.headers, **refusal.more)
    )
    app.register_error_handler(TooManyArrive, _show_busy)
    app.register_error_handler(SentFromElsewhere, _show_sent_from_elsewhere)
    app.register_error_handler(StepNeeded, _show_step)
    app.register_error_handler(TypedBySomebodyElse, lambda error: _page(error.code, ANOTHERS, ""))
    app.register_error_handler(HTTPException, _show)
    app.register_error_handler(SQLAlchemyError, _show_fault)
    app.register_error_handler(OSError, _show_fault)


def refusal(app: Flask, error: Exception) -> bytes:
    """Give a whole answer for what the server refuses before it is a request."""
    with app.test_request_context(base_url=app.config["ADDRESS"]):
        number = g.request_id = new_id()
        answer = app.make_response(_handled(app, error))
    log.info("refused", extra={"fields": {"request": number, "status": answer.status_code}})
    own = {HEADER: number, "Cache-Control": "no-store", "Connection": "close"}
    headers = {**answer.headers, **HEADERS, **own}
    head = [f"HTTP/1.1 {answer.status}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*head, "", ""]).encode() + answer.get_data()


def _handled(app: Flask, error: Exception) -> Any:
    try:
        return app.handle_user_exception(error)
    except Exception:
        log.exception("the server could not read a request")
        return app.handle_user_exception(InternalServerError())


def _show(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()
    if error.code == 404 and (response := led_on()) is not None:
        return response
    sentences = SENTENCES | SENTENCES_FOR_MACHINES if is_for_machines() else SENTENCES
    heading, sentence = sentences.get(error.code, (error.name, error.description or ""))
    headers = {name: value for name, value in error.get_headers() if name in PASSED_ON}
    return _page(error.code, heading, sentence, headers)


def _show_fault(error: Exception) -> ResponseReturnValue:
    """Say what passes by itself or by making room, and when to come back; anything else is our own fault."""
    fault = fault_of(error)
    if fault is None:
        raise error
    log.warning("%s was not answered: %s", request.endpoint, fault)
    heading, sentence, seconds = FAULTS[fault]
    return _page(503, heading, sentence, {"Retry-After": str(seconds)})


def _show_step(needed: StepNeeded) -> ResponseReturnValue:
    """Lead to what has to be done first; where something was typed, hold that, and let it be done in another tab."""
    step = needed.step
    if is_for_scripts():
        return _page(step.code, step.heading, _("Nothing was saved. Sign in in another tab, come back, and save it again."))
    if kept_of_request() is not None:
        return _page(step.code, step.heading, _("Nothing was saved."), step=step)
    if request.method in step.flashed:
        flash(str(step.sentence), "warning")
    return redirect(step.href(page_to_return_to()))


def _show_expired(_error: CSRFError) -> ResponseReturnValue:
    """Say that the page had expired; somebody who has signed in in another tab meanwhile is led on."""
    if "user_session" in g and is_signing_in() and request.form.get("csrf_token"):
        flash(_("You are signed in as %(user)s.", user=called(g.user_session.email)), "info")
        return redirect(page_after_signing_in())
    if (is_for_scripts() or kept_of_request() is not None) and "user_session" not in g and not is_open_to_all():
        return _show_step(StepNeeded(SIGNED_OUT))
    if is_for_scripts():
        return _page(400, _("This page had expired"), _("Nothing was saved. Save it again."))
    if kept_of_request() is not None:
        return _page(400, _("This page had expired"), _("Nothing was saved: you have signed in again since you opened the form."))
    return _page(400, _("This page had expired"), _("Nothing was saved. Go back, reload the page, and try again."))


def _show_wait(error: TooManyRequests) -> ResponseReturnValue:
    seconds = int(str(error.retry_after))
    if seconds < 120:
        wait = ngettext("%(num)s second", "%(num)s seconds", seconds)
    else:
        wait = ngettext("%(num)s minute", "%(num)s minutes", -(-seconds // 60))
    sentence = _("There were too many failed attempts. Wait %(wait)s, then try again.", wait=wait)
    return _page(429, _("Too many tries"), sentence, {"Retry-After": str(seconds)})


def _show_exports(error: TooManyExports) -> ResponseReturnValue:
    sentence = _("Two of your exports are still under way. Wait until one of them has ended, then try again.")
    return _page(429, _("Too many exports"), sentence, {"Retry-After": str(error.retry_after)})


def _show_unknown_host(_error: UnknownHost) -> ResponseReturnValue:
    return _page(
        400,
        _("Rollbook has another address"),
        _("Rollbook is not available under this name. An administrator can set it with ROLLBOOK_URL."),
    )


def _show_sent_twice(_error: SentTwice) -> ResponseReturnValue:
    return _page(
        400,
        _("The form has two fields of one name"),
        _("Rollbook can’t tell which of the two counts, so nothing was saved. Go back, reload the page, and try again."),
    )


def _show_busy(error: TooManyArrive) -> ResponseReturnValue:
    seconds = str(error.retry_after)
    sentence = _(
        "There are too many uploads right now. Nothing was saved. Wait %(seconds)s seconds, then try again.",
        seconds=seconds,
    )
    return _page(503, _("Too busy"), sentence, {"Retry-After": seconds})


def _show_sent_from_elsewhere(_error: SentFromElsewhere) -> ResponseReturnValue:
    sentence = _(
        "Nothing was changed. If you typed it into Rollbook yourself, open Rollbook by the address in its setting ROLLBOOK_URL."
    )
    return _page(403, _("Another site sent this"), sentence)


def _show_too_large(error: RequestEntityTooLarge) -> ResponseReturnValue:
    if isinstance(error, FieldTooLong):
        sentence = _(
            "A field can have at most %(limit)s characters. Nothing was saved. Go back and shorten it.", limit=number(error.most)
        )
    elif of_sheets() and (request.content_length or 0) > most_bytes():
        sentence = _(
            "At most %(limit)s MB can be uploaded at once. Nothing was saved. Split the sheet, or leave columns out.",
            limit=number(most_bytes() // MEGABYTE),
        )
    else:
        sentence = _(
            "A form can have at most %(limit)s MB and %(fields)s fields. Nothing was saved. Go back and send less at once.",
            limit=number(current_app.config["MAX_FORM"] // MEGABYTE),
            fields=number(MOST_FIELDS),
        )
    return _page(413, _("Too large"), sentence)


def _page(
    code: int | None,
    heading: str | Later,
    sentence: str | Later,
    headers: Mapping[str, str] | None = None,
    step: Step | None = None,
) -> ResponseReturnValue:
    code = code or 500
    if is_for_machines():
        return problem(code, str(heading), str(sentence), headers)
    if is_for_scripts():
        return jsonify(told(str(heading), str(sentence))), code, dict(headers or {})
    if (kept := kept_of_request()) is not None:
        return _rendered_kept(heading, sentence, kept, step), code, dict(headers or {})
    return _rendered(heading, sentence), code, dict(headers or {})


def _rendered_kept(heading: str | Later, sentence: str | Later, kept: Kept, step: Step | None) -> str:
    hidden = is_somebody_elses(kept)
    return _rendered(
        ANOTHERS if hidden else heading,
        "" if hidden else sentence,
        "errors/kept.html",
        kept=kept,
        hidden=hidden,
        typed=[] if hidden else readable(kept),
        sealed=seal(kept),
        address=own_address(),
        step=step,
        step_href=step.href(url_for("accounts.signed_in_again")) if step else "",
    )


def _rendered(heading: str | Later, sentence: str | Later, template: str = "errors/error.html", **more: Any) -> str:
    # Past Flask's render_template, which gives every page the user: that asks the database, and that may be what is wrong.
    return current_app.jinja_env.get_template(template).render(heading=heading, sentence=sentence, **more)
