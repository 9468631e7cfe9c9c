"""Read and check sheets in a process of its own, which dies in our place where a file is made to hurt.

A valid workbook of 1.4 KB, whose two cells are the sheet's far corners, makes the reader ask for half a terabyte and abort.
"""

from collections.abc import Callable, Iterator
from typing import Any

from merge import fork_server
from merge.limits import CPU_SECONDS, TOO_MUCH, WALL_SECONDS
from merge.problems import SheetRefused
from words import Later

# The child's own clock ends it sooner.
PATIENCE_S = 2.0 * WALL_SECONDS


def stream(job: Callable[..., Iterator[Any]], *arguments: Any, cpu_seconds: int = CPU_SECONDS) -> Iterator[Any]:
    """Give what a generator of merge/ yields in the other process: plain values, as its arguments are. Raises SheetRefused."""
    with fork_server.ask() as connection:
        connection.settimeout(PATIENCE_S)
        try:
            fork_server.send(connection, fork_server.ITEM, (job.__module__, job.__name__, arguments, cpu_seconds))
            while (message := fork_server.receive(connection))[0] == fork_server.ITEM:
                yield message[1]
        except (OSError, EOFError):
            raise SheetRefused(TOO_MUCH) from None
    kind, told = message
    if kind == fork_server.REFUSED:
        raise SheetRefused(Later.load(told))
    if kind == fork_server.FAILED:
        number, text = told
        raise RuntimeError(text) if number is None else OSError(number, text)


def run(job: Callable[..., Iterator[Any]], *arguments: Any) -> Any:
    """Give the one value that a generator yields there. Raises SheetRefused."""
    (value,) = stream(job, *arguments)
    return value
