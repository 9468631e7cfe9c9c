"""Requests are read as they come, in whatever pieces, and who takes too long for one is told from who waits with none."""

import io
import time

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, LimitRequestLine, NoMoreData, ParseException

from request_reader import (
    HEAD_S,
    LARGEST_HEAD,
    SILENCE_S,
    SLOWEST_BYTES_A_SECOND,
    SMALL_BODY,
    RequestReader,
    Step,
)

FORM = b"POST /login HTTP/1.1\r\nHost: here\r\nContent-Length: 5\r\n\r\na=b&c"
PAGE = b"GET / HTTP/1.1\r\nHost: here\r\n\r\n"
LARGE = SMALL_BODY + 1


@pytest.fixture
def reader():
    return RequestReader(Config(), ("192.0.2.7", 5000))


def announced(length, *more):
    return "\r\n".join(["POST /imports/new HTTP/1.1", "Host: here", f"Content-Length: {length}", *more, "", ""]).encode()


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_request_in_pieces_is_whole_only_with_its_last_byte(reader, size):
    pieces = [FORM[start : start + size] for start in range(0, len(FORM), size)]
    steps = [reader.receive(piece) for piece in pieces]
    assert steps == [*[Step.WAIT] * (len(pieces) - 1), Step.ANSWER]
    assert next(reader).body.read() == b"a=b&c"


def test_request_behind_another_is_given_after_it(reader):
    assert reader.receive(FORM + PAGE + b"GET") is Step.ANSWER
    assert next(reader).method == "POST"
    assert next(reader).body.read(2) == b"a="
    reader.next_request()
    assert reader.receive(b"") is Step.ANSWER
    assert next(reader).method == "GET"
    reader.next_request()
    assert reader.receive(b"") is Step.WAIT
    assert not reader.is_idle


@pytest.mark.parametrize("length", [LARGE, 299 << 20, "9" * 400])
def test_large_body_waits_until_the_app_has_said_by_the_head_that_it_may_come(reader, length):
    assert reader.receive(announced(length)) is Step.ASK


def test_accepted_body_goes_to_its_file_as_it_comes(reader):
    assert reader.receive(announced(LARGE) + b"begin") is Step.ASK
    sink = io.BytesIO()
    assert reader.accept(sink) is Step.WAIT
    assert sink.getvalue() == b"begin"
    assert reader.receive(b"x" * (LARGE - 6)) is Step.WAIT
    assert reader.receive(b"y" + PAGE) is Step.ANSWER
    assert next(reader).body.read() == b"begin" + b"x" * (LARGE - 6) + b"y"
    reader.next_request()
    assert sink.closed
    assert reader.receive(b"") is Step.ANSWER


def test_small_body_is_asked_for_at_once_and_a_large_one_once_it_may_come(reader):
    assert reader.receive(announced(5, "Expect: 100-continue")) is Step.WAIT
    assert reader.continue_due
    other = RequestReader(Config(), None)
    assert other.receive(announced(LARGE, "Expect: 100-continue")) is Step.ASK
    assert other.accept(io.BytesIO()) is Step.WAIT
    assert other.continue_due


def test_chunked_body_is_read_from_its_source_with_what_has_come_already(reader):
    head = b"POST / HTTP/1.1\r\nHost: here\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert reader.receive(head + b"3\r\nab") is Step.ASK
    assert reader.is_chunked
    place = io.BytesIO()
    reader.accept_chunked(place, io.BytesIO(b"c\r\n0\r\n\r\n"))
    assert next(reader).body.read() == b"abc"
    assert next(reader).should_close()
    reader.next_request()
    assert place.closed


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", InvalidHeader),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", InvalidHeader),
        (b"GET / HTTP/1.1\nHost: here\n\n", ParseException),
        (b"\r\n\r\n", ParseException),
        (b"\x16\x03\x01\n", ParseException),
        (b"GET /" + b"x" * LARGEST_HEAD, LimitRequestLine),
        (b"GET / HTTP/1.1\r\nX: " + b"x" * LARGEST_HEAD, LimitRequestHeaders),
        (b"GET / HTTP/1.1\r\n" + b"X: " * LARGEST_HEAD + b"\r\n\r\n", LimitRequestHeaders),
        (b"POST / HTTP/1.1\r\nHost: here\r\nContent-Length: -1\r\n\r\n", InvalidHeader),
    ],
)
def test_what_is_no_request_is_refused_without_waiting_for_more(reader, sent, error):
    with pytest.raises(error):
        reader.receive(sent)


def test_old_protocol_needs_no_host(reader):
    assert reader.receive(b"GET / HTTP/1.0\r\n\r\n") is Step.ANSWER


@pytest.mark.parametrize("sent", [b"GET /", FORM[:-1], announced(LARGE)])
def test_end_in_the_middle_of_a_request_is_an_error(reader, sent):
    reader.receive(sent)
    assert not reader.is_idle
    with pytest.raises(NoMoreData):
        reader.end()


@pytest.mark.parametrize(
    ("sent", "allowed_s"),
    [
        (b"", 5),
        (b"GET", HEAD_S),
        (FORM[:-1], SILENCE_S + 4 / SLOWEST_BYTES_A_SECOND),
    ],
)
def test_reader_is_late_once_what_is_under_way_has_had_its_time(sent, allowed_s):
    before = time.monotonic()
    reader = RequestReader(Config(), None)
    reader.receive(sent)
    after = time.monotonic()
    assert not reader.is_late(before + allowed_s, keepalive_s=5)
    assert reader.is_late(after + allowed_s + 1, keepalive_s=5)


def test_body_that_keeps_its_pace_may_take_as_long_as_it_needs(reader):
    reader.receive(announced(100 << 20))
    reader.accept(io.BytesIO())
    reader.receive(b"x" * (SLOWEST_BYTES_A_SECOND * 100))
    assert not reader.is_late(time.monotonic() + 100, keepalive_s=5)
    assert reader.is_late(time.monotonic() + 100 + SILENCE_S + 1, keepalive_s=5)
