"""An editor who reads pages, in the app's own process and over HTTP as a browser does."""

from collections.abc import Callable

from flask import Flask

from accounts import add_user
from tests.colleague import Colleague
from tests.server import Server
from tests.visitor import Visitor

EMAIL, PASSWORD = "office@school.example", "a password for measuring"


def add_editor(app: Flask) -> None:
    with app.app_context():
        add_user(EMAIL, "editor", PASSWORD)


def sign_in(app: Flask) -> Visitor:
    visitor = Visitor(app)
    visitor.send("/login", {"email": EMAIL, "password": PASSWORD}, status=302)
    return visitor


def sign_in_over_http(server: Server) -> Callable[[str], bytes]:
    """Give what then reads an address over one connection, compressed if it is a page."""
    desk = Colleague(server.url)
    desk.sign_in(EMAIL, PASSWORD)

    def ask(address: str) -> bytes:
        reply = desk.get(address)
        assert reply.status in (200, 302), (address, reply.status)
        return reply.content

    return ask
