"""Read requests without a thread: the head and a small body into memory, and a large one into a file once the app wants it.

Nothing here waits. What has come is taken in, and the answer says what is to be done next.
"""

import io
import time
from enum import Enum
from typing import Any, BinaryIO, NamedTuple, Protocol

from gunicorn.http.body import ChunkedReader, LengthReader
from gunicorn.http.errors import InvalidHeader, LimitRequestHeaders, NoMoreData
from gunicorn.http.message import Request
from gunicorn.http.unreader import Unreader
from werkzeug.exceptions import RequestTimeout

# What anybody may send before the app is asked: a head, and a form that a person types. In bytes.
LARGEST_HEAD, SMALL_BODY = 64 << 10, 64 << 10
# In seconds: all of a head, and after it the first bytes of a body, which then has to come at the pace of a bad line.
HEAD_S, SILENCE_S = 15.0, 30.0
SLOWEST_BYTES_A_SECOND = 8_192
END = b"\r\n\r\n"


class TooSlow(RequestTimeout):
    """The other side takes too long to send what it has announced."""


class Step(Enum):
    """What is to be done about a connection."""

    WAIT = "for more bytes"
    ASK = "the app, by the head alone, whether the body may come"
    ANSWER = "the request, which is there as a whole"


class Source(Protocol):
    """Where a request's body is read from."""

    def read(self, size: int, /) -> bytes: ...


class Received(Unreader):
    """Gives gunicorn what has come: the head, and then the body."""

    def __init__(self, head: bytes) -> None:
        super().__init__()
        self.unread(head)
        self.source: Source = io.BytesIO()

    def chunk(self, size_hint: int | None = None) -> bytes:
        return self.source.read(max(size_hint or 0, 8_192))


class Pace(NamedTuple):
    """Since when something is on its way, in seconds of the monotonic clock, and how long it may take without a byte."""

    since: float
    allowed_s: float

    def is_lost(self, now: float, received: int) -> bool:
        return now - self.since > self.allowed_s + received / SLOWEST_BYTES_A_SECOND


class RequestReader:
    """Takes in the requests of one connection, one after the other; gunicorn takes it for its parser."""

    def __init__(self, cfg: Any, client: Any) -> None:
        self._cfg, self._client = cfg, client
        self._bytes = bytearray()
        self._number = 0
        self.next_request()

    def next_request(self) -> None:
        """Be done with a request, and with its body; what has come behind it is the next one's."""
        self.close()
        self.request: Any = None
        self.continue_due = False
        """Whether the other side waits to be told that its body may come."""
        self._sink: BinaryIO | None = None
        self._length = self._received = 0
        self._pace = Pace(time.monotonic(), HEAD_S)

    @property
    def is_idle(self) -> bool:
        """Tell whether nothing of a request has come."""
        return self.request is None and not self._bytes

    @property
    def is_chunked(self) -> bool:
        """Tell whether the body has no length, and has to be read to its end by a thread."""
        return isinstance(self.request.body.reader, ChunkedReader)

    def receive(self, data: bytes) -> Step:
        """Take in what has come; raises an error of gunicorn's for what is no request, OSError if a body can't be kept."""
        if self.is_idle and data:
            self._pace = Pace(time.monotonic(), HEAD_S)
        self._bytes += data
        if self.request is None and not self._read_head():
            return Step.WAIT
        if self._sink is None:
            return Step.ASK
        return self._read_body(self._sink)

    def accept(self, sink: BinaryIO) -> Step:
        """Let the body come into a file."""
        self._sink = sink
        self._expect_body()
        return self._read_body(sink)

    def accept_chunked(self, place: BinaryIO, source: Source) -> None:
        """Have the body, whose beginning may have come already, read from the connection itself; its place stays empty."""
        self._sink = place
        self._unreader.unread(bytes(self._bytes))
        self._bytes.clear()
        self._unreader.source = source
        # What follows such a body is not looked for here.
        self.request.force_close()

    def end(self) -> Step:
        """Take notice that no more will come; raises NoMoreData if something was under way."""
        if not self.is_idle and self.request is None:
            self._parse(bytes(self._bytes))
        raise NoMoreData

    def is_late(self, now: float, keepalive_s: float) -> bool:
        """Tell whether it has been waited for long enough."""
        if self.is_idle:
            return now - self._pace.since > keepalive_s
        return self._pace.is_lost(now, self._received)

    def close(self) -> None:
        if getattr(self, "_sink", None) is not None:
            self._sink.close()  # type: ignore[union-attr]

    def __next__(self) -> Any:
        """Give the request to gunicorn, which answers it."""
        return self.request

    def finish_body(self, deadline: float) -> bool:  # noqa: ARG002  as gunicorn calls it
        """Tell that nothing of the body is left on the connection."""
        return True

    def _read_head(self) -> bool:
        end = self._bytes.find(END)
        if end >= 0 and end + len(END) <= LARGEST_HEAD:
            self._parse(bytes(self._bytes[: end + len(END)]))
            del self._bytes[: end + len(END)]
            self._look_at_body()
            return True
        if end >= 0 or len(self._bytes) > LARGEST_HEAD:
            self._parse_beginning()
            raise LimitRequestHeaders("the head is too large")
        # A line that does not end as it should will never end the head either.
        if self._bytes.count(b"\n") != self._bytes.count(b"\r\n"):
            self._parse_beginning()
        return False

    def _parse(self, head: bytes) -> None:
        self._number += 1
        self._unreader = Received(head)
        self.request = Request(self._cfg, self._unreader, self._client, self._number)
        if self.request.version >= (1, 1) and not any(name == "HOST" for name, _ in self.request.headers):
            raise InvalidHeader("HOST", req=self.request)

    def _parse_beginning(self) -> None:
        """Let gunicorn say what is wrong; that there is no end is not it."""
        try:
            self._parse(bytes(self._bytes))
        except NoMoreData:
            self.request = None

    def _look_at_body(self) -> None:
        self.continue_due, self.request._expected_100_continue = self.request._expected_100_continue, False
        reader = self.request.body.reader
        self._length = reader.length if isinstance(reader, LengthReader) else 0
        if not self.is_chunked and self._length <= SMALL_BODY:
            self._sink = io.BytesIO()
            self._expect_body()

    def _expect_body(self) -> None:
        self._pace = Pace(time.monotonic(), SILENCE_S)

    def _read_body(self, sink: BinaryIO) -> Step:
        part = self._bytes[: self._length - self._received]
        sink.write(part)
        del self._bytes[: len(part)]
        self._received += len(part)
        if self._received < self._length:
            return Step.WAIT
        self.continue_due = False
        sink.seek(0)
        self._unreader.source = sink
        return Step.ANSWER
