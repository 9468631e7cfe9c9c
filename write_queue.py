"""The order in which SQLite's writers wait: threads of any number of processes on this machine, each in its turn.

SQLite itself has those who wait ask again and again, and whoever asks at the right moment is next; where many write, some of
them never are. Here whoever comes locks one byte of a file, whose number is the time at which they came, and waits until no
byte before it is locked. The kernel frees the byte of whoever ends or is killed, so nobody waits for a process that is gone.
"""

import fcntl
import os
import struct
import threading
import time
from collections import deque
from pathlib import Path

# How long others are left before they are asked again, in seconds and as a part of what has been waited so far.
SHORTEST_S, LONGEST_S, PART = 0.0005, 0.005, 0.02
# struct flock of Linux (fcntl(2)): kind, whence, start, length, process.
FLOCK = struct.Struct("hhqqi4x")


class WriteQueue:
    """Grants one turn at a time, in the order of arrival."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._here: deque[_Ticket] = deque()

    def take(self, timeout_s: float) -> bool:
        """Wait for a turn, and tell whether it came in time."""
        until = time.monotonic() + timeout_s
        ticket = self._queue_up()
        if ticket.first_here.wait(timeout_s) and ticket.waits_for_others(until):
            return True
        self._leave(ticket)
        return False

    def give(self) -> None:
        """End the turn that this process has."""
        self._leave(self._here[0])

    def __len__(self) -> int:
        """Count those of this process who wait, and the one who has the turn."""
        return len(self._here)

    def _queue_up(self) -> "_Ticket":
        # Within the guard, so that the order here is the order of the numbers.
        with self._guard:
            ticket = _Ticket(self._path)
            if not self._here:
                ticket.first_here.set()
            self._here.append(ticket)
            return ticket

    def _leave(self, ticket: "_Ticket") -> None:
        with self._guard:
            self._here.remove(ticket)
            ticket.tear_up()
            if self._here:
                self._here[0].first_here.set()


class _Ticket:
    """A place in the queue: an open file, and a lock on one byte of it."""

    def __init__(self, path: Path) -> None:
        self.first_here = threading.Event()
        """Set once nobody of this process is in front."""
        self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        # All processes of a machine share this clock.
        self._number = time.monotonic_ns()
        while not self._lock(fcntl.F_WRLCK):
            self._number += 1

    def waits_for_others(self, until: float) -> bool:
        """Wait until nobody is in front, and tell whether that was in time."""
        came = time.monotonic()
        while self._is_behind():
            now = time.monotonic()
            if now >= until:
                return False
            time.sleep(min(max(SHORTEST_S, PART * (now - came)), LONGEST_S, until - now))
        return True

    def tear_up(self) -> None:
        # By name, not only by closing the file: a process that was forked meanwhile holds it open, too.
        self._lock(fcntl.F_UNLCK)
        os.close(self._file)

    def _lock(self, kind: int) -> bool:
        try:
            fcntl.fcntl(self._file, fcntl.F_OFD_SETLK, FLOCK.pack(kind, os.SEEK_SET, self._number, 1, 0))
        except BlockingIOError:
            return False
        return True

    def _is_behind(self) -> bool:
        asked = FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, self._number, 0)
        return bool(FLOCK.unpack(fcntl.fcntl(self._file, fcntl.F_OFD_GETLK, asked))[0] != fcntl.F_UNLCK)
