"""Answers that nobody takes, or takes slowly, keep no thread; what was written arrives as it was."""

import socket
import threading

import pytest

import outgoing
from outgoing import PAGE, Outgoing, Waiting
from request_reader import SILENCE_S, SLOWEST_BYTES_A_SECOND
from tests.cluster import wait_until

MOMENT_S = 60


class Line:
    """A connection: what is written on one end, and who reads on the other, if anybody."""

    def __init__(self):
        ours, self.theirs = socket.socketpair()
        ours.setblocking(False)
        self.theirs.setblocking(False)
        self.told, self.waiting, self.read = [], Waiting(), b""
        self.answer = Outgoing(ours, lambda: self.told.append(True), self.waiting)

    def take(self):
        """Read what has come, and let the loop send on, until nothing comes any more."""
        while True:
            try:
                self.read += self.theirs.recv(1 << 20)
            except BlockingIOError:
                if self.answer.is_taken:
                    return self.read
            self.answer.send_on()


@pytest.fixture
def line():
    made = Line()
    yield made
    made.answer.break_off()
    made.answer.hang_up()
    made.theirs.close()


@pytest.fixture
def write(line):
    """Write in a thread, as answers are; give the thread, and what it has come to."""
    threads = []

    def write(*parts):
        ended = []

        def send():
            try:
                for part in parts:
                    line.answer.sendall(part)
                ended.append("sent")
            except BrokenPipeError:
                ended.append("broken")

        threads.append(threading.Thread(target=send))
        threads[-1].start()
        return threads[-1], ended

    yield write
    line.answer.break_off()
    for thread in threads:
        thread.join(MOMENT_S)


def test_a_page_that_nobody_takes_keeps_no_thread_and_arrives_once_somebody_does(line):
    parts = [bytes([number]) * (PAGE // 8) for number in range(8)]
    for part in parts:
        line.answer.sendall(part)
    assert not line.answer.is_taken
    assert line.told == [True]
    assert 0 < line.waiting.bytes < PAGE
    assert line.take() == b"".join(parts)
    assert line.waiting.bytes == 0
    line.answer.sendall(bytes(PAGE))
    assert line.told == [True, True]


def test_what_is_far_ahead_of_its_reader_waits_and_goes_on_as_it_is_taken(line, write, monkeypatch):
    monkeypatch.setattr(outgoing, "PAGE", 1 << 16)
    monkeypatch.setattr(outgoing, "MOST_AHEAD", 1 << 20)
    parts = [bytes([number]) * (1 << 16) for number in range(200)]
    thread, ended = write(*parts)
    assert wait_until(lambda: line.waiting.bytes >= 1 << 20)
    assert line.waiting.bytes < (1 << 20) + (1 << 16)
    assert not ended
    while thread.is_alive():
        line.take()
    assert line.take() == b"".join(parts)
    assert ended == ["sent"]


def test_when_all_answers_together_are_far_ahead_each_is_still_a_page_ahead(line, write, monkeypatch):
    monkeypatch.setattr(outgoing, "MOST_IN_ALL", 0)
    thread, ended = write(bytes(PAGE // 2), bytes(2 * PAGE), b"no further")
    assert wait_until(lambda: line.waiting.bytes >= PAGE)
    assert not ended
    while thread.is_alive():
        line.take()
    assert line.take().endswith(bytes(PAGE) + b"no further")
    assert ended == ["sent"]


def test_a_thread_that_waits_is_told_that_its_reader_is_given_up_on(line, write, monkeypatch):
    monkeypatch.setattr(outgoing, "MOST_AHEAD", 0)
    thread, ended = write(*[bytes(PAGE)] * 4)
    assert wait_until(lambda: line.waiting.bytes >= PAGE)
    line.answer.break_off()
    thread.join(MOMENT_S)
    assert ended == ["broken"]
    assert line.waiting.bytes == 0


def test_who_takes_less_than_a_bad_line_carries_is_late(line):
    line.answer.sendall(bytes(PAGE))
    since = line.answer._since
    assert not line.answer.is_late(since + SILENCE_S - 1)
    assert line.answer.is_late(since + SILENCE_S + 1)
    line.theirs.recv(1 << 20)
    line.answer.send_on()
    taken = line.answer._taken
    assert taken > 0
    assert not line.answer.is_late(since + SILENCE_S + taken / SLOWEST_BYTES_A_SECOND - 1)
    assert line.answer.is_late(since + SILENCE_S + taken / SLOWEST_BYTES_A_SECOND + 1)
    line.take()
    assert not line.answer.is_late(since + 10 * SILENCE_S)
