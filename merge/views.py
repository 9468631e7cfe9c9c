"""Keep lists of students under names: a user's own, and those that others share."""

from collections.abc import Sequence

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from models import View

# More make no list to choose from.
MOST_SHOWN = 100


def visible(session: Session, user_id: int) -> Sequence[View]:
    """Give the user's own views and those that are shared, by name."""
    ours = select(View).where(or_(View.user_id == user_id, View.shared))
    return session.scalars(ours.order_by(View.name, View.id).limit(MOST_SHOWN)).all()


def keep(session: Session, view: View) -> None:
    """Store a view, new or changed, and commit."""
    session.add(view)
    session.commit()


def drop(session: Session, view: View) -> None:
    session.delete(view)
    session.commit()
