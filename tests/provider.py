"""Signing in by way of another site, as with a school's provider: the site, and what Rollbook would need in order to use it."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, quote, urlencode, urlsplit

from flask import Blueprint, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import login_user
from werkzeug.serving import make_server

import accounts
import app
from config import Settings
from models import db
from web.access import public
from web.addresses import page_after_signing_in

PAGE = """<!doctype html><title>Provider</title><main><form method="post" action="/?{}"><button>I am {}</button></form></main>"""


class _Provider(BaseHTTPRequestHandler):
    """Asks who is there, and sends them back with the answer."""

    email: str

    def do_GET(self) -> None:
        self._answer(200, PAGE.format(urlsplit(self.path).query, self.email))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        back = parse_qs(urlsplit(self.path).query)["back"][0]
        self._answer(302, location=f"{back}&{urlencode({'who': self.email})}")

    def log_message(self, *_line: Any) -> None:
        """Say nothing."""

    def _answer(self, status: int, page: str = "", location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page.encode())))
        self.end_headers()
        self.wfile.write(page.encode())


@contextmanager
def running_provider(email: str) -> Iterator[str]:
    """Serve a provider that knows one person, and give its address, which is another site than 127.0.0.1."""
    provider = type("Provider", (_Provider,), {"email": email})
    with ThreadingHTTPServer(("127.0.0.1", 0), provider) as server, _in_background(server):
        yield f"http://localhost:{server.server_port}"


@contextmanager
def rollbook_with(provider: str, settings: Settings) -> Iterator[str]:
    """Serve a Rollbook whose page for signing in leads to a provider, and give its address."""
    before = app.PAGES
    app.PAGES = (*before, _pages(provider))
    try:
        rollbook = app.create_app(settings)
    finally:
        app.PAGES = before
    server = make_server("127.0.0.1", 0, rollbook, threaded=True)
    with _in_background(server):
        yield f"http://127.0.0.1:{server.server_port}"
    server.server_close()
    with rollbook.app_context():
        db.engine.dispose()


def _pages(provider: str) -> Blueprint:
    pages = Blueprint("provider", __name__)

    @pages.before_app_request
    def lead_there() -> ResponseReturnValue | None:
        if request.endpoint != "security.login":
            return None
        back = url_for("provider.back", next=page_after_signing_in(), _external=True)
        return redirect(f"{provider}/?back={quote(back)}")

    @pages.get("/login/back")
    @public
    def back() -> ResponseReturnValue:
        user = accounts.find_by_address(request.args["who"])
        login_user(user, authn_via=["provider"])
        db.session.commit()
        return redirect(page_after_signing_in())

    return pages


@contextmanager
def _in_background(server: Any) -> Iterator[None]:
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
