"""A line break that somebody sends begins no header, no letter's line and no line of a log."""

import re
from urllib.parse import quote, urlencode

import pytest

from tests.conftest import PASSWORD

BREAKS = ["\r\n", "\n", "\r", "\r\n\r\n", "\u2028", "\u0085", "\x0b", "\u560d\u560a", "%0d%0a", "\r\n ", "\x00\r\n"]
FORGED = "X-Forged: yes"
LOGGED = "INFO forged by an attacker"


def assert_unforged(answer, what):
    assert answer.status < 500, (what, answer.status)
    assert "X-Forged" not in answer.headers, what
    assert not any(name.lower().startswith("x-forged") for name in answer.headers), what
    assert not answer.body.startswith(b"X-Forged"), what


def texts(after):
    return [f"x{mark}{after}" for mark in BREAKS]


def test_no_parameter_begins_a_header(viewer, editor):
    for text in texts(FORGED):
        value = quote(text)
        for path in (
            *(f"/login?next=/students{value}", f"/login?next={value}", f"/students?q={value}", f"/students?sort={value}"),
            *(f"/students/7?within={value}", f"/students.csv?q={value}", f"/students.xlsx?as_of=2026-01-01T12:00{value}"),
            *(f"/changes?actor={value}", f"/students/7{value}", f"/static/app.js{value}", f"/{value}"),
        ):
            assert_unforged(viewer.open(path), path)
    token = editor.token()
    for text in texts(FORGED)[::3]:
        for fields in (
            {"name": text, "within": urlencode({"q": text}), "then": "next"},
            {"name": "A Name", "within": f"q={text}", "then": "add"},
        ):
            assert_unforged(editor.post("/students/new", {**fields, "csrf_token": token}), fields)
        assert_unforged(editor.post("/students/bulk", {"within": f"q={text}", "csrf_token": token}), text)
        sent_on = editor.post("/login", {"csrf_token": token, "next": text}, Referer=f"http://127.0.0.1/{quote(text)}")
        assert_unforged(sent_on, text)


@pytest.mark.parametrize("kind", ["of a sheet", "of a change of many"])
def test_the_name_of_a_download_begins_no_header(school, admin, kind):
    for number, mark in enumerate(BREAKS[::2]):
        text = f"x{mark}{FORGED}"
        if kind == "of a sheet":
            escaped = text.replace("\r", "%0D").replace("\n", "%0A") if number % 2 else text.replace("\r", "").replace("\n", "")
            answer = admin.upload(f"id,name\n{9500 + number},\n{9600 + number},Ok\n".encode(), f"{escaped}.csv")
        else:
            answer = admin.send("/students/bulk/set", {"within": "", "ids": "7", "column": "name", "value": text})
        assert_unforged(answer, text)
        if answer.status == 303:
            address = answer.location.removesuffix("/columns")
            school.wait(address)
            for path in (address, f"{address}/rejected.csv"):
                assert_unforged(admin.open(path), (text, path))
            admin.send(f"{address}/cancel")


def test_a_letter_goes_to_nobody_else(school, admin):
    for mark in BREAKS:
        answer = admin.send("/users", {"email": f"new@school.example{mark}Bcc: all@school.example", "role": "viewer"})
        assert answer.status == 422, mark
        assert_unforged(answer, mark)


