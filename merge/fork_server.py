"""A process that has loaded what reads sheets, and forks itself for each sheet: to load it anew would take a second.

It is shared by all processes that were forked from the one that started it, knows nothing of the database or of any
secret, and ends when the last of them has. The socket between them takes one message for each job, which lends the
child a socket of its own: the job is read from that, and the answers are written to it.
"""

import atexit
import errno
import gc
import importlib
import marshal
import os
import signal
import socket
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from merge.limits import WALL_SECONDS, confine_this_process
from merge.problems import SheetRefused

ROOT = Path(__file__).parent.parent
LENGTH_BYTES = 8
ITEM, REFUSED, FAILED, ENDED = range(4)
NO_MORE = object()

_lock = threading.Lock()
_control: socket.socket | None = None


def start() -> None:
    """Start it, unless it runs."""
    with _lock:
        if _control is None:
            _start()


def ask() -> socket.socket:
    """Have a child forked, and give the socket on which it waits for its job."""
    ours, childs = socket.socketpair()
    with childs, _lock:
        try:
            _lend(childs)
        except OSError:  # it was killed, or was never started
            _start()
            _lend(childs)
    return ours


def send(connection: socket.socket, kind: int, value: Any) -> None:
    """Write a message of plain values, in the form that is quickest; only our own processes write it."""
    text = marshal.dumps((kind, value), 2)
    connection.sendall(len(text).to_bytes(LENGTH_BYTES, "big"))
    connection.sendall(text)


def receive(connection: socket.socket) -> tuple[int, Any]:
    """Read a message. Raises EOFError where the other side has ended in the middle."""
    text = _read(connection, int.from_bytes(_read(connection, LENGTH_BYTES), "big"))
    read: tuple[int, Any] = marshal.loads(text)  # noqa: S302  our own child has written it
    return read


def _lend(connection: socket.socket) -> None:
    if _control is None:
        raise OSError
    socket.send_fds(_control, [b"\0"], [connection.fileno()])


def _start() -> None:
    global _control
    _end()
    _control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        # No environment: the database's address and the secret key are none of a sheet's business. And a process group of
        # its own, so that who stops the server by a key lets it end what it is at.
        command = [sys.executable, "-P", "-m", "merge.fork_server"]
        environment = {"PYTHONUTF8": "1", "PYTHONPATH": str(ROOT)}
        standing_in = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), 0)]
        os.posix_spawn(sys.executable, command, environment, file_actions=standing_in, setpgroup=0)


@atexit.register
def _end() -> None:
    """Let go of it; it ends once all others have."""
    if _control is not None:
        _control.close()


def _read(connection: socket.socket, size: int) -> bytearray:
    text = bytearray(size)
    view = memoryview(text)
    while view:
        got = connection.recv_into(view)
        if not got:
            raise EOFError
        view = view[got:]
    return text


def _serve(control: socket.socket) -> None:
    """Fork a child for each message, until nobody is left who could send one."""
    importlib.import_module("merge.stage")
    importlib.import_module("merge.workbook")
    importlib.import_module("merge.archive")
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the children
    while True:
        message, lent, _flags, _address = socket.recv_fds(control, 1, 1)
        if not message:
            return
        if os.fork() == 0:
            control.close()
            os.close(sys.stdin.fileno())
            _work(socket.socket(fileno=lent[0]))
        os.close(lent[0])


def _work(connection: socket.socket) -> None:
    """Be the child: do one job, within limits that the kernel holds it to."""
    try:
        _kind, (module, function, arguments, cpu_seconds) = receive(connection)
        confine_this_process(cpu_seconds)
        gc.disable()  # millions of cells and no cycles
        _answer(connection, getattr(importlib.import_module(module), function)(*arguments))
    except SheetRefused as refused:
        send(connection, REFUSED, refused.sentence.dump())
    except MemoryError:
        pass  # who asked sees that no answer comes
    except BaseException as error:
        if getattr(error, "errno", None) != errno.EFBIG:  # that one is a limit, too
            send(connection, FAILED, [getattr(error, "errno", None), traceback.format_exc()])
    finally:
        os._exit(0)


def _answer(connection: socket.socket, items: Any) -> None:
    """Send each item as it comes. The clock runs while one is made, and not while it waits to be taken."""
    while True:
        signal.setitimer(signal.ITIMER_REAL, WALL_SECONDS)
        item = next(items, NO_MORE)
        signal.setitimer(signal.ITIMER_REAL, 0)
        if item is NO_MORE:
            send(connection, ENDED, None)
            return
        send(connection, ITEM, item)


if __name__ == "__main__":
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # whatever was left open to be inherited
    _serve(socket.socket(fileno=os.dup(sys.stdin.fileno())))
