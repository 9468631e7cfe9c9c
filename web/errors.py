"""Every refusal as a page in the house style, in plain words."""

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge, TooManyRequests

from config import MEGABYTE
from merge.query import BadQuery
from web.hosts import UnknownHost

SENTENCES = {
    400: ("That can't be read", "The address or the form that arrived is not one that Rollbook gave out. Go back and try again."),
    403: ("Not with your role", "Your role does not allow this. An administrator can change it."),
    404: ("There is nothing here", "The page or the record does not exist, or it was deleted."),
    405: ("Not this way", "This page can't be opened like that. Use the buttons and links in Rollbook."),
    413: ("Too large", ""),
    500: (
        "Something went wrong",
        "The fault is ours, and nothing was changed. If it happens again, tell whoever runs Rollbook here.",
    ),
}
# How much of a refused upload is still read: a browser shows the answer only once it has sent all it wanted to.
MOST_DRAINED = 4 * 1024 * MEGABYTE


def register_errors(app: Flask) -> None:
    """Answer every refusal and failure with a page."""
    app.register_error_handler(BadQuery, lambda error: _page(400, "That list does not exist", str(error)))
    app.register_error_handler(CSRFError, _show_expired)
    app.register_error_handler(RequestEntityTooLarge, _show_too_large)
    app.register_error_handler(TooManyRequests, _show_wait)
    app.register_error_handler(UnknownHost, _show_unknown_host)
    app.register_error_handler(HTTPException, _show)


def _show(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()
    heading, sentence = SENTENCES.get(error.code, (error.name, error.description or ""))
    return _page(error.code, heading, sentence)


def _show_expired(_error: CSRFError) -> ResponseReturnValue:
    return _page(400, "This page had expired", "Nothing was saved. Go back, load the page again, and send it once more.")


def _show_wait(error: TooManyRequests) -> ResponseReturnValue:
    seconds = int(str(error.retry_after))
    wait = f"{seconds} seconds" if seconds < 120 else f"{-(-seconds // 60)} minutes"
    sentence = f"This was tried in vain several times. Wait {wait}, then try again; nobody is shut out for good."
    return *_page(429, "Too many tries", sentence), {"Retry-After": str(seconds)}


def _show_unknown_host(_error: UnknownHost) -> ResponseReturnValue:
    return _page(
        400,
        "Rollbook has another address",
        "It does not answer under this name. Whoever runs it can give it this one: the setting is ROLLBOOK_URL.",
    )


def _show_too_large(_error: RequestEntityTooLarge) -> ResponseReturnValue:
    limit = current_app.config["MAX_CONTENT_LENGTH"] // MEGABYTE
    _drain()
    return _page(
        413,
        "Too large",
        f"At most {limit:,} MB can be uploaded at once. Nothing was stored. Split the sheet, or leave columns out.",
    )


def _drain() -> None:
    left = min(request.content_length or 0, MOST_DRAINED)
    stream = request.environ["wsgi.input"]
    while left > 0 and (chunk := stream.read(min(left, MEGABYTE))):
        left -= len(chunk)


def _page(code: int, heading: str, sentence: str) -> tuple[str, int]:
    return render_template("errors/error.html", heading=heading, sentence=sentence), code