def test_a_request_that_breaks_a_header_is_refused_or_taken_for_one(school, stranger):
    for head in (
        *(
            "GET /login HTTP/1.1\r\nHost: {0}\r\nX-A: b\rX-Forged: yes",
            "GET /login HTTP/1.1\r\nHost: {0}\r\nX-A: b\nX-Forged: yes",
        ),
        *("GET /login\r\nX-Forged: yes HTTP/1.1\r\nHost: {0}", "GET /login HTTP/1.1\r\nHost: {0}\r\nX-A\r\n: b"),
        *(
            "GET /login HTTP/1.1\r\nHost: {0}\r\nHost: evil.example",
            "GET /login HTTP/1.1\r\n Host: {0}",
            "GET /login HTTP/9.9\r\nHost: {0}",
        ),
        *(
            "GET /login HTTP/1.1\r\nHost: {0}\r\nContent-Length: 4\r\nTransfer-Encoding: chunked",
            "GET  /login  HTTP/1.1",
            "\x00\x01\x02",
        ),
        *(
            "POST /login HTTP/1.1\r\nHost: {0}\r\nContent-Length: 5\r\nContent-Length: 6",
            "POST /login HTTP/1.1\r\nHost: {0}\r\nContent-Length: -1",
        ),
        *(
            "POST /login HTTP/1.1\r\nHost: {0}\r\nTransfer-Encoding: chunked, identity",
            "POST /login HTTP/1.1\r\nHost: {0}\r\nContent-Length: 1e3",
        ),
        *(
            "POST /login HTTP/1.1\r\nHost: {0}\r\nTransfer-Encoding: xchunked",
            "POST /login HTTP/1.1\r\nHost: {0}\r\nTransfer_Encoding: chunked",
        ),
    ):
        answer = stranger.raw(f"{head.format(stranger.netloc)}\r\nConnection: close\r\n\r\n".encode("latin-1"))
        assert not re.search(rb"^x-forged", answer, re.IGNORECASE | re.MULTILINE), head
        assert not answer.startswith(b"HTTP/1.1 500"), (head, answer)
        assert answer.count(b"HTTP/1.1 ") <= 1, (head, answer)


# What the server, the libraries or we ourselves read of a head; and what none of it is meant to be.
READ = (
    *("Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Connection", "Content-Length", "Content-Type", "Cookie"),
    *("Expect", "Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range", "Origin", "Range", "Referer"),
    *("Sec-Fetch-Site", "Sec-Purpose", "Transfer-Encoding", "Upgrade", "User-Agent", "X-CSRFToken", "X-Forwarded-For"),
)
ODD = (
    b"\xff\xfe",
    b'a="',
    b";q=nan, =;q=1e999, ,",
    b"http://[::1",
    b"Basic \xff",
    b"Bearer \xc3(",
    b"bytes=9-1,-" + b"9" * 30,
    b"e" * 300,
)


def test_no_header_that_is_odd_is_a_fault_of_ours(stranger):
    for path in ("/login", "/static/app.css", "/api/v1/students"):
        for name in READ:
            for odd in ODD:
                host = b"" if name == "Host" else f"Host: {stranger.netloc}\r\n".encode()
                head = f"GET {path} HTTP/1.1\r\n".encode() + host + name.encode() + b": " + odd + b"\r\nConnection: close\r\n\r\n"
                answer = stranger.raw(head)
                assert re.match(rb"HTTP/1\.1 [234]", answer), (path, name, odd, answer[:200])


def test_nothing_that_is_sent_begins_a_line_of_the_log(school, editor, stranger):
    for mark in BREAKS:
        text = f"x{mark}{LOGGED}"
        stranger.open(f"/{quote(text)}?{urlencode({'q': text})}")
        stranger.sign_in(f"{text}@school.example", PASSWORD)
        editor.upload(b"\x00\x01\x02", text.replace("\r", "").replace("\n", ""))
        editor.send("/students/new", {"name": text, "age": text})
        stranger.raw(f"GET /{text} HTTP/1.1\r\nHost: {text}\r\nUser-Agent: {text}\r\nX-Request-Id: {text}\r\n\r\n".encode())
    logs = [school.server.log, school.server.log.with_name("access.log")]
    log = "\n".join(log.read_text(errors="replace") for log in logs)
    assert "%0AINFO forged" in log.replace("%20", " ")
    assert not re.search(rf"(^|[\r\n\x0b\u2028\u0085]){re.escape(LOGGED)}", log)
    assert "Traceback" not in log
