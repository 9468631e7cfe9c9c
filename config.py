"""Settings from the environment, and the instance folder for what must persist."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

MEGABYTE = 1024 * 1024
POSTGRESQL = "postgresql+psycopg2://"
# So many forms may be on their way in at once; each holds a thread for as long as it takes on a slow line.
ARRIVING = 112
LOOPBACK = ("localhost", "127.0.0.1", "::1")


class Setting(NamedTuple):
    """A variable of the environment, as docs/settings.md tells of it."""

    name: str
    default: str
    does: str


SETTINGS = (
    Setting("DATABASE_URL", "SQLite in the instance folder", "the database: `postgresql://…` or `postgres://…`"),
    Setting(
        "DATABASE_REPLICA_URL",
        "",
        "a streaming replica of that PostgreSQL (best with `hot_standby_feedback = on`): the list, the dashboard and downloads "
        "are read from it while it is less than 30 seconds behind, and never before it has what their reader has written",
    ),
    Setting("SECRET_KEY", "made once, kept in the instance folder", "signs cookies and encrypts the keys of authenticator apps"),
    Setting(
        "SECRET_KEY_FALLBACKS",
        "",
        "earlier keys, with commas between them: what they signed still holds (in the instance folder: further lines of "
        "`secret_key`)",
    ),
    Setting(
        "FLASK_DEBUG", "", "`1` shows faults to whoever meets them, for who works on Rollbook; only on a machine of their own"
    ),
    Setting("HOST", "127.0.0.1", "where to serve"),
    Setting("PORT", "8000", "where to serve"),
    Setting("ROLLBOOK_ACCESS_LOG", "", "a file that names each request, or `-` for standard output; nobody's search is in it"),
    Setting("ROLLBOOK_INSTANCE", "`instance/`", "the folder for everything that persists"),
    Setting("ROLLBOOK_KEEP_AUDIT_DAYS", "730", "how long what is noted in the audit log is kept"),
    Setting(
        "ROLLBOOK_KEEP_DELETED_DAYS",
        "0",
        "how long the history of a student who was deleted is kept, before they are erased; 0 keeps it for ever",
    ),
    Setting("ROLLBOOK_KEEP_SHEETS_DAYS", "14", "how long a sheet's file and its staged rows are kept after its import has ended"),
    Setting("ROLLBOOK_MAIL_FROM", "rollbook@ and the name in `ROLLBOOK_URL`", "the sender of mail"),
    Setting("ROLLBOOK_MAX_FORM_MB", "1", "the most that any other page is sent"),
    Setting("ROLLBOOK_MAX_UPLOAD_MB", "512", "the largest sheet"),
    Setting(
        "ROLLBOOK_METRICS_TOKEN",
        "",
        "who sends it (`Authorization: Bearer …`) may read `/metrics` from elsewhere, too; without it, Prometheus has to run on "
        "the same machine",
    ),
    Setting(
        "ROLLBOOK_PROXIES",
        "0",
        "how many proxies stand in front; each has to add to `X-Forwarded-For` and pass `Host` on, and nothing else is believed "
        "of them",
    ),
    Setting("ROLLBOOK_SESSION_HOURS", "12", "after how long at most somebody has to sign in again"),
    Setting("ROLLBOOK_SESSION_IDLE_MINUTES", "120", "after how long without use somebody has to sign in again"),
    Setting(
        "ROLLBOOK_SMTP", "", "`smtp://user:password@host:port` or `smtps://…`: then invitations are mailed, beside being shown"
    ),
    Setting(
        "ROLLBOOK_TRACES",
        "",
        "an OpenTelemetry collector, such as `http://localhost:4318`, that is told how each request went; needs the packages of "
        "`requirements-traces.txt`",
    ),
    Setting(
        "ROLLBOOK_UPLOADS",
        "`uploads/` in the instance folder",
        "the folder for uploaded sheets; several servers and workers share one, mounted at the same place on each",
    ),
    Setting(
        "ROLLBOOK_URL",
        "`http://HOST:PORT`",
        "the address that people open: it stands in links, Rollbook answers to no other name but the machine's own, and with "
        "`https://…` cookies are for https only",
    ),
    Setting(
        "ROLLBOOK_WORKER", "inline", "`none`: the server starts no process that runs imports; start `flask worker` beside it"
    ),
)
DEFAULTS = {setting.name: setting.default for setting in SETTINGS}


@dataclass(frozen=True)
class Settings:
    """What the environment says, with defaults that need no setting up."""

    instance: Path
    database_url: str
    replica_url: str | None
    """A streaming replica of that database, for pages that may be a little old."""
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
    access_log: str | None
    """A file, "-" for standard output, or none."""
    metrics_token: str | None
    """With which /metrics may be read from elsewhere; without one, only on the machine itself."""
    traces: str | None
    """The address of an OpenTelemetry collector, where requests are traced."""
    worker: str
    debug: bool
    """Whether Flask shows faults to whoever meets them."""
    uploads: Path
    """Where uploaded sheets are kept; several servers share the folder."""
    max_upload: int
    """The largest sheet, in bytes."""
    max_form: int
    """The most that any other page takes, in bytes."""
    keep_sheets: timedelta
    """How long a sheet's file and staged rows are kept after its import has ended."""
    keep_audit: timedelta
    """How long what is noted in the audit log is kept."""
    keep_deleted: timedelta | None
    """How long the history of a student who was deleted is kept, before they are erased; None for ever."""

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
    host, port = environ.get("HOST") or DEFAULTS["HOST"], _whole(environ, "PORT")
    secret_key, *old_keys = _secret_keys(environ, instance / "secret_key")
    address = _url(environ, "ROLLBOOK_URL", "http", "https") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    settings = Settings(
        instance=instance,
        database_url=_database_url(environ.get("DATABASE_URL", ""), instance),
        replica_url=_replica_url(environ),
        secret_key=secret_key,
        old_secret_keys=tuple(old_keys),
        host=host,
        port=port,
        address=address.rstrip("/"),
        proxies=_whole(environ, "ROLLBOOK_PROXIES"),
        session_idle=timedelta(minutes=_whole(environ, "ROLLBOOK_SESSION_IDLE_MINUTES", least=1)),
        session_lifetime=timedelta(hours=_whole(environ, "ROLLBOOK_SESSION_HOURS", least=1)),
        smtp=_url(environ, "ROLLBOOK_SMTP", "smtp", "smtps"),
        mail_from=environ.get("ROLLBOOK_MAIL_FROM") or f"rollbook@{urlsplit(address).hostname}",
        metrics_token=environ.get("ROLLBOOK_METRICS_TOKEN") or None,
        access_log=environ.get("ROLLBOOK_ACCESS_LOG") or None,
        traces=_url(environ, "ROLLBOOK_TRACES", "http", "https"),
        worker=_one_of(environ, "ROLLBOOK_WORKER", "inline", "none"),
        debug=environ.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"),  # as Flask reads it
        uploads=Path(environ.get("ROLLBOOK_UPLOADS") or instance / "uploads").resolve(),
        max_upload=_whole(environ, "ROLLBOOK_MAX_UPLOAD_MB") * MEGABYTE,
        max_form=_whole(environ, "ROLLBOOK_MAX_FORM_MB", least=1) * MEGABYTE,
        keep_sheets=timedelta(days=_whole(environ, "ROLLBOOK_KEEP_SHEETS_DAYS")),
        keep_audit=timedelta(days=_whole(environ, "ROLLBOOK_KEEP_AUDIT_DAYS", least=1)),
        keep_deleted=timedelta(days=_whole(environ, "ROLLBOOK_KEEP_DELETED_DAYS")) or None,
    )
    settings.uploads.mkdir(mode=0o700, parents=True, exist_ok=True)
    return settings


