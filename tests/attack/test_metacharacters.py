"""What means something to a database, a template or a machine means nothing when somebody types it, wherever they do."""

import re
from itertools import cycle
from urllib.parse import urlencode

import pytest
from sqlalchemy import select

from models import Student
from tests.attack.parameters import find_parameters
from tests.examples import TIMES

# In the long run each parameter gets all values, in the short one these and some more in turn.
EACH_GETS = 2
PRODUCT = "9801547"
UNDO = "/imports/1/undo"

VALUES = [
    *(
        "' OR '1'='1",
        "'; DROP TABLE students; --",
        '" OR ""="',
        "1) OR (1=1",
        "%' ESCAPE '!",
        "$$;SELECT pg_sleep(9)",
        "\\",
        "%",
        "_",
        "'",
    ),
    *("{{1337*7331}}", "${1337*7331}", "<%= 1337*7331 %>", "#{1337*7331}", "{% debug %}", "%s%n%(x)s", "{0.__class__}", "%-d"),
    *(
        "a\x00b",
        "\x1f",
        "\r\n",
        "\x1b[2J",
        "\x7f",
        "\u202e",
        "\ufffe",
        "\U0010ffff",
        "\u0130",
        "ﷺ" * 100,
        "é" * 300,
        "a\u0301" * 200,
        "\ud800",
    ),
    *(b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b"a\xf0\x28\x8c\xbc"),
    *(
        "9" * 18,
        "9" * 19,
        "9223372036854775807",
        "9223372036854775808",
        "2147483648",
        "-1",
        "-9223372036854775809",
        "9" * 5000,
        "0",
        "00",
    ),
    *("1e308", "1e999", "-1e999", "NaN", "inf", "-0", "0x10", "١٢", "1_0", "²", "1e-999", "0." + "3" * 400, "1" * 400),
    *(
        "0001-01-01",
        "9999-12-31T23:59:59.999999",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
        "2026-02-30",
        "-2026-01-01",
    ),
    *(
        "10000-01-01",
        "2026-W01-1",
        "T00:00",
        "0000-00-00",
        "2026-03-01T25:61",
        "2026-03-01T12:00+99:99",
        "2026-03-01T12:00:00.0000001",
    ),
    *(
        "end",
        "*",
        "[]",
        "{}",
        "null",
        "true",
        "../../etc/passwd",
        "a" * 5000,
        " " * 300 + "85",
        "\u3000",
        "=1+1",
        "''",
        "W10",
        "bnVsbA",
    ),
    *(
        "endpoint=x&_external=1&_scheme=javascript",
        "q=%00&min_age=x",
        "sort=nobody",
        "self=1&values=2&filename=3",
        "q=" + "a" * 3000,
    ),
    *("<script>ran()</script>", '"><img src=x onerror=ran()>', "</title>"),
]
ALWAYS = ["'\x00\"", "9999-12-31"]


@pytest.fixture(scope="module")
def parameters(school):
    waiting = school.upload(b"id,name,age\n7,Ada Lovelace,300\n10,Alan Turing,41\n11,Edsger Dijkstra,40\n")
    assert "question" not in school.member("editor").open(f"{waiting}/columns").values
    asking = school.upload(b"id,name,age\n7,Ada Lovelace,300\n10,Alan Turing,\n")
    assert "question" in school.member("editor").open(f"{asking}/columns").values
    link = school.member("admin").send("/users", {"email": "invited@school.example", "role": "viewer"})
    joining = re.findall(r"/join\?token=[\w-]+", link.content)[0]
    return find_parameters(school.member("admin"), waiting, joining, asking, f"{asking}/columns")


def values_for(place):
    turn = range(place * EACH_GETS, (place + 1) * EACH_GETS)
    return [*ALWAYS, *(VALUES if TIMES > 1 else [VALUES[number % len(VALUES)] for number in turn])]


def assert_harmless(answer, what):
    assert answer.status < 500, f"{what}: {answer.status}"
    assert PRODUCT not in answer.content, what
    for leak in ("Traceback", "sqlalchemy", "psycopg2", "SQLite", "werkzeug"):
        assert leak not in answer.content, what


def test_nothing_that_is_typed_into_a_parameter_is_a_fault_or_a_command(school, parameters):
    assert len(parameters) > 80
    before = set(school.stored(select(Student.id)))
    for place, parameter in enumerate(parameters):
        for value in values_for(place):
            admin = school.member("admin")
            answer = parameter.send(admin, value, admin.token())
            assert_harmless(answer, (parameter, value))
            assert not answer.content.startswith("<!doctype") or "This page had expired" not in answer.content, parameter
            if parameter.path == UNDO and answer.status == 303:
                put_in_force_again(school)
    assert set(school.stored(select(Student.id))) >= before


def put_in_force_again(school):
    """Take back an undo: the author that its form names is kept for what was typed, and decides on nothing else."""
    admin = school.member("admin")
    school.wait("/imports/1")
    assert admin.send(UNDO, admin.open(UNDO).values).status == 303
    school.wait("/imports/1")


