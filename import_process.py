"""The process that runs imports, which the server starts beside those that answer people."""

import logging
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from flask import Flask

from worker import AFTER_FAULT_S, work

log = logging.getLogger(__name__)

GLANCE_S = 0.2


def run_imports(process: Any) -> None:
    """Run imports until gunicorn's process is to stop: a step that is under way then has as long as a request has."""
    name_process("rollbook-import")
    for listener in process.sockets:
        listener.close()
    stop = threading.Event()
    thread = threading.Thread(target=_work, args=(process.wsgi, stop), name="worker", daemon=True)
    thread.start()
    while thread.is_alive() and process.is_parent_alive():
        process.notify()
        if not process.alive:
            stop.set()
        thread.join(GLANCE_S)


def name_process(name: str) -> None:
    """Let `top` and `ps` tell what this process is for, in up to 15 characters."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name)


def _work(app: Flask, stop: threading.Event) -> None:
    try:
        work(app, stop)
    except Exception:
        log.exception("the worker has failed and begins anew")
        stop.wait(AFTER_FAULT_S)
