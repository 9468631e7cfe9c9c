"""What may go wrong around us, and passes: a database that is away or takes no changes for a while, a disk without room."""

import errno
from enum import StrEnum

from sqlalchemy import exc
from sqlalchemy.exc import DBAPIError, OperationalError

from database import UNCONFIRMED_CODE


class Fault(StrEnum):
    """What keeps the database from doing what it is asked."""

    AWAY = "away"
    """It can't be reached, or is too busy."""
    FULL = "full"
    """The disk takes nothing more."""
    READ_ONLY = "read only"
    """It answers, and takes no changes: a standby, or a file or server that somebody has made read-only."""
    SLOW = "slow"
    """It ended a statement that took longer than it allows."""
    UNCONFIRMED = "unconfirmed"
    """It has stored a change, and no replica has confirmed that."""


NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# postgresql.org/docs/current/errcodes-appendix.html, whole codes before their classes: connection, rollback, resources,
# operator intervention, and lock_not_available.
POSTGRESQL = {
    UNCONFIRMED_CODE: Fault.UNCONFIRMED,
    "53100": Fault.FULL,
    "25006": Fault.READ_ONLY,
    "57014": Fault.SLOW,
    **dict.fromkeys(("08", "40", "53", "57P", "55P03"), Fault.AWAY),
}
# sqlite.org/rescode.html: FULL, IOERR; READONLY; BUSY, LOCKED, CANTOPEN.
SQLITE = {13: Fault.FULL, 10: Fault.FULL, 8: Fault.READ_ONLY, 5: Fault.AWAY, 6: Fault.AWAY, 14: Fault.AWAY}


def fault_of(error: BaseException) -> Fault | None:
    """Name what keeps the database or the disk from doing it; None for an error that does not pass by itself."""
    if isinstance(error, exc.TimeoutError):
        return Fault.AWAY
    if isinstance(error, OSError):
        return Fault.FULL if error.errno in NO_ROOM else None
    if not isinstance(error, DBAPIError):
        return None
    by_code = next((fault for code, fault in POSTGRESQL.items() if _pgcode(error).startswith(code)), None)
    unreached = Fault.AWAY if error.connection_invalidated or _is_unreached(error) else None
    return by_code or SQLITE.get(_sqlite_code(error)) or unreached


def is_full(error: BaseException) -> bool:
    """Tell whether the disk took nothing more."""
    return fault_of(error) is Fault.FULL


def _is_unreached(error: DBAPIError) -> bool:
    """What the driver itself says of a server has no code."""
    return isinstance(error, OperationalError) and getattr(error.orig, "pgcode", "none") is None


def _pgcode(error: DBAPIError) -> str:
    return getattr(error.orig, "pgcode", None) or ""


def _sqlite_code(error: DBAPIError) -> int:
    """The lowest byte is the kind of error, the others say more about it."""
    return (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF
