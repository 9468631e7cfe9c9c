"""What may go wrong around us, and passes: a database that is away for a while, a disk that has no room."""

import errno

from sqlalchemy import exc
from sqlalchemy.exc import DBAPIError, OperationalError

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# PostgreSQL, appendix A: disk_full; and classes of errors: connection, rollback, resources, operator, and lock_not_available.
DISK_FULL = "53100"
PASSING = ("08", "40", "53", "57P", "55P03")
# sqlite.org/rescode.html: FULL, IOERR; and BUSY, LOCKED, CANTOPEN.
SQLITE_FULL = (13, 10)
SQLITE_AWAY = (5, 6, 14)


def is_full(error: BaseException) -> bool:
    """Tell whether the disk took nothing more."""
    if isinstance(error, DBAPIError):
        return _pgcode(error) == DISK_FULL or _sqlite_code(error) in SQLITE_FULL
    return isinstance(error, OSError) and error.errno in NO_ROOM


def is_away(error: BaseException) -> bool:
    """Tell whether the database could not be reached, or was too busy, and may do the same thing later."""
    if isinstance(error, exc.TimeoutError):
        return True
    if not isinstance(error, DBAPIError) or is_full(error):
        return False
    away = _pgcode(error).startswith(PASSING) or _sqlite_code(error) in SQLITE_AWAY
    return error.connection_invalidated or away or _is_unreached(error)


def _is_unreached(error: DBAPIError) -> bool:
    """What the driver itself says of a server has no code."""
    return isinstance(error, OperationalError) and getattr(error.orig, "pgcode", "none") is None


def _pgcode(error: DBAPIError) -> str:
    return getattr(error.orig, "pgcode", None) or ""


def _sqlite_code(error: DBAPIError) -> int:
    """The lowest byte is the kind of error, the others say more about it."""
    return (getattr(error.orig, "sqlite_errorcode", None) or 0) & 0xFF
