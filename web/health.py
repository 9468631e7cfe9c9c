"""What a machine asks: does the process live, does the database answer."""

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue
from sqlalchemy.exc import SQLAlchemyError

from config import VERSION
from database import write_problem
from disk_room import room_problem
from merge import search
from models import db
from web.access import public

health = Blueprint("health", __name__)


@health.get("/healthz")
@public
def alive() -> ResponseReturnValue:
    """Answer while the process lives, and which version of Rollbook it is."""
    return {"status": "ok", "version": VERSION}


@health.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    """Answer whether there is room, the database answers and takes changes, and whether search has to do without its index."""
    if full := room_problem(current_app.config["SETTINGS"].folders):
        return {"status": "there is no room left", "reason": full}, 503
    try:
        problem = write_problem(db.session.connection())
        indexed = search.is_indexed(db.session())
    except SQLAlchemyError:
        return {"status": "the database does not answer"}, 503
    if problem:
        return {"status": "the database takes no changes", "reason": problem}, 503
    return {"status": "ok"} if indexed else {"status": "ok", "search": search.PLAIN}
