"""What the pages of an import share: which one it is, and where a reader goes on once a worker has had its turn."""

import time
from typing import Any

from flask import abort, current_app, request, url_for
from sqlalchemy import select

from database import reading
from merge.imports.states import BUSY
from models import Import, db

# A small sheet is read in less than this, so that most people never see the page that waits.
PATIENCE_S = 2.0
GLANCE_S = 0.05


def import_or_404(import_id: int) -> Import:
    return db.session.get(Import, import_id) or abort(404)


def import_as_it_is(import_id: int) -> Import:
    db.session.rollback()
    reading.set(True)  # a look must not wait for a worker that writes
    return db.session.get_one(Import, import_id, populate_existing=True)


def wait_for_worker(import_id: int) -> None:
    """Give the worker a moment, so that the answer to a small sheet is its preview at once."""
    db.session.rollback()
    reading.set(True)  # a look must not wait for the worker that it looks for
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and current_app.config["ROLLBOOK_WORKER"] == "inline":
        if db.session.scalar(select(Import.state).where(Import.id == import_id)) not in BUSY:
            break
        db.session.rollback()
        time.sleep(GLANCE_S)
    db.session.rollback()


def rows_page(import_id: int, verdict: str, anchor: str = "rows-heading") -> str:
    """Give the address of an import's rows with a verdict, where somebody is at work on them."""
    place: dict[str, Any] = {name: request.args[name] for name in ("q", "after", "before") if name in request.args}
    return url_for("imports.show", import_id=import_id, verdict=verdict, **place, _anchor=anchor)


def next_page(import_id: int) -> str:
    """Lead to the page of the columns where the sheet leaves a question open, else to what it would do."""
    asks = db.session.scalar(select(Import.questions.is_not(None)).where(Import.id == import_id))
    return url_for("imports.columns" if asks else "imports.show", import_id=import_id)
