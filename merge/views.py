"""Keep lists of students under names: a user's own, and those that others share."""

from collections.abc import Sequence

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

import database
from models import View

# More make no list to choose from.
MOST_SHOWN = 100
MOST_KEPT = 50


MAX_ADDRESS_LENGTH = 2_048


class TooLong(ValueError):
    """The list's address is longer than any that a person puts together."""


class TooMany(ValueError):
    """The user keeps as many views as fit."""


def visible(session: Session, user_id: int) -> Sequence[View]:
    """Give the user's own views and those that are shared, by name."""
    ours = select(View).where(or_(View.user_id == user_id, View.shared))
    return session.scalars(ours.order_by(View.name, View.id).limit(MOST_SHOWN)).all()


def own(session: Session, view_id: int, user_id: int) -> View | None:
    """Find a view of the user's own, and let nobody else change it until the next commit."""
    return session.scalar(select(View).where(View.id == view_id, View.user_id == user_id).with_for_update())


def add(session: Session, view: View) -> None:
    """Store a new view, and commit. Raises TooMany, and TooLong."""
    if len(view.address) > MAX_ADDRESS_LENGTH:
        raise TooLong
    database.lock(session, f"views of {view.user_id}")
    kept = select(func.count()).select_from(View).where(View.user_id == view.user_id)
    if (session.scalar(kept) or 0) >= MOST_KEPT:
        session.rollback()
        raise TooMany
    session.add(view)
    session.commit()


def drop(session: Session, view: View) -> None:
    session.delete(view)
    session.commit()
