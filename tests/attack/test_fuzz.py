"""Requests that nobody thought of, over every address and method that there is: none of them is a fault of ours.

`TEST_TIMES=100` sends a hundred times as many; from ten times on, each run sends other ones.
"""

import re
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.attack.attacker import multipart
from tests.attack.parameters import find_parameters
from tests.examples import TIMES, examples

REQUESTS = examples(50)
MANY_TIMES = 10
# What would end the session of whoever sends it, or ask more of them from then on.
ENDING = (
    *("security.logout", "profile.end_other_sessions", "profile.end_session", "users.deactivate", "users.require_second_factor"),
    *("users.reset_second_factor", "users.change_role", "profile.change_password", "security.two_factor_setup"),
)
IDS = st.sampled_from(
    ["1", "1", "2", "7", "7", "8", "3", "0", "999", "9223372036854775807", "9223372036854775808", "-1", "x", "٣", "1.0"]
)
KNOWN = st.sampled_from(
    [
        "",
        "1",
        "7",
        "ada",
        "name",
        "-score",
        "id",
        "yes",
        "no",
        "rejected",
        "insert",
        "end",
        "keep",
        "clear",
        "csv",
        "=",
        "0",
        "2026-03-01T12:00",
    ]
)
ODD = st.sampled_from(
    ["\x00", "\x1f", "9999-12-31T23:59", "0001-01-01", "1e999", "NaN", "-0", "9" * 30, "' OR 1=1 --", "\u202e", "q=%00&x", "../"]
)
VALUES = st.one_of(KNOWN, ODD, st.text(st.characters(codec="utf-8"), max_size=40), st.integers().map(str), st.floats().map(str))
VALUES |= st.sampled_from(["min_score=x", "sort=evil", "per_page=x", "x" * 4_097, "\ufdfa" * 3_000, "9" * 400, "[" * 5_000])
VALUES |= st.datetimes().map(lambda moment: moment.isoformat())
RAW = VALUES.map(lambda text: text.encode()) | st.binary(max_size=20)
HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Accept",
            "Accept-Language",
            "Accept-Encoding",
            "If-None-Match",
            "Range",
            "Referer",
            "User-Agent",
            "If-Match",
            "X-Request-Id",
            "Authorization",
            "Origin",
            "If-Modified-Since",
        ]
    ),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=30).map(
        lambda text: text.encode("latin-1")
    ),
    max_size=2,
)
FORM, FILE = "application/x-www-form-urlencoded", "multipart/form-data"
KINDS = [FORM, FORM, FORM, FILE, FILE, "multipart/form-data; boundary=x", "application/json", "text/csv", ""]


@pytest.fixture(scope="module")
def names(school):
    """Give the name of every parameter."""
    return sorted(
        {parameter.name for parameter in find_parameters(school.member("admin"), "/imports/1")} | {"csrf_token", "file"}
    )


@pytest.fixture(scope="module")
def routes(school):
    rules = [rule for rule in school.app.url_map.iter_rules() if rule.endpoint not in ENDING]
    return [(method, rule.rule) for rule in rules for method in sorted(rule.methods or ())]


def test_no_request_is_a_fault_of_ours(school, names, routes):
    sent = 0

    @settings(
        max_examples=REQUESTS,
        deadline=None,
        database=None,
        derandomize=TIMES < MANY_TIMES,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.data())
    def attack(data):
        nonlocal sent
        sent += 1
        member = school.member(data.draw(st.sampled_from(["admin", "editor"])))
        method, rule = data.draw(st.sampled_from(routes))
        path = re.sub(r"<[^>]+>", lambda _: quote(data.draw(IDS)), rule)
        query = urlencode(data.draw(st.dictionaries(st.sampled_from(names), RAW, max_size=4)))
        kind, body = draw_body(data, names, member.token()) if method == "POST" else (None, None)
        headers = {**data.draw(HEADERS), **({"Content-Type": kind} if kind else {})}
        answer = member.ask(method, f"{path}?{query}" if query else path, body, headers)
        if answer.status >= 500:
            note(f"{method} {path}?{query} {headers} {body!r}\n{school.server.log.read_text()[-3000:]}")
        assert answer.status < 500

    attack()
    assert sent >= REQUESTS


def draw_body(data, names, token):
    fields = data.draw(st.dictionaries(st.sampled_from(names), RAW, max_size=6))
    kind = data.draw(st.sampled_from(KINDS))
    if kind == FORM:
        return kind, urlencode({**fields, "csrf_token": token}).encode()
    if kind == FILE:
        texts = {name: text.decode("utf-8", "replace") for name, text in fields.items()}
        return multipart({**texts, "csrf_token": token}, data.draw(st.binary(max_size=200)))
    return kind, data.draw(st.binary(max_size=200))
