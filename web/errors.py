"""Every refusal as a page in the house style, in plain words."""

from flask import Flask, current_app, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

from config import MEGABYTE
from merge.query import BadQuery

SENTENCES = {
    400: ("That can't be read", "The address or the form that arrived is not one that Rollbook gave out. Go back and try again."),
    403: ("Not with your role", "Your role does not allow this. An administrator can change it."),
    404: ("There is nothing here", "The page or the record does not exist, or it was deleted."),
    405: ("Not this way", "This page can't be opened like that. Use the buttons and links in Rollbook."),
    413: ("Too large", ""),
    429: ("Too many tries", "Wait a little and try again."),
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
    app.register_error_handler(HTTPException, _show)


def _show(error: HTTPException) -> ResponseReturnValue:
    if error.response is not None or error.code is None or error.code < 400:
        return error.get_response()
    heading, sentence = SENTENCES.get(error.code, (error.name, error.description or ""))
    return _page(error.code, heading, sentence)


def _show_expired(_error: CSRFError) -> ResponseReturnValue:
    return _page(400, "This page had expired", "Nothing was saved. Go back, load the page again, and send it once more.")


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


def _page(code: int, heading: str, sentence: str) -> ResponseReturnValue:
    return render_template("errors/error.html", heading=heading, sentence=sentence), code
