"""Large bodies on their way in: each a file in one folder, which all processes of a machine share, count and bound."""

import fcntl
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from io import FileIO
from pathlib import Path
from typing import Any, NamedTuple


class Bounds(NamedTuple):
    """How many may be on their way at once."""

    in_all: int
    of_address: int
    of_user: int


# A school may share one network address. Nobody is asked who sends a form, only from where.
SHEETS, FORMS = Bounds(48, 32, 4), Bounds(64, 32, 32)
# So many sheets of the largest size there may be bytes of, in all.
MOST_SHEETS = 8


class NoSpace(Exception):
    """As much is on its way in as may be."""


class Spool:
    """Gives each body a file, as long as there are not too many, nor too many bytes announced."""

    def __init__(self, folder: Path, bounds: Bounds, most_bytes: int = sys.maxsize) -> None:
        self._folder, self._bounds, self._most_bytes = folder, bounds, most_bytes
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def open(self, length: int, address: str, user: str) -> "SpooledBody":
        """Make the file for a body of so many bytes, 0 if nobody knows. Raises NoSpace."""
        whose = (_short(address), _short(user))
        with self._alone():
            lying = [path.name.split("-") for path in self._lying()]
            if (
                len(lying) >= self._bounds.in_all
                or sum(name[1] == whose[0] for name in lying) >= self._bounds.of_address
                or sum(name[2] == whose[1] for name in lying) >= self._bounds.of_user
                or (lying and sum(int(name[0]) for name in lying) + length > self._most_bytes)
            ):
                raise NoSpace
            return SpooledBody(self._folder / "-".join([str(length), *whose, secrets.token_hex(8)]))

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other threads and processes from counting and adding meanwhile."""
        folder = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            yield
        finally:
            os.close(folder)

    def _lying(self) -> Iterator[Path]:
        """Give the files that somebody has; what a killed process has left behind goes."""
        for path in self._folder.iterdir():
            if _is_held(path):
                yield path
            else:
                path.unlink(missing_ok=True)


class SpooledBody(FileIO):
    """A file that is there for as long as it is open."""

    def __init__(self, path: Path) -> None:
        super().__init__(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "r+")
        fcntl.flock(self, fcntl.LOCK_EX)
        self._path = path

    def write(self, data: Any, /) -> int:
        """Write all of it, or raise OSError."""
        left = memoryview(data)
        while left:
            left = left[super().write(left) :]
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._path.unlink(missing_ok=True)
        super().close()


def _is_held(path: Path) -> bool:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def _short(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:16]
