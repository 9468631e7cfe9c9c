"""Whoever sends slowly, without end, or what they may not send keeps nobody waiting, and is told so in a page of ours."""

import resource
import socket
import statistics
import time
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from request_reader import SILENCE_S
from tests.attack.attacker import Attacker
from tests.attack.school import email_of
from tests.cluster import wait_until
from tests.colleague import Colleague
from tests.conftest import PASSWORD
from tests.floods import flood, slow_form, slow_upload, unfinished_head
from tests.pages import lint_page
from tests.server import ROOT, Server, running_server, serving

CONNECTIONS, EVERY_S, ROUNDS = 150, 0.3, 6
PAGES = ("/", "/students", "/imports", "/students/7")
MEGABYTE = 1 << 20
MUCH, WATCHED_S = 200, 3
LARGE = 299 * MEGABYTE
MULTIPART = "Content-Type: multipart/form-data; boundary=x"


@pytest.fixture
def desk(school):
    with closing(Colleague(school.url)) as made:
        made.sign_in(email_of("editor"), PASSWORD)
        yield made


def test_three_floods_at_once_keep_nobody_waiting(school, desk):
    """Each page of one person beside 450 connections is there within a second, and what they save is saved."""
    with ExitStack() as floods:
        for head in (unfinished_head, slow_form, slow_upload):
            floods.enter_context(flood(school.url, head(desk), CONNECTIONS, EVERY_S))
        taken = [_time(desk, path) for _ in range(ROUNDS) for path in PAGES]
        assert desk.post("/students/new", {"name": "Saved meanwhile", "token": "flooded"}).status == 303
    assert statistics.median(taken) < 1


def _time(desk, path):
    start = time.monotonic()
    assert desk.get(path).status == 200
    return time.monotonic() - start


@pytest.fixture(scope="module")
def roomy(sqlite_template, tmp_path_factory):
    """A server that takes sheets of any size that is allowed by default; on one database: nothing gets as far as that."""
    folder = tmp_path_factory.mktemp("roomy")
    (folder / "rollbook.db").write_bytes(sqlite_template.read_bytes())
    few = {"GUNICORN_CMD_ARGS": "--threads 2"}
    with running_server(folder / "instance", f"sqlite:///{folder / 'rollbook.db'}", migrated=True, **few) as server:
        for role in ("viewer", "editor"):
            server.flask_with(f"{PASSWORD}\n", "user", "add", email_of(role), "--role", role, "--password-stdin")
        yield server


def incoming(server):
    return [path for path in Path(server.instance / "incoming").rglob("*") if path.is_file()]


def member(server, role):
    made = Attacker(server.url)
    assert made.sign_in(email_of(role), PASSWORD).status == 302
    return made


def begin(sender, length, *more, path="/imports/new"):
    """Send the head of a large request and nothing of its body."""
    line = sender.connect()
    lines = [f"POST {path} HTTP/1.1", f"Host: {sender.netloc}", f"Cookie: {sender.cookie_header()}", MULTIPART, *more]
    lines += [f"Content-Length: {length}"] if length is not None else ["Transfer-Encoding: chunked"]
    line.sendall("\r\n".join([*lines, "", ""]).encode())
    return line


def answer(line):
    """Give the status and the whole text, up to the end of the connection; 0 if nothing comes."""
    with line:
        text = b"".join(iter(lambda: line.recv(65_536), b"")).decode()
    return int(text.split(" ")[1]) if text else 0, text


@pytest.mark.parametrize(
    ("role", "length", "more", "status"),
    [
        (None, LARGE, [], 302),
        (None, None, [], 302),
        ("viewer", LARGE, [], 403),
        ("editor", LARGE, ["Origin: https://evil.example"], 403),
        ("editor", LARGE, ["Sec-Fetch-Site: cross-site"], 403),
        ("editor", 600 * MEGABYTE, [], 413),
        ("editor", "9" * 400, [], 413),
        (None, "9" * 400, [], 413),
    ],
)
def test_large_body_is_refused_on_its_head(roomy, role, length, more, status):
    sender = member(roomy, role) if role else Attacker(roomy.url)
    found, text = answer(begin(sender, length, *more))
    assert found == status
    assert "Content-Security-Policy: default-src 'none'" in text
    assert "Connection: close" in text
    assert not incoming(roomy)


@pytest.mark.parametrize(
    ("path", "status"), [("/login", 413), ("/students/new", 413), ("/nowhere", 413), ("/api/v1/imports", 401)]
)
def test_large_body_is_refused_on_its_head_at_every_page(roomy, path, status):
    assert answer(begin(Attacker(roomy.url), LARGE, path=path))[0] == status


def test_large_body_of_a_stranger_that_is_on_its_way_is_thrown_away_and_answered(roomy):
    line = begin(Attacker(roomy.url), LARGE)
    for _ in range(20):
        line.sendall(bytes(MEGABYTE))
    line.shutdown(socket.SHUT_WR)
    assert answer(line)[0] == 302
    assert not incoming(roomy)


def test_who_may_send_is_told_to_go_on_and_their_sheet_is_read(roomy):
    editor = member(roomy, "editor")
    rows = "".join(f"{number},Student {number}\n" for number in range(1, 40_001))
    parts = [
        f'--x\r\nContent-Disposition: form-data; name="csrf_token"\r\n\r\n{editor.token()}\r\n',
        '--x\r\nContent-Disposition: form-data; name="blank"\r\n\r\nkeep\r\n',
        f'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\nid,name\n{rows}\r\n--x--\r\n',
    ]
    body = "".join(parts).encode()
    line = begin(editor, len(body), "Expect: 100-continue", "Connection: close")
    assert line.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.sendall(body[:-10])
    line.sendall(body[-10:])
    assert answer(line)[0] == 303
    assert wait_until(lambda: not incoming(roomy))


