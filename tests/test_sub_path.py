"""Rollbook below a path of a name that other sites share, behind the nginx of deploy/: nothing leads out of that path."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta
from http.client import HTTPMessage, HTTPSConnection
from urllib.parse import urljoin, urlsplit

import pytest

import accounts
from accounts import SCOPES, find_by_address
from app import create_app
from models import db, now
from tests.browser.school import HEAD, running_school
from tests.browser.test_every_page import GATES, PAGES
from tests.colleague import Colleague, Reply
from tests.conftest import PASSWORD, settings
from tests.nginx import find_nginx, running_nginx
from tests.pages import Page
from tests.web.test_route_matrix import NOBODY, TABLE

HOST, ROOT_PATH = "rollbook.school.example", "/rollbook"
URL = f"https://{HOST}{ROOT_PATH}"
LEADING = ("href", "src", "action", "formaction", "srcset", "poster")


class Visitor(Colleague):
    """Goes through nginx under the school's name, and finds fault with whatever leads out of the path."""

    def __init__(self, port, trusting):
        super().__init__(f"https://127.0.0.1:{port}")
        if trusting:
            self._connection = HTTPSConnection("127.0.0.1", port, context=trusting, timeout=self._patience_s)
        self.faults, self.found, self.headers = [], {}, {"Host": HOST}

    def _ask(self, method, path, body=None, kind=""):
        asked = path if is_below(path) else f"{ROOT_PATH}{path}"
        reply = super()._ask(method, asked, body, kind)
        assert reply.status < 500, asked
        self.faults += [f"{method} {asked}: {what}" for what in leading_out(asked, reply)]
        self.found |= {urlsplit(link).path: link for link in links_of(asked, reply)}
        return reply

    def _send(self, method, path, body, headers):
        return super()._send(method, path, body, {**headers, **self.headers})


def kind_of(path):
    """Take pages that differ in numbers for the same."""
    return re.sub(r"\d+", "#", urlsplit(path).path)


def is_below(path):
    return f"{urlsplit(path).path}/".startswith(f"{ROOT_PATH}/")


def is_ours(address, page):
    whole = urljoin(f"https://{HOST}{page}", address)
    return whole.startswith(f"https://{HOST}/") and is_below(whole.removeprefix(f"https://{HOST}"))


def leading_out(page, reply) -> Iterator[str]:
    """Give what an answer holds that leads, or is sent, out of the path."""
    location = reply.headers["Location"]
    if location and not is_ours(location, page):
        yield f"Location: {location}"
    for cookie in reply.headers.get_all("Set-Cookie", []):
        if f"; Path={ROOT_PATH}" not in f"{cookie};".replace(f"{ROOT_PATH};", ROOT_PATH):
            yield f"Set-Cookie: {cookie}"
    yield from (address for address in addresses_of(reply) if not is_ours(address, page))


def addresses_of(reply) -> Iterator[str]:
    """Give each address in an answer: what a page leads to, what its scripts ask for, and the links of the API."""
    kind = reply.headers.get_content_type()
    if kind == "text/html":
        for node in Page(reply.text).root.walk():
            yield from (value for name, value in node.attributes.items() if name in LEADING)
            yield from (value for name, value in node.attributes.items() if name.startswith("data-") and value.startswith("/"))
            if node.get("name") == "next" and node.get("value"):
                yield node.get("value")
    elif kind.endswith("json"):
        yield from (text for text in texts_of(json.loads(reply.text)) if text.startswith(("/", "http")))
    elif kind == "text/css":
        yield from re.findall(r"url\([\"']?(/[^)\"']*)", reply.text)
    elif kind.endswith("javascript"):
        yield from re.findall(r"[\"'`](/\w[^\"'`]*)", reply.text)


