"""Let each user have two exports at a time, over all processes: a large one takes a processor for a minute."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from flask import current_app
from werkzeug.exceptions import TooManyRequests

from web.access import user_id

AT_ONCE = 2
RETRY_AFTER_S = 10


class TooManyExports(TooManyRequests):
    """As many exports of the user's are under way as one may have."""


class Slot:
    """One of a user's places, until it is closed or nobody holds it any more."""

    def __init__(self, path: Path) -> None:
        """Take it. Raises BlockingIOError where another export has it."""
        self._file: int | None = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let the next one have it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __enter__(self) -> "Slot":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    __del__ = close


def take_slot() -> Slot:
    """Take one of the user's places; the system frees it where its process dies. Raises TooManyExports."""
    folder = Path(current_app.instance_path) / "exports"
    folder.mkdir(exist_ok=True)
    for number in range(AT_ONCE):
        with suppress(BlockingIOError):
            return Slot(folder / f"{user_id()}.{number}")
    raise TooManyExports(retry_after=RETRY_AFTER_S)
