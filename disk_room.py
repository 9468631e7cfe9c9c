"""Whether a folder takes anything more: asked by trying, since quotas and limits count as much as the disk's own figures."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

# In bytes. With less, the next sheet or the next pages of the database's log fail.
LEAST_ROOM = 1 << 20


def room_problem(folders: Iterable[Path]) -> str | None:
    """Say in a sentence which folder takes nothing more, and why; None where all do."""
    for folder in dict.fromkeys(folders):
        try:
            with tempfile.TemporaryFile(dir=folder) as file:
                os.posix_fallocate(file.fileno(), 0, LEAST_ROOM)
        except OSError as error:
            return f"Nothing can be stored in {folder}: {error.strerror}. Make room there."
    return None
