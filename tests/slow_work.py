"""Notices what is slow while SQLite's one write lock is held: a file that is read, a network, a hash of a password."""

import re
import sys
import sysconfig
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import Engine, event

import database
from merge import fork_server
from tests.server import ROOT

# docs.python.org/3/library/audit_events.html
SLOW = ("open", "socket.connect", "socket.getaddrinfo", "subprocess.Popen", "os.posix_spawn", "os.fork", "time.sleep")
# Programs, their texts, and what the kernel tells: none of it is somebody's file.
OUR_OWN = (str(ROOT), sys.prefix, sysconfig.get_path("stdlib"), sys.base_prefix, "/usr/", "/etc/", "/proc/", "/dev/", "/sys/")

# A few bytes by which a worker tells how far it is while nobody else can write (merge/lease.py).
TOLD = re.compile(r"\.(share|cancel)(\.new)?$")

_writing = threading.local()
_found: list[str] | None = None
_hears = False


@contextmanager
def noticing_slow_work(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Give what was slow while a transaction of the same thread was open that may write, each with where it was."""
    global _found, _hears
    if not _hears:
        sys.addaudithook(_hear)  # for good: there is no way to take one off
        _hears = True
    _found = []
    passwords = app.extensions["security"].pwd_context
    monkeypatch.setattr(database, "_begin_sqlite", _after(database._begin_sqlite, _begun))
    for owner, name in ((passwords, "hash"), (passwords, "verify"), (fork_server, "ask")):
        monkeypatch.setattr(owner, name, _after(getattr(owner, name), lambda *_, what=name: _note(what)))
    try:
        yield _found
    finally:
        _found = None


def _after(act: Callable[..., Any], then: Callable[..., None]) -> Callable[..., Any]:
    def acting(*args: Any, **kwargs: Any) -> Any:
        done = act(*args, **kwargs)
        then(*args)
        return done

    return acting


def _begun(*_args: Any) -> None:
    _writing.is_open = not database.reading.get()


@event.listens_for(Engine, "commit")
@event.listens_for(Engine, "rollback")
def _ended(_connection: Any) -> None:
    _writing.is_open = False


def _note(what: str) -> None:
    if _found is not None and getattr(_writing, "is_open", False):
        ours = [
            frame for frame in traceback.extract_stack() if frame.filename.startswith(str(ROOT)) and "lib" not in frame.filename
        ]
        places = [f"{frame.filename.removeprefix(f'{ROOT}/')}:{frame.lineno} {frame.name}" for frame in ours]
        _found.append(f"{what}: " + " > ".join(place for place in places if "slow_work" not in place))


def _hear(name: str, arguments: tuple[Any, ...]) -> None:
    if _found is None or name not in SLOW:
        return
    if name == "open" and (not isinstance(arguments[0], str) or arguments[0].startswith(OUR_OWN) or TOLD.search(arguments[0])):
        return
    _note(f"{name} {arguments[0]!r}")
