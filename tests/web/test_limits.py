"""What a request may bring along, and how long it may take: every limit answers with a page that names it."""

import socket
from contextlib import closing

import pytest

from app import create_app
from models import db
from request_reader import TooSlow
from tests.conftest import settings
from tests.pages import Page, lint_page
from tests.server import running_server
from tests.visitor import Visitor
from tests.web.conftest import sheet_file
from web.limits import LONGEST_QUERY, MOST_FIELDS


def test_a_sheet_may_be_larger_than_a_form_and_each_page_names_its_own_limit(database_url, tmp_path):
    app = create_app(settings(tmp_path / "instance", database_url, ROLLBOOK_MAX_UPLOAD_MB="3", ROLLBOOK_MAX_FORM_MB="2"))
    visitor = Visitor(app)
    page = visitor.post("/login", {"email": "x" * 3_000_000}, status=413)
    assert f"A form can have at most 2 MB and {MOST_FIELDS:,} fields. Nothing was saved." in page.text
    page = visitor.post("/imports/new", {"file": sheet_file("x" * 4_000_000)}, status=413)
    assert "At most 3 MB can be uploaded at once." in page.text
    # Beside the file, which goes to the disk, a field stays in memory.
    visitor.post("/imports/new", {"file": sheet_file("id,name\n"), "blank": "x" * 2_200_000}, status=413)
    with app.app_context():
        db.engine.dispose()


def test_as_much_as_a_limit_allows_is_taken(client, viewer):
    viewer.visit(f"/students?q=x&per_page=25&unknown={'x' * (LONGEST_QUERY - 100)}")
    form = {f"field{place}": "x" for place in range(MOST_FIELDS - 3)}
    client.send("/login", {"email": "nobody@school.example", "password": "wrong"} | form, status=422)


def test_a_body_of_unknown_length_is_held_to_the_limit_too(client):
    token = client.visit("/login").values["csrf_token"]
    endless = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    body = f"csrf_token={token}&email={'x' * 1_048_577}"
    kind = "application/x-www-form-urlencoded"
    answer = client.open("/login", "POST", data=body, content_type=kind, environ_overrides=endless)
    assert answer.status_code == 413


def test_who_sends_too_slowly_is_told_so(client):
    class Slow:
        def read(self, *_):
            raise TooSlow

        def close(self):
            pass

    slow = {"wsgi.input": Slow(), "CONTENT_LENGTH": "100", "CONTENT_TYPE": "application/x-www-form-urlencoded"}
    answer = client.open("/login", "POST", environ_overrides=slow)
    assert answer.status_code == 408
    assert "The upload was too slow, so nothing was saved" in answer.text


@pytest.mark.parametrize("backend", ["sqlite"])
def test_what_the_server_refuses_before_it_is_a_request_gets_a_page_of_ours_too(tmp_path, database_url):
    refused = {
        "414": f"GET /students?q={'x' * 9_000} HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "431": "GET / HTTP/1.1\r\nHost: localhost\r\n" + "".join(f"X-{place}: x\r\n" for place in range(80)) + "\r\n",
        "400": "GET / HTTP/1.1\r\nHost: localhost\r\nBad Header\r\n\r\n",
    }
    with running_server(tmp_path / "instance", database_url, migrated=True) as server:
        for status, sent in refused.items():
            with closing(socket.create_connection(("127.0.0.1", server.port), 20)) as line:
                line.sendall(sent.encode())
                head, _gap, body = b"".join(iter(lambda: line.recv(65_536), b"")).decode().partition("\r\n\r\n")
            assert head.split(" ")[1] == status
            assert "Content-Security-Policy: default-src 'none'" in head
            assert "X-Request-ID: " in head
            assert not lint_page(body), body
            assert status == "400" or "at most" in Page(body).text
