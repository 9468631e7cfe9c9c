"""gunicorn's worker and log: who sends too slowly is let go, what the worker refuses gets a page of ours, a path is one line."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import TConn, ThreadWorker
from werkzeug.exceptions import RequestTimeout

from web.errors import refusal

# A thread is held meanwhile, so all that comes before the body has to come soon, and the body at the pace of a bad line.
HEAD_S = 15.0
SILENCE_S = 30.0
SLOWEST_BYTES_A_SECOND = 8_192


class TooSlow(RequestTimeout):
    """The other side takes too long to send what it has announced."""


class ImpatientSocket(socket.socket):
    """Waits for a while only: for the next bytes, and for all of them."""

    until = 0.0

    def allow(self, seconds: float) -> None:
        """Let all that is read from now on take so long at most."""
        self.until = time.monotonic() + seconds

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  as the class above has it
        self.settimeout(SILENCE_S if flag else 0.0)

    def recv(self, size: int, flags: int = 0) -> bytes:
        patience, left = self.gettimeout(), self.until - time.monotonic()
        if not patience:
            return super().recv(size, flags)
        if left <= 0:
            raise TooSlow
        self.settimeout(min(left, patience))
        try:
            return super().recv(size, flags)
        except TimeoutError:
            raise TooSlow from None
        finally:
            self.settimeout(patience)


class Worker(ThreadWorker):
    """Answers in threads, and with patience for as much as a person needs."""

    def init_process(self) -> None:
        self._closing = ThreadPoolExecutor(4, "closing")
        super().init_process()

    def enqueue_req(self, conn: TConn) -> None:
        """Lend a new connection patience, and hang it up in a thread of its own: that waits for the other side."""
        if not isinstance(conn.sock, ImpatientSocket):
            conn.sock = ImpatientSocket(fileno=conn.sock.detach())
            conn.close = partial(self._closing.submit, conn.close)
        super().enqueue_req(conn)

    def handle(self, conn: TConn) -> Any:
        conn.sock.allow(HEAD_S)
        return super().handle(conn)

    def handle_request(self, req: Any, conn: TConn) -> bool:
        length = next((value for name, value in req.headers if name == "CONTENT-LENGTH"), "0")
        announced = int(length) if length.isdecimal() else 0
        conn.sock.allow(SILENCE_S + announced / SLOWEST_BYTES_A_SECOND)
        return bool(super().handle_request(req, conn))

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:
        """Answer what never became a request; what gunicorn would log and show of it are the sender's own words."""
        if isinstance(exc, TooSlow) and req is not None:
            return  # it has its answer, and only the rest of its body was waited for
        code = _code(exc)
        if code is None:
            super().handle_error(req, client, addr, exc)
            return
        self.log.warning("a request was refused with %s: %s", code, type(exc).__name__)
        client.sendall(refusal(self.wsgi, code))


class Log(Logger):
    """Writes a path as it stands in its address, where a line break is %0A and begins no line of the log."""

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        path = quote(environ.get("PATH_INFO", ""), encoding="latin-1")
        return {**super().atoms(resp, req, environ, request_time), "U": path}


def _code(error: BaseException) -> int | None:
    """Give the status for a request that could not be read; None where that is a fault of ours."""
    if isinstance(error, TooSlow):
        return 408
    if isinstance(error, LimitRequestLine):
        return 414
    if isinstance(error, LimitRequestHeaders):
        return 431
    return 400 if type(error).__module__ == "gunicorn.http.errors" else None