def texts_of(value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts_of(inner)


def links_of(page, reply):
    nodes = Page(reply.text).all("a", "link", "script", "img") if reply.headers.get_content_type() == "text/html" else []
    links = (node.get("href") or node.get("src") for node in nodes)
    return [urljoin(page, link).partition("#")[0] for link in links if link and is_ours(link, page)]


@pytest.fixture(scope="module")
def behind(tmp_path_factory, sqlite_template):
    """The school below a path: what gives a new visitor, the secret of an invitation, and a token for the API."""
    folder = tmp_path_factory.mktemp("sub-path")
    database = folder / "rollbook.db"
    database.write_bytes(sqlite_template.read_bytes())
    more = {"ROLLBOOK_URL": URL, "ROLLBOOK_PROXIES": "1"}
    with running_school(folder, f"sqlite:///{database}", **more) as (server, secret), ExitStack() as stack:
        # Where there is no nginx, Rollbook itself is asked what nginx would ask it.
        port, trusting = stack.enter_context(running_nginx(folder, server.port)) if find_nginx() else (server.port, None)
        with create_app(settings(folder / "beside", f"sqlite:///{database}")).app_context():
            _, token = accounts.make_token(find_by_address(HEAD).id, "Test", list(SCOPES), now() + timedelta(days=1))
            db.engine.dispose()
        yield lambda: Visitor(port, trusting), secret, token


def test_no_page_leads_out_of_the_path(behind):
    visitor, secret = behind[0](), behind[1]
    with closing(visitor):
        for gate in (*GATES, "/setup", "/nowhere"):
            visitor.get(gate.format(secret=secret))
        visitor.sign_in(HEAD, PASSWORD)
        routes = [address for (method, address), lowest in TABLE.items() if method == "GET" and lowest != NOBODY]
        asked = dict.fromkeys((*PAGES, *routes))
        for address in asked:
            visitor.get(address)
        seen = {kind_of(f"{ROOT_PATH}{address}") for address in asked}
        while new := {kind_of(path): link for path, link in visitor.found.items() if kind_of(path) not in seen}:
            seen |= new.keys()
            for link in new.values():
                visitor.get(link)
        assert not visitor.faults


def test_what_is_sent_leads_to_pages_below_the_path_too(behind):
    visitor = behind[0]()
    with closing(visitor):
        wanted = visitor.get("/students/10?within=q%3Da")
        assert wanted.location.startswith(f"{ROOT_PATH}/login?next={ROOT_PATH}/students/10")
        token = {"csrf_token": visitor.get(wanted.location).value("csrf_token")}
        signed_in = visitor.post(wanted.location, {**token, "email": HEAD, "password": PASSWORD})
        assert signed_in.location.startswith(f"{ROOT_PATH}/students/10")
        page = visitor.get(signed_in.location)
        form = {name: page.value(name) for name in ("csrf_token", "version", "name")}
        visitor._token = form["csrf_token"]
        assert visitor.post("/students/10", {**form, "name": ""}).status == 422
        saved = visitor.post("/students/10", {**form, "name": "Ada Chen"})
        undo = re.search(r'action="([^"]*/undo)"', visitor.get(saved.location).text)
        assert visitor.post(undo[1], {**form, "next": "/students"}).location == f"{ROOT_PATH}/students/10"
        chosen = visitor.post(f"/language?next={ROOT_PATH}/students%3Fq=a", {**form, "language": "en"})
        assert chosen.location == f"{ROOT_PATH}/students?q=a"
        assert "/imports/" in visitor.upload(b"id,name\n70,Bo\n").location
        assert visitor.post("/logout", form).location == f"{ROOT_PATH}/login"
        assert not visitor.faults


def test_the_api_names_addresses_below_the_path(behind):
    visitor = behind[0]()
    with closing(visitor):
        visitor.headers |= {"Authorization": f"Bearer {behind[2]}", "If-None-Match": "*"}
        assert visitor.get("/api/v1/openapi.json").json["servers"] == [{"url": URL}]
        added = visitor._ask("PUT", "/api/v1/students/500", b'{"name": "Bo"}', "application/json")
        assert added.status == 201
        boundary = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nid,name\n80,Bo\n\r\n--x--\r\n'
        received = visitor._ask("POST", "/api/v1/imports", boundary, "multipart/form-data; boundary=x")
        assert received.location.startswith(f"{ROOT_PATH}/api/v1/imports/")
        assert visitor.get(received.location).status == 200
        assert not visitor.faults


def test_a_way_back_that_leads_out_of_the_path_is_not_followed(behind):
    visitor = behind[0]()
    with closing(visitor):
        visitor.sign_in(HEAD, PASSWORD)
        for out in ("/", "/elsewhere", "/rollbooks", "/rollbook/../elsewhere", "/rollbook/%2E%2e/elsewhere", "//evil.example"):
            assert visitor.get(f"/login?next={out}").location == f"{ROOT_PATH}/"
        assert not visitor.faults


@pytest.mark.parametrize(
    ("kind", "content", "cookie"),
    [
        ("text/html", b'<a href="/students">', ""),
        ("text/html", b'<form action="/rollbooks/x">', ""),
        ("text/html", b'<tr data-url="/students/1">', ""),
        ("application/json", b'{"more": [{"url": "https://rollbook.school.example/students"}]}', ""),
        ("text/css", b"a { background: url(/static/a.svg) }", ""),
        ("text/javascript", b'fetch("/students")', ""),
        ("text/html", b"", "a=b; Path=/; Secure"),
    ],
)
def test_what_leads_out_is_noticed(kind, content, cookie):
    headers = HTTPMessage()
    headers["Content-Type"] = kind
    if cookie:
        headers["Set-Cookie"] = cookie
    assert len(list(leading_out(f"{ROOT_PATH}/students", Reply(200, headers, content)))) == 1
