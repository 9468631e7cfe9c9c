"""Answers on their way out: what somebody has not taken yet waits in a file, and no thread waits for them.

The server's loop sends it on as the other side takes it. Only an export that is far ahead of its reader waits for that.
"""

import errno
import socket
import struct
import threading
import time
from collections.abc import Callable
from tempfile import SpooledTemporaryFile

from request_reader import SILENCE_S, Pace

CHUNK, IN_MEMORY = 256 << 10, 64 << 10
# How far an answer may be ahead of its reader, and all of a process's answers together. A page goes ahead in any case.
PAGE, MOST_AHEAD, MOST_IN_ALL = 1 << 20, 64 << 20, 512 << 20
# So much may lie unsent in the kernel's own memory, which would else take some MB for each who takes nothing (tcp(7)).
MOST_IN_KERNEL = 128 << 10
# Whoever is hung up on has nothing more sent to them by the kernel either (socket(7)).
AT_ONCE = struct.pack("ii", 1, 0)


def _tell_nobody() -> None:
    """Have nothing sent on: the connection has ended."""


class Waiting:
    """The bytes of all answers of a process that wait to be taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.bytes = 0

    def add(self, number: int) -> None:
        with self._lock:
            self.bytes += number


class Outgoing:
    """Takes a connection's answers in where gunicorn expects its socket: `sendall` for a thread, and the rest for the loop."""

    def __init__(self, sock: socket.socket, tell_loop: Callable[[], None], waiting: Waiting) -> None:
        self.socket = sock
        self._tell_loop, self._in_all = tell_loop, waiting
        self._changed = threading.Condition()
        self._kept: SpooledTemporaryFile[bytes] | None = None
        self._written = self._taken = 0
        self._since = 0.0
        self.is_broken = False
        """Whether the other side is given up on."""

    def fileno(self) -> int:
        return self.socket.fileno()

    def sendall(self, data: bytes) -> None:
        """Send it, or keep for later what can't be sent now. Raises BrokenPipeError."""
        with self._changed:
            self._changed.wait_for(lambda: self.is_broken or self._may_go_ahead())
            if self.is_broken:
                raise BrokenPipeError(errno.EPIPE, "nobody takes the answer")
            rest = memoryview(data)[0 if self._kept else self._send(data) :]
            if rest:
                self._keep(rest)

    def setblocking(self, _flag: bool) -> None:  # noqa: FBT001  as sockets have it
        """Nothing that is sent or kept here ever blocks."""

    def shutdown(self, _how: int) -> None:
        """Refuse to end the connection: gunicorn would, where an answer fails halfway, and the loop does so itself."""
        raise OSError(errno.ENOTCONN, "the loop ends it")

    def close(self) -> None:
        """Leave that to the loop, too."""

    @property
    def is_taken(self) -> bool:
        """Tell whether nothing waits to be taken."""
        return self._kept is None

    def is_late(self, now: float) -> bool:
        """Tell whether what waits is taken too slowly."""
        return not self.is_taken and Pace(self._since, SILENCE_S).is_lost(now, self._taken)

    def send_on(self) -> None:
        """Send a part of what waits. Raises OSError where the connection is broken."""
        with self._changed:
            if self._kept:
                self._kept.seek(self._taken)
                self._count(-self._send(self._kept.read(CHUNK)))
                if self._taken == self._written:
                    self._forget()
                self._changed.notify_all()

    def break_off(self) -> None:
        """Give up on the other side; a thread that still writes is told."""
        with self._changed:
            self.is_broken = True
            self._forget()
            self._changed.notify_all()

    def hang_up(self) -> None:
        if self.is_broken:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self.socket.close()
        self._tell_loop = _tell_nobody  # which names the connection, and that holds all that has come

    def _may_go_ahead(self) -> bool:
        ahead = self._written - self._taken
        return ahead < PAGE or (ahead < MOST_AHEAD and self._in_all.bytes < MOST_IN_ALL)

    def _send(self, data: bytes) -> int:
        try:
            return self.socket.send(data)
        except BlockingIOError:
            return 0

    def _keep(self, data: memoryview) -> None:
        if self._kept is None:
            self._kept, self._since = SpooledTemporaryFile(IN_MEMORY), time.monotonic()  # noqa: SIM115  closed once all is taken
            self._tell_loop()
        self._kept.seek(self._written)
        self._kept.write(data)
        self._count(len(data))

    def _count(self, number: int) -> None:
        """Note how many bytes more wait, or how many fewer."""
        self._in_all.add(number)
        if number > 0:
            self._written += number
        else:
            self._taken -= number

    def _forget(self) -> None:
        if self._kept:
            self._in_all.add(self._taken - self._written)
            self._kept.close()
            self._kept, self._written, self._taken = None, 0, 0
