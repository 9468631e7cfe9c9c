"""gunicorn's worker: reads requests in its loop, answers them in threads, or runs imports; and the log it keeps.

A thread has to do with a request only once all of it is there: until then the loop waits for everybody at once. A body that is
larger than what anybody may send waits, too, until the app has said by the head alone that it may come. Nor does a thread wait
for who takes an answer: the loop sends on what they have not taken yet.
"""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from contextlib import suppress
from datetime import datetime
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE
from typing import Any
from urllib.parse import quote

from gunicorn.glogging import Logger
from gunicorn.http import errors, wsgi
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName, LimitRequestHeaders, LimitRequestLine
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker
from werkzeug.exceptions import (
    BadRequest,
    HTTPException,
    InternalServerError,
    RequestHeaderFieldsTooLarge,
    RequestURITooLarge,
)

from connections import ChunkedBody, Leaving
from import_process import name_process, run_imports
from outgoing import MOST_IN_KERNEL, Outgoing, Waiting
from request_reader import RequestReader, Step, TooSlow
from web.errors import refusal
from web.head_check import RETRY_AFTER_S, HeadAlone, TooManyArrive

# These are the app's own fault, not that of who asks.
OURS = (InvalidResponseHeader, InvalidResponseHeaderName)
GLANCE_S, LOOK_EVERY_S = 0.2, 0.5
CHUNK = 256 << 10
# Bodies without a length hold a thread each until they have come to their end. No browser sends any.
MOST_CHUNKED = 4
# Who is refused may still be sending, and sees the answer only after that: so many are listened to.
MOST_LEAVING = 64


