"""Whose page sent a form: one of another site is refused whatever it holds, beside the token that every form has to carry."""

from urllib.parse import urlsplit

from flask import Flask, current_app, request
from werkzeug.exceptions import Forbidden

READING = ("GET", "HEAD", "OPTIONS")
# What browsers say of a request that no page of ours made: same-site is another name under the school's own.
FOREIGN = ("cross-site", "same-site")


class SentFromElsewhere(Forbidden):
    """A page of another site made the browser send this."""


def register_senders(app: Flask) -> None:
    """Refuse what may write unless one of our own pages sent it; what is no browser says nothing of pages."""

    @app.before_request
    def check() -> None:
        if request.method not in READING and _is_foreign():
            raise SentFromElsewhere


def is_own_page() -> bool:
    """Tell whether the browser says that a page of our own sent this; what is no browser says nothing."""
    ours = request.headers.get("Sec-Fetch-Site") == "same-origin" or request.headers.get("Origin") in _own()
    return ours and not _is_foreign()


def _is_foreign() -> bool:
    origin, page = request.headers.get("Origin"), request.referrer
    return (
        request.headers.get("Sec-Fetch-Site") in FOREIGN
        or (origin is not None and origin not in _own())
        or (page is not None and not page.startswith(tuple(f"{own}/" for own in _own())))
    )


def _own() -> tuple[str, str]:
    """Give the address in the settings, and the one of those we answer to that this request was sent to."""
    address = urlsplit(current_app.config["ADDRESS"])
    return f"{address.scheme}://{address.netloc}".lower(), f"{request.scheme}://{request.host}".lower()
