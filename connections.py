"""Connections of people: how long they are waited for, and how they end."""

import select
import socket
import time
from dataclasses import dataclass

from request_reader import SILENCE_S, Pace, TooSlow

# How long somebody is listened to who has been answered, and longer the more they go on sending.
LEAVING_S, LEAVING_BYTES_A_SECOND = 5.0, 256 << 10


class ChunkedBody:
    """Reads a body of no told length from the connection, as long as it keeps its pace."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._pace, self._received = sock, Pace(time.monotonic(), SILENCE_S), 0

    def read(self, size: int, /) -> bytes:
        if self._pace.is_lost(time.monotonic(), self._received) or not self._comes():
            raise TooSlow
        data = self._sock.recv(size)
        self._received += len(data)
        return data

    def _comes(self) -> bool:
        """Wait until there is something to be read, or the end; tell whether there is."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        return bool(poll.poll(SILENCE_S * 1_000))


@dataclass
class Leaving:
    """Somebody who has been answered and may still be sending."""

    since: float
    discarded: int = 0

    def is_over(self, now: float) -> bool:
        return now - self.since > LEAVING_S + self.discarded / LEAVING_BYTES_A_SECOND
