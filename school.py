"""Choices for the whole school that are kept in the database, such as its time zone."""

from zoneinfo import ZoneInfo

from sqlalchemy import ScalarSelect, delete, insert, select
from sqlalchemy.orm import Session

from models import SchoolSetting
from time_zones import find_zone

TIME_ZONE = "time_zone"


def kept_time_zone() -> ScalarSelect[str]:
    """Select the name of the school's time zone, for a query that asks for more; NULL where none was chosen."""
    return select(SchoolSetting.value).where(SchoolSetting.name == TIME_ZONE).scalar_subquery()


def time_zone(session: Session, fixed: ZoneInfo | None, default: ZoneInfo) -> ZoneInfo:
    """Give the school's time zone: the server's setting, else what was chosen, else what the server's clock is set to."""
    return fixed or known_zone(session.scalar(select(kept_time_zone())), default)


def known_zone(name: str | None, default: ZoneInfo) -> ZoneInfo:
    """Find a zone that was chosen; the default where none was, or where this server does not know it."""
    return (find_zone(name) if name else None) or default


def choose_time_zone(session: Session, name: str) -> None:
    """Keep the school's time zone. Does not commit."""
    session.execute(delete(SchoolSetting).where(SchoolSetting.name == TIME_ZONE))
    session.execute(insert(SchoolSetting).values(name=TIME_ZONE, value=name))
