"""Settings from the environment, and the instance folder for what must persist."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

MEGABYTE = 1024 * 1024
LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class Settings:
    """What the environment says, with defaults that need no setting up."""

    instance: Path
    database_url: str
    secret_key: str
    old_secret_keys: tuple[str, ...]
    """Keys that were in force before: what they signed still holds, and nothing new is signed with them."""
    host: str
    port: int
    address: str
    """Under which address people open Rollbook, such as https://rollbook.school.example."""
    proxies: int
    """How many proxies stand in front, each of which adds for whom it asks."""
    session_idle: timedelta
    session_lifetime: timedelta
    smtp: str | None
    """smtp://user:password@host:port, or smtps://…; None where nothing is mailed."""
    mail_from: str
    worker: str
    max_upload: int
    """The largest sheet, in bytes."""
    keep_sheets: timedelta
    """How long a sheet's file and staged rows are kept after its import has ended."""

    @property
    def uploads(self) -> Path:
        return self.instance / "uploads"

    @property
    def https(self) -> bool:
        return self.address.startswith("https://")

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that Rollbook answers to: its own, and those by which only its own machine can reach it."""
        return (urlsplit(self.address).hostname or "", self.host, *LOOPBACK)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings and make the instance folder. Raises ValueError with a sentence for a setting that can't be used."""
    instance = Path(environ.get("ROLLBOOK_INSTANCE") or Path(__file__).parent / "instance").resolve()
    instance.mkdir(mode=0o700, parents=True, exist_ok=True)
    host, port = environ.get("HOST") or "127.0.0.1", _whole(environ, "PORT", 8000)
    secret_key, *old_keys = _secret_keys(environ, instance / "secret_key")
    address = _url(environ, "ROLLBOOK_URL", "http", "https") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    settings = Settings(
        instance=instance,
        database_url=_database_url(environ.get("DATABASE_URL", ""), instance),
        secret_key=secret_key,
        old_secret_keys=tuple(old_keys),
        host=host,
        port=port,
        address=address.rstrip("/"),
        proxies=_whole(environ, "ROLLBOOK_PROXIES", 0),
        session_idle=timedelta(minutes=_whole(environ, "ROLLBOOK_SESSION_IDLE_MINUTES", 120, least=1)),
        session_lifetime=timedelta(hours=_whole(environ, "ROLLBOOK_SESSION_HOURS", 12, least=1)),
        smtp=_url(environ, "ROLLBOOK_SMTP", "smtp", "smtps"),
        mail_from=environ.get("ROLLBOOK_MAIL_FROM") or f"rollbook@{urlsplit(address).hostname}",
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


def _secret_keys(environ: Mapping[str, str], kept: Path) -> list[str]:
    """Give the key in force, then older ones."""
    if key := environ.get("SECRET_KEY"):
        return [key, *filter(None, (old.strip() for old in environ.get("SECRET_KEY_FALLBACKS", "").split(",")))]
    return _kept_secret(kept).split()


def _kept_secret(path: Path) -> str:
    """Make the key once. O_EXCL, so that processes that start together agree on one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def _whole(environ: Mapping[str, str], name: str, default: int, least: int = 0) -> int:
    text = environ.get(name) or str(default)
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"{name} is “{text}”, but it has to be a whole number{f' from {least}' if least else ''}.")
    return int(text)


def _url(environ: Mapping[str, str], name: str, *schemes: str) -> str | None:
    text = environ.get(name)
    if text and not (urlsplit(text).scheme in schemes and urlsplit(text).hostname):
        raise ValueError(f"{name} has to begin with {' or '.join(f'{scheme}://' for scheme in schemes)}, and name a host.")
    return text or None


def _one_of(environ: Mapping[str, str], name: str, *choices: str) -> str:
    text = environ.get(name) or choices[0]
    if text not in choices:
        raise ValueError(f"{name} is “{text}”, but it has to be one of: {', '.join(choices)}.")
    return text
