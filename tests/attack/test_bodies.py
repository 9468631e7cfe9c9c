"""Forms that are cut off, broken or slow are refused, and keep nobody from being answered."""

import gzip
from contextlib import ExitStack

import pytest

from tests.attack.attacker import multipart

SLOW = 100
SHEET = b"id,name\n9901,Somebody\n"


def form(attacker):
    return multipart({"csrf_token": attacker.token(), "blank": "keep"}, SHEET)


def head(attacker, path, kind, length, *more):
    lines = [f"POST {path} HTTP/1.1", f"Host: {attacker.netloc}", f"Cookie: {attacker.cookie_header()}", f"Content-Type: {kind}"]
    lines += [f"Content-Length: {length}"] if length is not None else []
    return "\r\n".join([*lines, *more, "Connection: close", "", ""]).encode()


def status(answer):
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def broken(kind, body):
    """Break a form in every way that its readers might stumble over."""
    boundary = kind.partition("boundary=")[2]
    mark = boundary.encode()
    yield kind, body[:-20]
    yield kind, body[: len(body) // 2]
    yield kind, body.replace(mark, b"x" * len(mark))
    yield kind, body.replace(b"\r\n", b"\n")
    yield kind, body.replace(b"Content-Disposition", b"Content-Disposition: x\r\nContent-Disposition")
    yield kind, body.replace(b"form-data", b"attachment")
    yield kind, body.replace(b'name="file"', b'name="file')
    yield kind, body.replace(b'name="csrf_token"', b"name=\xff\xfe")
    yield kind, body.replace(b'name="blank"', b"name*=utf-8''%ff%zz")
    yield kind, body.replace(b'filename="sheet.csv"', b"filename*=UTF-9''%00%ff")
    yield kind, body.replace(b'filename="sheet.csv"', b"filename*0*=x; filename*1=y; filename=z")
    yield kind, body.replace(b"text/csv", b"multipart/mixed; boundary=inner")
    yield kind, body.replace(b"text/csv", b"text/csv\r\nContent-Transfer-Encoding: base64\r\nContent-Length: 99999999")
    yield kind, body.replace(b"text/csv", b"text/csv\r\n" + b"X-A: b\r\n" * 500)
    yield kind, body.replace(b"text/csv", b"x" * 100_000)
    yield kind, b"--" + mark + b"--\r\n" + body
    yield kind, b"--" + mark + b"\r\n" * 5000
    yield kind, b"preamble" * 5000 + body
    yield kind, b""
    yield "multipart/form-data", body
    yield "multipart/form-data; boundary=", body
    yield 'multipart/form-data; boundary="', body
    yield f"multipart/form-data; boundary={'x' * 5000}", body
    yield f"multipart/form-data; boundary={boundary}; boundary=y", body
    yield f"multipart/form-data; charset=utf-16; boundary={boundary}", body
    yield "application/x-www-form-urlencoded", b"%" * 1000
    yield "application/x-www-form-urlencoded", b"csrf_token=%zz&%=%&&&===&a;b" + b"\x00\xff" * 100
    yield "application/x-www-form-urlencoded", b"&" * 400_000
    yield "application/json", b"[" * 100_000


def test_a_broken_form_is_refused_or_read_as_far_as_it_goes(school, editor):
    kind, body = form(editor)
    for number, (broken_kind, broken_body) in enumerate(broken(kind, body)):
        answer = editor.ask("POST", "/imports/new", broken_body, {"Content-Type": broken_kind})
        assert answer.status in (303, 400, 413, 415, 422), (number, answer.status)
        if answer.status == 303:
            editor.send(f"{answer.location.removesuffix('/columns')}/cancel")


def test_a_form_that_ends_early_is_stored_nowhere(school, editor):
    kind, body = form(editor)
    before = school.everything()
    for sent in (0, 40, len(body) // 2, body.index(b"Somebody"), len(body) - 10):
        answer = editor.raw(head(editor, "/imports/new", kind, len(body)) + body[:sent])
        assert status(answer) in (0, 400), answer[:200]
    assert school.everything() == before


def test_a_length_that_is_wrong_or_none_is_no_fault(school, editor):
    kind, body = form(editor)
    for length in (0, len(body) - 1, len(body) // 2, "x", "-5", "1e3", "+5", "0x10", "9" * 30, f"{len(body)}, {len(body)}", ""):
        answer = editor.raw(head(editor, "/imports/new", kind, length) + body)
        assert status(answer) < 500, (length, answer[:200])
    for more in ("Transfer-Encoding: chunked", "Content-Encoding: gzip"):
        for sent in (b"zz\r\n", b"5\r\nab", b"-1\r\n", b"fffffffffffffffff\r\n", b"0\r\n\r\n", gzip.compress(body)):
            answer = editor.raw(head(editor, "/imports/new", kind, None, more) + sent)
            assert status(answer) < 500, (more, sent[:20], answer[:200])


def test_what_is_too_large_is_refused_by_its_length_alone(editor):
    kind, _ = form(editor)
    for path in ("/imports/new", "/login", "/students/new"):
        answer = editor.raw(head(editor, path, kind, 3 << 20) + b"--x")
        assert status(answer) == 413, path


@pytest.fixture
def slow(school):
    """A hundred who have begun to send a form and go on for ever."""
    with ExitStack() as stack:
        sender = school.newcomer("editor")
        kind, body = form(sender)
        connections = []
        for _ in range(SLOW):
            connection = stack.enter_context(sender.connect())
            connection.sendall(head(sender, "/imports/new", kind, len(body)) + body[:-30])
            connections.append(connection)
        yield body[-30:], connections


def test_a_hundred_slow_uploads_keep_no_reader_waiting_and_are_taken_when_they_are_there(school, slow):
    rest, connections = slow
    for path in ("/students", "/", "/imports", "/students/7", "/healthz"):
        assert school.member("viewer").open(path).status == 200
    assert school.member("editor").send("/students/new", {"name": "Saved meanwhile"}).status == 303
    for connection in connections:
        connection.setblocking(False)
        with pytest.raises(BlockingIOError):
            connection.recv(1)
        connection.setblocking(True)
    connections[-1].sendall(rest)
    assert connections[-1].recv(12) == b"HTTP/1.1 303"


def test_a_hundred_who_never_hang_up_keep_no_reader_waiting(school, stranger):
    with ExitStack() as stack:
        for number in range(SLOW):
            connection = stack.enter_context(stranger.connect())
            if number % 2:
                connection.sendall(f"GET /healthz HTTP/1.1\r\nHost: {stranger.netloc}\r\nConnection: close\r\n\r\n".encode())
        assert school.member("viewer").open("/students").status == 200