def test_a_condition_that_is_always_true_finds_nobody(school, viewer):
    for q in ("' OR '1'='1", "') OR 1=1 --", '" OR ""="', "%", "_", "\\", "*", '"', "a' AND name MATCH 'b"):
        page = viewer.open(f"/students?{urlencode({'q': q})}")
        assert page.status == 200, q
        assert "Ada" not in page.text.replace("Dashboard", ""), q


def test_many_parameters_of_one_name_and_very_many_or_long_ones_are_taken_or_refused(school, viewer, editor):
    names = ("q", "sort", "per_page", "after", "before", "min_age", "as_of", "next", "page", "verdict", "actor")
    for path in ("/students", "/students.csv", "/changes", "/imports/1", "/login", "/"):
        for name in names:
            assert_harmless(viewer.open(f"{path}?{name}=1&{name}=2&{name}[]=3&{name}%00=4"), (path, name))
        assert_harmless(viewer.open(f"{path}?{'&'.join(f'a{number}={number}' for number in range(900))}"), path)
        assert viewer.open(f"{path}?q={'a' * 20_000}").status in (400, 414), path
    token = editor.token()
    twice = [("csrf_token", token), ("name", "First"), ("name", "Second"), ("age", "1"), ("age", "x"), ("id", ""), ("id", "7")]
    before = set(school.stored(select(Student.id, Student.name, Student.age)))
    for name in ("name", "age", "id"):
        once = {field: text for field, text in twice if field != name}
        pair = [(field, text) for field, text in twice if field == name]
        for fields in (twice, [*once.items(), *pair], [*once.items(), *reversed(pair)], [*pair, *once.items()]):
            assert editor.post("/students/new", fields).status == 400, fields
    assert set(school.stored(select(Student.id, Student.name, Student.age))) == before
    for fields in [
        [("csrf_token", token), ("name", "a" * 2_000_000)],
        [("csrf_token", token), *((f"name{number}", "1") for number in range(50_000))],
        [("csrf_token", token), *(("name", "a" * 40) for _ in range(10_000))],
        [(f"{'n' * 600_000}", "1")],
    ]:
        answer = editor.post("/students/new", fields)
        assert answer.status in (303, 400, 413, 422), answer.status
        assert len(answer.content) < 100_000


HEADERS = {
    "Cookie": [
        "session=\xff",
        "session=;;;;",
        "=",
        "a" * 6000,
        "session=\x01",
        'session="\\"',
        "device=\xe9.x.y",
        "language=../..; lang=zz",
    ],
    "User-Agent": ["\xff" * 900, "%s%n", "{{1337*7331}}", "' OR 1=1", ""],
    "Accept-Language": ["*;q=x", "de;q=9999", ",;,;", "x" * 4000, "../../etc", "\xff", "zh-Hant-x-\xe9;q=0.1", "{{1337*7331}}"],
    "Accept-Encoding": ["gzip;q=x", "gzip;q=-1", "*", "gzip;q=1e999", "\xff"],
    "Accept": ["*/*;q=x", "application/json", "x" * 3000],
    "If-None-Match": ['"', "W/", "*", "\xff", '"a' + "," * 3000],
    "If-Modified-Since": ["Thu, 99 Foo 99999", "x", "Mon, 01 Jan 0001 00:00:00 GMT"],
    "Range": ["bytes=9-1", "bytes=-9999999999999999999999", "bytes=x", "bytes=" + "0-1," * 900],
    "Referer": ["http://[", "//", "\xff", "javascript:ran()", "x" * 7000],
    "Content-Type": [
        "multipart/form-data",
        "text/html; charset=nonsense",
        "\xff",
        "application/x-www-form-urlencoded; charset=utf-7",
    ],
    "Content-Encoding": ["gzip", "nonsense"],
    "Expect": ["100-continue", "x"],
    "X-Request-Id": ["a" * 5000, "' --", "\xff"],
    "Authorization": ["Basic", "Basic x", "Bearer " + "a" * 5000, "Bearer \xff", "Digest"],
    "Idempotency-Key": ["\xff", "a" * 5000],
    "If-Match": ["x", '"9999999999999999999"', "*"],
}


def test_nothing_in_a_header_is_a_fault_or_a_command(school):
    somebody, others = school.newcomer("viewer"), cycle(["/students/7/version", "/static/app.js", "/students.csv", "/imports/1"])
    session = school.cookie("session")
    for name, values in HEADERS.items():
        for value in (text.replace("session=", f"{session}=") for text in values):
            for method, path in (("GET", "/students"), ("GET", next(others)), ("POST", "/login")):
                answer = somebody.ask(method, path, b"a=b" if method == "POST" else None, {name: value.encode("latin-1")})
                assert_harmless(answer, (method, path, name, value))


def test_what_was_walked_still_keeps_every_promise(school):
    school.server.flask("verify")
