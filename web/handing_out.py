"""Note in the audit log what is handed out, before it is."""

from pathlib import Path

from flask import current_app
from sqlalchemy.exc import OperationalError

import audit
from audit import Act
from audit_outbox import Outbox, Unwritten
from database import aside_writers
from models import db

FOLDER = "audit"


def outbox() -> Outbox:
    return Outbox(Path(current_app.instance_path) / FOLDER)


def note_handed_out(act: Act, about: str | None = None, **details: str | int) -> None:
    """Note it, in the database or on the disk. Raises OSError where neither can be: then nothing may be handed out."""
    try:
        with aside_writers(db.engine, patient=False) as connection:
            connection.execute(audit.noting(act, about, actor=None, **details))
    except OperationalError:
        begin_to_hand_out(act, about, **details).settle(db.engine)


def begin_to_hand_out(act: Act, about: str | None = None, **details: str | int) -> Unwritten:
    """Note it on the disk, for what is not known as a whole before it is sent. Raises OSError where that can't be."""
    return outbox().keep(audit.entry(act, about, actor=None, **details))
