"""What a machine asks: does the process live, does the database answer."""

from flask import Blueprint
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from merge import search
from models import db
from web.access import public

health = Blueprint("health", __name__)


@health.get("/healthz")
@public
def alive() -> ResponseReturnValue:
    """Answer while the process lives."""
    return {"status": "ok"}


@health.get("/readyz")
@public
def ready() -> ResponseReturnValue:
    """Answer whether the database does, and whether search has to do without its index."""
    try:
        db.session.execute(select(1))
        indexed = search.is_indexed(db.session())
    except SQLAlchemyError:
        return {"status": "the database does not answer"}, 503
    return {"status": "ok"} if indexed else {"status": "ok", "search": search.PLAIN}
