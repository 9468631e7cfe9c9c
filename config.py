"""Settings from the environment, and the instance folder for what must persist."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

MEGABYTE = 1024 * 1024


@dataclass(frozen=True)
class Settings:
    """What the environment says, with defaults that need no setting up."""

    instance: Path
    database_url: str
    secret_key: str
    host: str
    port: int
    worker: str
    max_upload: int
    """The largest sheet, in bytes."""
    keep_sheets: timedelta
    """How long a sheet's file and staged rows are kept after its import has ended."""

    @property
    def uploads(self) -> Path:
        return self.instance / "uploads"


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings and make the instance folder. Raises ValueError with a sentence for a setting that can't be used."""
    instance = Path(environ.get("ROLLBOOK_INSTANCE") or Path(__file__).parent / "instance").resolve()
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    settings = Settings(
        instance=instance,
        database_url=_database_url(environ.get("DATABASE_URL", ""), instance),
        secret_key=environ.get("SECRET_KEY") or _kept_secret(instance / "secret_key"),
        host=environ.get("HOST") or "127.0.0.1",
        port=_whole(environ, "PORT", 8000),
        worker=_one_of(environ, "ROLLBOOK_WORKER", "inline", "none"),
        max_upload=_whole(environ, "ROLLBOOK_MAX_UPLOAD_MB", 512) * MEGABYTE,
        keep_sheets=timedelta(days=_whole(environ, "ROLLBOOK_KEEP_SHEETS_DAYS", 14)),
    )
    settings.uploads.mkdir(mode=0o700, exist_ok=True)
    return settings


def _database_url(url: str, instance: Path) -> str:
    """Name the driver; hosting services hand out addresses under either of PostgreSQL's names, and without one."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg2://" + url.removeprefix(scheme)
    return url or f"sqlite:///{instance / 'rollbook.db'}"


def _kept_secret(path: Path) -> str:
    """Make the key once. O_EXCL, so that processes that start together agree on one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def _whole(environ: Mapping[str, str], name: str, default: int) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal():
        raise ValueError(f"{name} is “{text}”, but it has to be a whole number.")
    return int(text)


def _one_of(environ: Mapping[str, str], name: str, *choices: str) -> str:
    text = environ.get(name) or choices[0]
    if text not in choices:
        raise ValueError(f"{name} is “{text}”, but it has to be one of: {', '.join(choices)}.")
    return text
