"""gunicorn's worker and log: who sends too slowly is let go, what the worker refuses gets a page of ours, a path is one line."""

import logging
import socket
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flask import Flask
from gunicorn.glogging import Logger
from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import TConn, ThreadWorker
from werkzeug.exceptions import RequestTimeout

from web.errors import refusal
from worker import AFTER_FAULT_S, work

log = logging.getLogger(__name__)

# A thread is held meanwhile, so all that comes before the body has to come soon, and the body at the pace of a bad line.
HEAD_S = 15.0
SILENCE_S = 30.0
SLOWEST_BYTES_A_SECOND = 8_192
GLANCE_S = 0.2


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
    """Answers in threads, and with patience for as much as a person needs; or runs imports, where that is its part.

    gunicorn's master looks after both kinds: one that dies is succeeded by another, and all end with the server.
    """

    runs_imports = False

    def share_out(self, others: Iterable["Worker"], number: int) -> None:
        """Run imports if this process completes the number and none of those does that will be there beside it, the latest."""
        staying = sorted(others, key=lambda other: other.age, reverse=True)[: number - 1]
        self.runs_imports = number > 1 and len(staying) == number - 1 and not any(other.runs_imports for other in staying)

    def run(self) -> None:
        name_process("rollbook-import" if self.runs_imports else "rollbook-pages")
        if self.runs_imports:
            run_imports(self)
        else:
            super().run()

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


def run_imports(worker: Worker) -> None:
    """Run imports until the process is to stop: a step that is under way then has as long as a request has."""
    for listener in worker.sockets:
        listener.close()
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(worker.wsgi, stop), name="worker", daemon=True)
    thread.start()
    while thread.is_alive() and worker.is_parent_alive():
        worker.notify()
        if not worker.alive:
            stop.set()
        thread.join(GLANCE_S)


def name_process(name: str) -> None:
    """Let `top` and `ps` tell what this process is for, in up to 15 characters."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def _work(app: Flask, stop: threading.Event) -> None:
    try:
        work(app, stop)
    except Exception:
        log.exception("the worker has failed and begins anew")
        stop.wait(AFTER_FAULT_S)


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