def test_one_user_has_few_bodies_on_their_way_and_who_hangs_up_makes_room(roomy):
    editor = member(roomy, "editor")
    with ExitStack() as lines:
        held = [lines.enter_context(begin(editor, LARGE, "Expect: 100-continue")) for _ in range(4)]
        for line in held:
            assert line.recv(100).startswith(b"HTTP/1.1 100 ")
        status, text = answer(begin(editor, LARGE))
        assert status == 503
        assert "Retry-After: 30" in text
        assert not lint_page(text.partition("\r\n\r\n")[2])
        held[0].close()
        assert wait_until(lambda: len(incoming(roomy)) == 3)
        with begin(editor, LARGE, "Expect: 100-continue") as line:
            assert line.recv(100).startswith(b"HTTP/1.1 100 ")


@contextmanager
def files_of_at_most(size, processes):
    """Let none of the processes write a longer file, as if the disk were full."""
    limits = {process: resource.prlimit(process, resource.RLIMIT_FSIZE) for process in processes}
    for process, (_, most) in limits.items():
        resource.prlimit(process, resource.RLIMIT_FSIZE, (size, most))
    try:
        yield
    finally:
        for process, limit in limits.items():
            resource.prlimit(process, resource.RLIMIT_FSIZE, limit)


def test_large_body_for_which_the_disk_has_no_room_is_said_and_leaves_nothing(roomy):
    with files_of_at_most(8 * MEGABYTE, roomy.processes("pages")):
        line = begin(member(roomy, "editor"), LARGE)
        for _ in range(10):
            line.sendall(bytes(MEGABYTE))
        status, text = answer(line)
    assert status == 503
    assert "<h1>There is no room left</h1>" in text
    assert not incoming(roomy)


def test_readers_who_take_nothing_keep_no_thread_and_get_all_in_the_end(roomy):
    """Of two threads, four readers hold none, though each has more to take than fits on the way."""
    with ExitStack() as lines:
        readers = [lines.enter_context(ask_for_much(Attacker(roomy.url))) for _ in range(4)]
        taken, until = [], time.monotonic() + WATCHED_S
        while time.monotonic() < until:
            start = time.monotonic()
            assert Attacker(roomy.url).open("/login").status == 200
            taken.append(time.monotonic() - start)
        assert max(taken) < SILENCE_S / 2
        told = b"".join(iter(lambda: readers[0].recv(1 << 20), b""))
    assert told.count(b"HTTP/1.1 200 OK") == MUCH
    assert told.count((ROOT / "static" / "app.css").read_bytes()) == MUCH


def ask_for_much(reader):
    """Ask for far more than the system holds for somebody who takes nothing, in one go."""
    line = reader.connect()
    ask = f"GET /static/app.css HTTP/1.1\r\nHost: {reader.netloc}\r\n"
    line.sendall((f"{ask}\r\n" * (MUCH - 1) + f"{ask}Connection: close\r\n\r\n").encode())
    return line


@pytest.fixture(scope="module")
def hasty(sqlite_template, tmp_path_factory):
    """A server that waits for a second where others wait for half a minute."""
    folder = tmp_path_factory.mktemp("hasty")
    (folder / "rollbook.db").write_bytes(sqlite_template.read_bytes())
    server = Server(folder / "instance", f"sqlite:///{folder / 'rollbook.db'}")
    server.program = ("tests.hasty",)
    server.flask_with(f"{PASSWORD}\n", "user", "add", email_of("editor"), "--role", "editor", "--password-stdin")
    with serving(server):
        yield server


@pytest.mark.parametrize("length", [10, 100_000, LARGE, None])
def test_body_that_is_announced_and_never_sent_is_408(hasty, length):
    status, text = answer(begin(member(hasty, "editor"), length))
    assert status == 408
    assert "The upload was too slow, so nothing was saved" in text
    assert "Content-Security-Policy: default-src 'none'" in text
    assert not incoming(hasty)


def test_head_that_never_ends_is_408_and_a_connection_without_a_word_is_hung_up(hasty):
    line = Attacker(hasty.url).connect()
    line.sendall(b"GET / HTTP/1.1\r\nHost:")
    assert answer(line)[0] == 408
    assert answer(Attacker(hasty.url).connect())[0] == 0


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /login HTTP/1.1", 400),
        ("GET /login HTTP/1.1\r\nHost: a\r\nHost: b", 400),
        ("POST /login HTTP/1.1\r\nHost: {netloc}\r\nContent-Length: " + "9" * 400, 413),
        ("POST /login HTTP/1.1\r\nHost: {netloc}\r\nContent-Length: " + "9" * 5000, 400),
        ("POST /login HTTP/1.1\r\nHost: {netloc}\r\nContent-Length: five", 400),
        (f"POST /login HTTP/1.1\r\nHost: {{netloc}}\r\n{MULTIPART}\r\nTransfer-Encoding: chunked", 411),
        ("GET /login HTTP/1.1\r\nHost: {netloc}\r\nX-Large: " + "x" * 8_180, 431),
        ("GET /login HTTP/1.1\r\nHost: {netloc}" + ("\r\nX-Large: " + "x" * 8_000) * 12, 431),
    ],
)
def test_request_that_can_not_be_read_gets_a_page_of_ours(school, stranger, head, status):
    line = stranger.connect()
    line.sendall(f"{head.replace('{netloc}', stranger.netloc)}\r\n\r\n".encode())
    found, text = answer(line)
    assert found == status
    page_head, _, page = text.partition("\r\n\r\n")
    for header in ("Content-Security-Policy: default-src 'none'", "X-Request-ID: ", "Connection: close"):
        assert header in page_head
    assert not lint_page(page)
