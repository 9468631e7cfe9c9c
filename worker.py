"""Claim imports and run their next step: in a process that the server starts, or as `flask worker` in any number beside it."""

import logging
import os
import socket
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from functools import partial
from pathlib import Path

from flask import Flask, current_app
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError

import accounts
import audit
import memory
import school
from audit_outbox import Outbox
from database import empty_log, only_reading, write_if_free
from merge import clock_check, erase, figures, file_rewrite, record
from merge.imports import claims, discarding, steps
from merge.imports.states import BUSY
from merge.lease import LeaseLost
from models import Change, Import, KeptAnswer, db, now
from words import later

log = logging.getLogger(__name__)

NOT_ALLOWED = later(
    "Nothing was changed: the user who asked for this no longer has permission. Someone with permission can do it again."
)
POLL_S = 0.25
AFTER_FAULT_S = 2.0
TIDY_EVERY_S = 3600
LONGEST_UPLOAD = timedelta(days=1)
SENT_KEPT = timedelta(days=30)
COUNT_EVERY_S = 30
# What took seconds to count is worth a wait; without it the next who look would each count anew.
COUNTED_PATIENCE_MS = 5_000
LOG_EVERY_S = 10
REWRITE_EVERY_S = 300
# A download takes no longer, nor does a turn to write.
DELIVER_EVERY_S, LEFT_BEHIND_S = 60, 3600
# So that what takes long, such as counting a large school, is not done all the time.
REST = 20


def run_until_idle() -> int:
    """Run steps until no import waits, in the current app context, and give their number."""
    holder, steps = _holder(), 0
    while _run_next(holder):
        steps += 1
    return steps


def finish(import_id: int) -> str:
    """Run one import's steps, or wait for whoever runs them, until it needs a person again; give its state."""
    holder = _holder()
    while (state := _state(import_id)) in BUSY:
        if claims.claim(db.session(), holder, only=import_id) is None:
            time.sleep(POLL_S)
        else:
            _step(import_id, holder)
    return state


def work(app: Flask, stop: threading.Event) -> None:
    """Run steps until told to stop, and between them what is due; a database that is away for a while is waited for."""
    holder = _holder()
    chores = [
        Chore(partial(_tidy, app), TIDY_EVERY_S),
        Chore(count_school, COUNT_EVERY_S),
        Chore(_empty_log, LOG_EVERY_S),
        Chore(_rewrite_files, REWRITE_EVERY_S),
        Chore(partial(_deliver_audit, app), DELIVER_EVERY_S),
    ]
    while not stop.is_set():
        try:
            with app.app_context():
                worked = _run_next(holder)
                for chore in chores:
                    chore.do_if_due()
            if not worked:
                stop.wait(POLL_S)
        except SQLAlchemyError:
            log.exception("the worker can't reach the database and tries again")
            stop.wait(AFTER_FAULT_S)


def count_school() -> None:
    """Keep the figures that the dashboard shows up to date."""
    with only_reading():
        renewal = figures.renewal(db.session(), _zone())
        db.session.rollback()
    if renewal is not None:
        write_if_free(db.engine, renewal, COUNTED_PATIENCE_MS)


@dataclass
class Chore:
    """Something to be done every so many seconds, or less often if it takes long."""

    do: Callable[[], None]
    every_s: float
    due: float = 0.0

    def do_if_due(self) -> None:
        started = time.monotonic()
        if started < self.due:
            return
        try:
            self.do()
        finally:
            ended = time.monotonic()
            self.due = started + max(self.every_s, REST * (ended - started))


def start_beside(app: Flask) -> None:
    """Run imports in a thread of this process, which is Flask's own server: gunicorn has a process for them (server.py)."""
    threading.Thread(target=work, args=(app, threading.Event()), name="worker", daemon=True).start()


def _empty_log() -> None:
    empty_log(db.engine)


def _rewrite_files() -> None:
    """Rewrite the database's files where an erasure waits for that."""
    with only_reading():
        due = file_rewrite.is_due(db.session(), now().astimezone(_zone()))
        db.session.rollback()
    if due and not file_rewrite.rewrite_files(db.session(), db.engine):
        log.warning("the database's files could not be rewritten after an erasure, since they are in use; it is tried again")


def _deliver_audit(app: Flask) -> None:
    """Give the database the entries of the audit log that were left on the disk, such as by a process that was killed."""
    Outbox(Path(app.instance_path) / "audit").deliver(db.engine, LEFT_BEHIND_S)


def _tidy(app: Flask) -> None:
    """Let go of what has been kept for as long as the settings say; and of what was sent, in case it was to be sent again."""
    if not clock_check.is_trusted(db.session(), now()):
        return
    discarding.drop_old(db.session(), now() - app.config["KEEP_SHEETS"])
    if keep_waiting := app.config["KEEP_WAITING"]:
        discarding.drop_forgotten(db.session(), now() - keep_waiting)
    discarding.drop_strays(db.session(), app.config["UPLOADS"], now() - LONGEST_UPLOAD)
    audit.drop_before(db.session(), (now() - app.config["KEEP_AUDIT"]).astimezone(_zone()))
    if keep_deleted := app.config["KEEP_DELETED"]:
        erase.erase_deleted(db.session(), now() - keep_deleted)
    record.drop_tokens(db.session(), now() - SENT_KEPT)
    db.session.execute(delete(KeptAnswer).where(KeptAnswer.at < now() - SENT_KEPT))
    db.session.commit()


def _zone() -> tzinfo:
    return school.time_zone(db.session(), current_app.config["TIME_ZONE"], current_app.config["SERVER_TIME_ZONE"])


def _holder() -> str:
    return f"{socket.gethostname()[:24]}:{os.getpid()}:{uuid.uuid4().hex[:12]}"


def _run_next(holder: str) -> bool:
    """Run the next step that waits, and tell whether there was one."""
    import_id = _claim(holder)
    if import_id is None:
        return False
    _step(import_id, holder)
    return True


def _claim(holder: str) -> int | None:
    with only_reading():
        waiting = db.session.scalar(select(Import.id).where(claims.needs_worker()).limit(1))
        db.session.rollback()
    return None if waiting is None else claims.claim(db.session(), holder)


def _step(import_id: int, holder: str) -> None:
    try:
        if _is_allowed(import_id):
            steps.run_step(db.session(), import_id, holder)
        else:
            steps.fail(db.session(), import_id, holder, NOT_ALLOWED)
    except LeaseLost:
        log.info("import %s is no longer ours", import_id)
    finally:
        memory.hand_back()


def _is_allowed(import_id: int) -> bool:
    """Tell whether whoever asked for the next step may still have it: they may have lost their role since, or been shut out."""
    asked = select(Import.state, Import.kind, Import.actor, Import.applied_by, Change.actor.label("owner"))
    with only_reading():
        step = db.session.execute(asked.outerjoin(Change, Change.id == Import.change_id).where(Import.id == import_id)).one()
        actor = step.applied_by if step.state in ("applying", "undoing") and step.applied_by else step.actor
        others = step.state == "undoing" and step.owner != actor
        allowed = accounts.allowed(actor, "admin" if others or step.kind == "delete" else "editor")
        db.session.rollback()
    return allowed


def _state(import_id: int) -> str:
    with only_reading():
        state = db.session.scalar(select(Import.state).where(Import.id == import_id))
        db.session.rollback()
    assert state is not None
    return state