class Worker(ThreadWorker):
    """Answers people, or runs imports, where that is its part.

    gunicorn's master looks after both kinds: one that dies is succeeded by another, and all end with the server.
    """

    runs_imports = False

    def share_out(self, others: Iterable["Worker"], number: int) -> None:
        """Run imports if this process completes the number and none of those does that will be there beside it, the latest."""
        staying = sorted(others, key=lambda other: other.age, reverse=True)[: number - 1]
        self.runs_imports = number > 1 and len(staying) == number - 1 and not any(other.runs_imports for other in staying)

    def init_process(self) -> None:
        # Each with the oldest first.
        self._waiting: dict[TConn, None] = {}
        self._sending: dict[TConn, None] = {}
        self._leaving: dict[TConn, Leaving] = {}
        self._untaken = Waiting()
        self._chunked = threading.BoundedSemaphore(MOST_CHUNKED)
        self._next_look = 0.0
        super().init_process()

    def run(self) -> None:
        if self.runs_imports:
            run_imports(self)
        else:
            name_process("rollbook-pages")
            super().run()
            for conn in self._sending:
                conn.sock.break_off()  # a thread that waits would keep the process from ending

    def enqueue_req(self, conn: TConn) -> None:
        """Wait for a request on a new connection; if there are too many, give up the one that has kept us waiting longest."""
        with suppress(OSError):  # not of a connection by TCP
            conn.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, MOST_IN_KERNEL)
        conn.sock = Outgoing(conn.sock, partial(self.method_queue.defer, self._send, conn), self._untaken)
        conn.then = None
        conn.parser = RequestReader(self.cfg, conn.client)
        conn.initialized = conn.data_ready = True
        self._wait(conn)
        if self.nr_conns >= self.worker_connections:
            self._make_room(conn)

    def finish_request(self, conn: TConn, answering: Future[bool]) -> None:
        """Wait for the next request once one is answered, or hang up."""
        keep = answering.exception() is None and answering.result()
        self._once_taken(conn, self._await_next if keep else self._leave)

    def murder_pending(self) -> None:
        """Give up on those who are late; gunicorn calls this all the time."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_EVERY_S
        keepalive_s = self.cfg.keepalive if self.alive else min(self.cfg.keepalive, STOP_KEEPALIVE_LINGER)
        for conn in [conn for conn in self._waiting if conn.parser.is_late(now, keepalive_s)]:
            self._refuse(conn, TooSlow())
        for conn in [conn for conn in self._sending if conn.sock.is_late(now)]:
            self._give_up(conn)
        for conn in [conn for conn, leaving in self._leaving.items() if leaving.is_over(now)]:
            self._hang_up(conn)

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: BaseException) -> None:  # noqa: ARG002  gunicorn's
        """Answer with a page of ours; what gunicorn would log and show of it are the sender's own words."""
        self.log.warning("a request was refused: %s", type(exc).__name__)
        with suppress(OSError):
            client.sendall(refusal(self.wsgi, _as_ours(exc)))

    def _go_on(self, conn: TConn, take_in: Callable[[], Step]) -> None:
        try:
            step = take_in()
        except Exception as error:
            self._refuse(conn, error)
            return
        if step is Step.WAIT:
            self._wait(conn)
        elif step is Step.ASK:
            self._hand_over(conn, self._ask, self._asked)
        else:
            self._hand_over(conn, self.handle, self.finish_request)

    def _wait(self, conn: TConn) -> None:
        if conn not in self._waiting:
            self._waiting[conn] = None
            self.poller.register(conn.sock, EVENT_READ, partial(self._read, conn))
        if conn.parser.continue_due:
            conn.parser.continue_due = False
            with suppress(OSError):
                conn.sock.socket.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _read(self, conn: TConn, _sock: object) -> None:
        try:
            data = conn.sock.socket.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._drop(conn)
            return
        self._go_on(conn, partial(conn.parser.receive, data) if data else conn.parser.end)

    def _hand_over(self, conn: TConn, act: Callable[[TConn], bool], then: Callable[[TConn, Future[bool]], None]) -> None:
        """Have a thread do something about a connection, and the loop go on from there."""
        self._stop_waiting(conn)
        self.tpool.submit(act, conn).add_done_callback(lambda done: self.method_queue.defer(then, conn, done))

    def _ask(self, conn: TConn) -> bool:
        """Ask the app whether the body may come, and tell; if not, its answer is sent."""
        begun, request = datetime.now(), conn.parser.request  # noqa: DTZ005  gunicorn's log wants the difference of two
        body, request.body = request.body, HeadAlone()
        answer, environ = wsgi.create(request, conn.sock, conn.client, conn.server, self.cfg)
        pages = self.wsgi({**environ, "wsgi.multithread": True}, answer.start_response)
        conn.place, request.body = request.body.place, body
        try:
            if conn.place is None:
                request.force_close()
                for page in pages:
                    answer.write(page)
                answer.close()
                self.log.access(answer, request, environ, datetime.now() - begun)  # noqa: DTZ005
        finally:
            pages.close()
        return conn.place is not None

    def _asked(self, conn: TConn, asking: Future[bool]) -> None:
        error = asking.exception()
        if error is not None and not isinstance(error, OSError):
            self._refuse(conn, error)
        elif error is not None or not asking.result():
            self._once_taken(conn, self._leave)
        else:
            self._take_body(conn)

    def _take_body(self, conn: TConn) -> None:
        if not conn.parser.is_chunked:
            self._go_on(conn, partial(conn.parser.accept, conn.place))
        elif self._chunked.acquire(blocking=False):
            conn.parser.accept_chunked(conn.place, ChunkedBody(conn.sock.socket))
            self._hand_over(conn, self._handle_chunked, self.finish_request)
        else:
            conn.place.close()
            self._refuse(conn, TooManyArrive(retry_after=RETRY_AFTER_S))

    def _handle_chunked(self, conn: TConn) -> bool:
        try:
            return bool(self.handle(conn))
        finally:
            self._chunked.release()

    def _refuse(self, conn: TConn, error: BaseException) -> None:
        """Say what is wrong with what has come, to who has sent anything."""
        if conn.parser.is_idle:
            self._drop(conn)
        else:
            self._hand_over(conn, partial(self._say, error), lambda conn, _said: self._once_taken(conn, self._leave))

    def _say(self, error: BaseException, conn: TConn) -> bool:
        self.handle_error(None, conn.sock, conn.client, error)
        return False

    def _once_taken(self, conn: TConn, then: Callable[[TConn], None]) -> None:
        """Be done with a request's body, and go on once all that was answered is taken; with who is given up on, never."""
        conn.parser.close()
        if conn.sock.is_broken:
            self._end(conn)
        elif conn.sock.is_taken:
            then(conn)
        else:
            conn.then = then

    def _send(self, conn: TConn) -> None:
        """Begin to send what waits to be taken."""
        if conn not in self._sending and not conn.sock.is_taken:
            self._sending[conn] = None
            self.poller.register(conn.sock, EVENT_WRITE, partial(self._send_on, conn))

    def _send_on(self, conn: TConn, _sock: object) -> None:
        try:
            conn.sock.send_on()
        except OSError:
            self._give_up(conn)
            return
        if conn.sock.is_taken:
            self._stop_sending(conn)

    def _stop_sending(self, conn: TConn) -> None:
        del self._sending[conn]
        self.poller.unregister(conn.sock)
        then, conn.then = conn.then, None
        if then:
            self._once_taken(conn, then)

    def _give_up(self, conn: TConn) -> None:
        """Hang up on who does not take an answer; where a thread still writes it, once that has noticed."""
        conn.sock.break_off()
        self._stop_sending(conn)

    def _make_room(self, conn: TConn) -> None:
        """Give up the one that has kept us waiting longest for a request, or else for an answer to be taken."""
        silent = next((other for other in self._waiting if other.parser.request is None and other is not conn), None)
        if silent is None and self._sending:
            self._give_up(next(iter(self._sending)))
        else:
            self._drop(silent or conn)

    def _await_next(self, conn: TConn) -> None:
        conn.parser.next_request()
        self._go_on(conn, partial(conn.parser.receive, b""))

    def _leave(self, conn: TConn) -> None:
        """Send no more, and listen until the other side hangs up: it may not have read the answer yet."""
        try:
            conn.sock.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self._end(conn)
            return
        self.nr_conns -= 1
        if len(self._leaving) >= MOST_LEAVING:
            self._hang_up(next(iter(self._leaving)))
        self._leaving[conn] = Leaving(time.monotonic())
        self.poller.register(conn.sock, EVENT_READ, partial(self._discard, conn))

    def _discard(self, conn: TConn, _sock: object) -> None:
        try:
            # The kernel throws away what has come, and only counts it (tcp(7)).
            number = len(conn.sock.socket.recv(1 << 20, socket.MSG_TRUNC))
        except BlockingIOError:
            return
        except OSError:
            number = 0
        self._leaving[conn].discarded += number
        if not number:
            self._hang_up(conn)

    def _hang_up(self, conn: TConn) -> None:
        del self._leaving[conn]
        self.poller.unregister(conn.sock)
        conn.sock.hang_up()

    def _drop(self, conn: TConn) -> None:
        """Hang up on who waits for no answer."""
        self._stop_waiting(conn)
        self._end(conn)

    def _end(self, conn: TConn) -> None:
        self.nr_conns -= 1
        conn.parser.close()
        conn.sock.hang_up()

    def _stop_waiting(self, conn: TConn) -> None:
        if conn in self._waiting:
            del self._waiting[conn]
            self.poller.unregister(conn.sock)


# What follows was signed for one browser: no log has it.
TOKEN_IN_PATH = re.compile(r"^(.*/(?:(?:login|verify)/passkey|profile/(?:passkeys|authenticator))/).+")


class Log(Logger):
    """Writes a path as it stands in its address, where a line break is %0A and begins no line of the log."""

    def atoms(self, resp: Any, req: Any, environ: dict[str, Any], request_time: Any) -> dict[str, Any]:
        path = TOKEN_IN_PATH.sub(r"\1…", quote(environ.get("PATH_INFO", ""), encoding="latin-1"))
        return {**super().atoms(resp, req, environ, request_time), "U": path}


def _as_ours(error: BaseException) -> Exception:
    """Give the error that says the same where the app words its refusals."""
    if isinstance(error, LimitRequestLine):
        return RequestURITooLarge()
    if isinstance(error, LimitRequestHeaders):
        return RequestHeaderFieldsTooLarge()
    if type(error).__module__ == errors.__name__ and not isinstance(error, OURS):
        return BadRequest()
    return error if isinstance(error, HTTPException | OSError) else InternalServerError(original_exception=error)
