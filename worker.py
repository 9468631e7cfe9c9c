"""Claim imports and run their next step: in the web process, or as `flask worker` in any number beside it."""

import logging
import os
import socket
import threading
import time
import uuid

from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from database import only_reading
from merge import imports
from models import Import, db, now

log = logging.getLogger(__name__)

POLL_S = 0.25
AFTER_FAULT_S = 2.0
TIDY_EVERY_S = 3600


def run_until_idle() -> int:
    """Run steps until no import waits, in the current app context, and give their number."""
    holder = _holder()
    steps = 0
    while (import_id := _claim(holder)) is not None:
        _step(import_id, holder)
        steps += 1
    return steps


def finish(import_id: int) -> str:
    """Run one import's steps, or wait for whoever runs them, until it needs a person again; give its state."""
    holder = _holder()
    while (state := _state(import_id)) in imports.BUSY:
        if imports.claim(db.session(), holder, only=import_id) is None:
            time.sleep(POLL_S)
        else:
            _step(import_id, holder)
    return state


def work(app: Flask, stop: threading.Event) -> None:
    """Run steps until told to stop; a database that is away for a while is waited for."""
    tidied = float(-TIDY_EVERY_S)
    while not stop.is_set():
        try:
            with app.app_context():
                run_until_idle()
                if time.monotonic() - tidied > TIDY_EVERY_S:
                    tidied = time.monotonic()
                    imports.drop_old(db.session(), now() - app.config["KEEP_SHEETS"])
            stop.wait(POLL_S)
        except SQLAlchemyError:
            log.exception("the worker can't reach the database and tries again")
            stop.wait(AFTER_FAULT_S)


class InlineWorker:
    """Runs imports in a thread of the web process, from its first request on: after the server has forked."""

    def __init__(self, app: Flask) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ensure_running(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=work, args=(self._app, threading.Event()), name="worker", daemon=True)
                self._thread.start()


def _holder() -> str:
    return f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def _claim(holder: str) -> int | None:
    with only_reading():
        waiting = db.session.scalar(select(Import.id).where(Import.state.in_(imports.BUSY)).limit(1))
        db.session.rollback()
    return None if waiting is None else imports.claim(db.session(), holder)


def _step(import_id: int, holder: str) -> None:
    try:
        imports.run_step(db.session(), import_id, holder)
    except imports.LeaseLost:
        log.info("import %s is no longer ours", import_id)


def _state(import_id: int) -> str:
    with only_reading():
        state = db.session.scalar(select(Import.state).where(Import.id == import_id))
        db.session.rollback()
    assert state is not None
    return state
