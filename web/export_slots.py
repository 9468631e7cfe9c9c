"""Let each user have two exports at a time, over all processes: a large one takes a processor for a minute."""

import fcntl
from pathlib import Path
from typing import IO

from flask import current_app
from werkzeug.exceptions import TooManyRequests

from web.access import user_id

AT_ONCE = 2
RETRY_AFTER_S = 10


class TooManyExports(TooManyRequests):
    """As many exports of the user's are under way as one may have."""


def take_slot() -> IO[bytes]:
    """Take one of the user's places, until it is closed; the system frees it where its process dies. Raises TooManyExports."""
    folder = Path(current_app.instance_path) / "exports"
    folder.mkdir(exist_ok=True)
    for number in range(AT_ONCE):
        slot = (folder / f"{user_id()}.{number}").open("wb")
        try:
            fcntl.flock(slot, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            slot.close()
        else:
            return slot
    raise TooManyExports(retry_after=RETRY_AFTER_S)
