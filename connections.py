"""Connections of people: how long they are waited for, and how they end."""

import socket
import time
from dataclasses import dataclass

from request_reader import SILENCE_S, Pace, TooSlow

# How long somebody is listened to who has been answered, and longer the more they go on sending.
LEAVING_S, LEAVING_BYTES_A_SECOND = 5.0, 256 << 10


class PatientSocket(socket.socket):
    """Waits for a while only wherever it would block: who does not read an answer keeps no thread for ever."""

    def setblocking(self, flag: bool) -> None:  # noqa: FBT001  as the class above has it
        self.settimeout(SILENCE_S if flag else 0.0)


class ChunkedBody:
    """Reads a body of no told length from the connection, as long as it keeps its pace."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._pace, self._received = sock, Pace(time.monotonic(), SILENCE_S), 0

    def read(self, size: int, /) -> bytes:
        if self._pace.is_lost(time.monotonic(), self._received):
            raise TooSlow
        try:
            data = self._sock.recv(size)
        except TimeoutError:
            raise TooSlow from None
        self._received += len(data)
        return data


@dataclass
class Leaving:
    """Somebody who has been answered and may still be sending."""

    since: float
    discarded: int = 0

    def is_over(self, now: float) -> bool:
        return now - self.since > LEAVING_S + self.discarded / LEAVING_BYTES_A_SECOND
