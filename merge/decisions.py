"""A decision on an import holds for what was seen: it names the version of the import that its page showed."""

from sqlalchemy import ColumnElement, and_, select
from sqlalchemy.orm import Session

from models import Import


class WrongState(RuntimeError):
    """The import is not as it was shown to whoever decided: its state or its plan has changed, or never allowed that."""


def as_shown(import_id: int, version: int | None, *states: str) -> ColumnElement[bool]:
    """The import, if it is still what somebody saw who decided; never for a decision that does not say what it saw."""
    return and_(Import.id == import_id, Import.state.in_(states), Import.version == version)


def lock_preview(session: Session, import_id: int, version: int | None) -> Import:
    """Keep everybody else from deciding on a previewed import until the transaction ends, and raise its version.

    Whoever changes the plan of its rows does so within that transaction. Raises WrongState.
    """
    shown = select(Import).where(as_shown(import_id, version, "ready")).with_for_update()
    import_ = session.scalar(shown.execution_options(populate_existing=True))
    if import_ is None:
        session.rollback()
        raise WrongState
    import_.version += 1
    return import_