def _database_url(url: str, instance: Path) -> str:
    return _named_driver(url) or f"sqlite:///{instance / 'rollbook.db'}"


def _replica_url(environ: Mapping[str, str]) -> str | None:
    url = _named_driver(environ.get("DATABASE_REPLICA_URL", ""))
    if url and not _named_driver(environ.get("DATABASE_URL", "")).startswith(POSTGRESQL):
        raise ValueError("DATABASE_REPLICA_URL names a replica, but only PostgreSQL has one: set DATABASE_URL to its primary.")
    if url and not url.startswith(POSTGRESQL):
        raise ValueError("DATABASE_REPLICA_URL has to begin with postgresql:// or postgres://.")
    return url or None


def _secret_keys(environ: Mapping[str, str], kept: Path) -> list[str]:
    """Give the key in force, then older ones."""
    if key := environ.get("SECRET_KEY"):
        return [key, *filter(None, (old.strip() for old in environ.get("SECRET_KEY_FALLBACKS", "").split(",")))]
    return _kept_secret(kept).split()


def _named_driver(url: str) -> str:
    """Name the driver; hosting services hand out addresses under either of PostgreSQL's names, and without one."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return POSTGRESQL + url.removeprefix(scheme)
    return url


def _kept_secret(path: Path) -> str:
    """Make the key once. O_EXCL, so that processes that start together agree on one."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(descriptor, "w") as file:
        file.write(secrets.token_urlsafe(48))
    return path.read_text().strip()


def _whole(environ: Mapping[str, str], name: str, least: int = 0) -> int:
    text = environ.get(name) or DEFAULTS[name]
    if not text.isdecimal() or int(text) < least:
        raise ValueError(f"{name} is “{text}”, but it has to be a whole number{f' from {least}' if least else ''}.")
    return int(text)


def _url(environ: Mapping[str, str], name: str, *schemes: str) -> str | None:
    text = environ.get(name)
    if text and not (urlsplit(text).scheme in schemes and urlsplit(text).hostname):
        raise ValueError(f"{name} has to begin with {' or '.join(f'{scheme}://' for scheme in schemes)}, and name a host.")
    return text or None


def _one_of(environ: Mapping[str, str], name: str, *choices: str) -> str:
    text = environ.get(name) or DEFAULTS[name]
    if text not in choices:
        raise ValueError(f"{name} is “{text}”, but it has to be one of: {', '.join(choices)}.")
    return text
