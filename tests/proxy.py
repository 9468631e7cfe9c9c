"""Something between two ends of a network that passes on what it gets, until it is cut."""

import socket
import threading
from contextlib import suppress

CHUNK = 1 << 16


class Proxy:
    """Listens on a port of its own for connections to another port of this machine."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._lost = False
        self._ends: list[socket.socket] = []
        self._pumps: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def cut(self) -> None:
        """Cut every connection that there is; new ones are let through."""
        for end in self._ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        for pump in self._pumps:
            pump.join()
        for end in self._ends:
            end.close()
        self._ends, self._pumps = [], []

    def lose(self) -> None:
        """Cut every connection, and let no new one through."""
        self._lost = True
        self.cut()

    def find(self) -> None:
        """Let connections through again."""
        self._lost = False

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                self._connect(self._listener.accept()[0])

    def _connect(self, near: socket.socket) -> None:
        if self._lost:
            near.close()
            return
        try:
            far = socket.create_connection(("127.0.0.1", self._target))
        except ConnectionRefusedError:
            near.close()
            return
        self._ends += (near, far)
        for ends in ((near, far), (far, near)):
            pump = threading.Thread(target=_pass_on, args=ends)
            self._pumps.append(pump)
            pump.start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
