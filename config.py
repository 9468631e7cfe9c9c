"""Settings from the environment, and the instance folder for what must persist."""

import errno
import os
import re
import secrets
import socket
import stat
import tempfile
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import idna

from database_url import HIGHEST_PORT, POSTGRESQL, read_database_url, sqlite_url
from time_zones import find_zone, zone_of_server

VERSION: str = tomllib.loads((Path(__file__).parent / "pyproject.toml").read_text())["project"]["version"]

MEGABYTE = 1024 * 1024
# A thousand years of days, and no more than a date can be counted back by.
MOST, MOST_DIGITS, MOST_PROXIES = 365_000, 12, 16
# In characters: more keys than anybody keeps.
LONGEST_SECRET_FILE = 1 << 16
# More than a school needs; whoever has more students and cores sets WEB_CONCURRENCY.
MOST_WEB_PROCESSES = 4
# Two were measured to bring nearly twice the pages of one (benchmarks/processes.md); more were not measured.
MOST_ON_SQLITE = 2
# No “..”, which browsers take out of an address, and nothing that is written in more than one way.
SUB_PATH = r"(/(?!\.)[A-Za-z0-9._-]+)*/?"
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
        "a streaming replica of that PostgreSQL (best with `hot_standby_feedback = on`). Lists, the dashboard and "
        "exports are read from it while it is less than 30 seconds behind, and only if it has the reader's own changes",
    ),
    Setting(
        "SECRET_KEY",
        "created at the first start, in the instance folder",
        "signs cookies and encrypts the keys of authenticator apps",
    ),
    Setting(
        "SECRET_KEY_FALLBACKS",
        "",
        "earlier keys, separated by commas: what they signed is still valid (in the instance folder: further lines of "
        "`secret_key`)",
    ),
    Setting(
        "FLASK_DEBUG",
        "",
        "`1` shows errors in detail to anyone who opens a page; only for development, on your own machine",
    ),
    Setting("HOST", "127.0.0.1", "the address to listen on"),
    Setting("PORT", "8000", "the port to listen on"),
    Setting(
        "ROLLBOOK_ACCESS_LOG",
        "",
        "a file that lists each request, or `-` for standard output; searches are not in it",
    ),
    Setting("ROLLBOOK_INSTANCE", "`instance/`", "the folder for everything that Rollbook stores"),
    Setting("ROLLBOOK_KEEP_AUDIT_DAYS", "730", "how many days entries of the audit log are kept"),
    Setting(
        "ROLLBOOK_KEEP_DELETED_DAYS",
        "0",
        "how many days the history of a deleted student is kept before it is erased; 0 keeps it for ever",
    ),
    Setting("ROLLBOOK_KEEP_SHEETS_DAYS", "14", "how many days a sheet's file and rows are kept after its import has ended"),
    Setting(
        "ROLLBOOK_KEEP_WAITING_DAYS",
        "90",
        "after how many days an import that was not applied is deleted with its sheet; after half of them its page says "
        "so. 0 keeps it for ever",
    ),
    Setting("ROLLBOOK_MAIL_FROM", "rollbook@ and the name in `ROLLBOOK_URL`", "the sender of mail"),
    Setting("ROLLBOOK_MAX_FORM_MB", "1", "the largest form, apart from uploads"),
    Setting("ROLLBOOK_MAX_UPLOAD_MB", "512", "the largest sheet"),
    Setting(
        "ROLLBOOK_METRICS_TOKEN",
        "",
        "with it (`Authorization: Bearer …`), `/metrics` can be read from other machines; without it, only from the same machine",
    ),
    Setting(
        "ROLLBOOK_PROXIES",
        "0",
        "the number of proxies in front. Each has to add to `X-Forwarded-For` and pass `Host` on; their other headers "
        "are ignored",
    ),
    Setting("ROLLBOOK_SESSION_HOURS", "12", "the hours after which everyone has to sign in again"),
    Setting("ROLLBOOK_SESSION_IDLE_MINUTES", "120", "the minutes without use after which a user has to sign in again"),
    Setting("ROLLBOOK_SMTP", "", "`smtp://user:password@host:port` or `smtps://…`: invitations are then also mailed"),
    Setting(
        "ROLLBOOK_TIME_ZONE",
        "as chosen at set-up and on the Users page; before that, the server's own",
        "the school's time zone, such as `Europe/Berlin`, for the dates and times on pages, in filters and in exports. Where "
        "it is set, it can't be changed on pages",
    ),
    Setting(
        "ROLLBOOK_TRACES",
        "",
        "an OpenTelemetry collector, such as `http://localhost:4318`, that receives traces; needs the packages of "
        "`requirements-traces.txt`",
    ),
    Setting(
        "ROLLBOOK_UPLOADS",
        "`uploads/` in the instance folder",
        "the folder for uploaded sheets. Several servers and workers share one, mounted at the same place on each",
    ),
    Setting(
        "ROLLBOOK_URL",
        "`http://HOST:PORT`",
        "the address that people open. It is used in links, Rollbook answers to no other name except the machine's own, "
        "and with `https://…` cookies are for https only. It can have a path, such as `https://school.example/rollbook`",
    ),
    Setting(
        "ROLLBOOK_WORKER",
        "inline",
        "`none`: the server starts no process for imports; start `flask worker` beside it",
    ),
    Setting("TZ", "`/etc/localtime`, or UTC", "the time zone of the machine, which set-up suggests for the school"),
    Setting("WEB_CONCURRENCY", "one for each core, up to 4; on SQLite up to 2", "the number of web processes"),
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
    time_zone: ZoneInfo | None
    """The school's; None where that is chosen on pages."""
    server_time_zone: ZoneInfo
    """What this machine's clock is set to, for as long as nobody has chosen."""
    traces: str | None
    """The address of an OpenTelemetry collector, where requests are traced."""
    worker: str
    web_processes: int
    """How many processes answer people."""
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
    keep_waiting: timedelta | None
    """After how long an import that nobody has applied is deleted; None for never."""
    keep_audit: timedelta
    """How long what is noted in the audit log is kept."""
    keep_deleted: timedelta | None
    """How long the history of a student who was deleted is kept, before they are erased; None for ever."""

    @property
    def https(self) -> bool:
        return self.address.startswith("https://")

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where something is stored on this machine."""
        database = Path(self.database_url.removeprefix("sqlite:///")).parent if self.database_url.startswith("sqlite") else None
        return tuple(folder for folder in (self.instance, self.uploads, database) if folder is not None)

    @property
    def path(self) -> str:
        """What each address begins with, such as /rollbook; nothing where Rollbook has the whole name to itself."""
        return urlsplit(self.address).path

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names that Rollbook answers to: its own, and those by which only its own machine can reach it."""
        return (urlsplit(self.address).hostname or "", self.host, *LOOPBACK)


def load(environ: Mapping[str, str] = os.environ) -> Settings:
    """Read the settings and make the folders. Raises ValueError with a sentence that names the setting that can't be used."""
    _refuse_unreadable(environ)
    instance = _folder(environ, "ROLLBOOK_INSTANCE", Path(__file__).parent / "instance")
    _keep_private(instance)
    host, port = _host(environ, "HOST"), _whole(environ, "PORT", least=1, most=HIGHEST_PORT)
    secret_key, *old_keys = _secret_keys(environ, instance / "secret_key")
    address = _address(environ, "ROLLBOOK_URL") or f"http://{f'[{host}]' if ':' in host else host}:{port}"
    return Settings(
        instance=instance,
        database_url=_database_url(environ, instance),
        replica_url=_replica_url(environ, instance),
        secret_key=secret_key,
        old_secret_keys=tuple(old_keys),
        host=host,
        port=port,
        address=address,
        proxies=_whole(environ, "ROLLBOOK_PROXIES", most=MOST_PROXIES),
        session_idle=timedelta(minutes=_whole(environ, "ROLLBOOK_SESSION_IDLE_MINUTES", least=1)),
        session_lifetime=timedelta(hours=_whole(environ, "ROLLBOOK_SESSION_HOURS", least=1)),
        smtp=_url(environ, "ROLLBOOK_SMTP", "smtp", "smtps"),
        mail_from=_mailbox(environ, "ROLLBOOK_MAIL_FROM") or f"rollbook@{urlsplit(address).hostname}",
        metrics_token=_token(environ, "ROLLBOOK_METRICS_TOKEN"),
        access_log=_log_file(environ, "ROLLBOOK_ACCESS_LOG"),
        time_zone=_time_zone(environ, "ROLLBOOK_TIME_ZONE"),
        server_time_zone=zone_of_server(environ),
        traces=_url(environ, "ROLLBOOK_TRACES", "http", "https"),
        worker=_one_of(environ, "ROLLBOOK_WORKER", "inline", "none"),
        web_processes=_web_processes(environ, _database_url(environ, instance)),
        debug=environ.get("FLASK_DEBUG", "").lower() not in ("", "0", "false", "no"),  # as Flask reads it
        uploads=_folder(environ, "ROLLBOOK_UPLOADS", instance / "uploads"),
        max_upload=_whole(environ, "ROLLBOOK_MAX_UPLOAD_MB") * MEGABYTE,
        max_form=_whole(environ, "ROLLBOOK_MAX_FORM_MB", least=1) * MEGABYTE,
        keep_sheets=timedelta(days=_whole(environ, "ROLLBOOK_KEEP_SHEETS_DAYS")),
        keep_waiting=timedelta(days=_whole(environ, "ROLLBOOK_KEEP_WAITING_DAYS")) or None,
        keep_audit=timedelta(days=_whole(environ, "ROLLBOOK_KEEP_AUDIT_DAYS", least=1)),
        keep_deleted=timedelta(days=_whole(environ, "ROLLBOOK_KEEP_DELETED_DAYS")) or None,
    )


def _keep_private(folder: Path) -> None:
    """Let nobody else into a folder that is ours alone; one in which everybody may write, such as /tmp, is not."""
    found = folder.stat()
    if found.st_uid == os.geteuid() and not found.st_mode & stat.S_ISVTX and found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        folder.chmod(0o700)


def _refuse_unreadable(environ: Mapping[str, str]) -> None:
    """Refuse a setting that is not written in UTF-8: it could be neither shown nor sent anywhere."""
    for name in DEFAULTS:
        try:
            environ.get(name, "").encode()
        except UnicodeEncodeError:
            raise ValueError(f"{name} has bytes that are not UTF-8.") from None


def _folder(environ: Mapping[str, str], name: str, default: Path) -> Path:
    """Make the folder and see that it can be written to."""
    try:
        folder = Path(environ.get(name) or default).expanduser().resolve()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ValueError(f"{name} can't be used as a folder ({environ.get(name) or default}): {reason}.") from None
    return folder


def _database_url(environ: Mapping[str, str], instance: Path) -> str:
    if text := environ.get("DATABASE_URL"):
        return read_database_url("DATABASE_URL", text, instance)
    return sqlite_url(instance / "rollbook.db")


def _replica_url(environ: Mapping[str, str], instance: Path) -> str | None:
    text = environ.get("DATABASE_REPLICA_URL")
    if not text:
        return None
    if not _database_url(environ, instance).startswith(POSTGRESQL):
        raise ValueError("DATABASE_REPLICA_URL names a replica, but only PostgreSQL has one: set DATABASE_URL to its primary.")
    if not text.startswith(("postgresql", "postgres:")):
        raise ValueError("DATABASE_REPLICA_URL must begin with postgresql:// or postgres://.")
    return read_database_url("DATABASE_REPLICA_URL", text, instance)


def _secret_keys(environ: Mapping[str, str], kept: Path) -> list[str]:
    """Give the key in force, then older ones."""
    if key := environ.get("SECRET_KEY"):
        return [key, *filter(None, (old.strip() for old in environ.get("SECRET_KEY_FALLBACKS", "").split(",")))]
    return _kept_secret(kept).split()


def _kept_secret(path: Path) -> str:
    """Make the key once, whole or not at all; processes that start together agree on one."""
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", dir=path.parent, prefix=".secret_key.") as file:
            file.write(secrets.token_urlsafe(48))
            file.flush()
            os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(file.name, path)
    if not (key := _read_secret(path)):
        raise ValueError(f"The file {path} is empty. Restore it from a backup, or delete it: then a new key is made.")
    return key


def _read_secret(path: Path) -> str:
    try:
        # Not to be kept waiting where somebody has put a pipe there.
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), encoding="utf-8") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise OSError(errno.EINVAL, "It is no file")
            return file.read(LONGEST_SECRET_FILE).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "It holds bytes that are no text"
        raise ValueError(f"The secret key in {path} can't be read: {reason}. Restore it from a backup.") from None


def _whole(environ: Mapping[str, str], name: str, least: int = 0, most: int = MOST) -> int:
    text = environ.get(name) or DEFAULTS[name]
    if not (text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS and least <= int(text) <= most):
        raise ValueError(f"{name} is “{text}”, but must be a whole number from {least} to {most}.")
    return int(text)


def _web_processes(environ: Mapping[str, str], database_url: str) -> int:
    if environ.get("WEB_CONCURRENCY"):
        return _whole(environ, "WEB_CONCURRENCY", least=1, most=64)
    most = MOST_WEB_PROCESSES if database_url.startswith(POSTGRESQL) else MOST_ON_SQLITE
    return min(len(os.sched_getaffinity(0)), most)


def _host(environ: Mapping[str, str], name: str) -> str:
    """Take an address or a name of this machine, as `bind` does."""
    text = environ.get(name) or DEFAULTS[name]
    try:
        socket.getaddrinfo(text, None, flags=socket.AI_PASSIVE)
    except (OSError, UnicodeError):
        raise ValueError(f"{name} is “{text}”, but must be an address or a name of this machine, such as 127.0.0.1.") from None
    return text


def _address(environ: Mapping[str, str], name: str) -> str | None:
    """Give the address without a slash at its end, and a name with other letters than ASCII's as browsers send it."""
    text = _url(environ, name, "http", "https")
    if text is None:
        return None
    url = urlsplit(text)
    if url.username is not None or url.query or url.fragment:
        raise ValueError(f"{name} must be an address only, such as https://rollbook.school.example, without user, “?” and “#”.")
    if not re.fullmatch(SUB_PATH, url.path):
        raise ValueError(
            f"{name} may end in a path of letters, digits and “-”, “_”, “.” only, such as https://school.example/rollbook."
        )
    try:
        host = (
            idna.encode(url.hostname or "", uts46=True).decode()
            if not (url.hostname or "").isascii()
            else url.netloc.rpartition("@")[2]
        )
    except idna.IDNAError:
        raise ValueError(f"{name} has a host that can't be a name on the internet: “{url.hostname}”.") from None
    port = f":{url.port}" if url.port and not (url.hostname or "").isascii() else ""
    return f"{url.scheme}://{host}{port}{url.path.rstrip('/')}"


def _url(environ: Mapping[str, str], name: str, *schemes: str) -> str | None:
    text = environ.get(name)
    if not text:
        return None
    try:
        url = urlsplit(text)
        usable = url.scheme in schemes and bool(url.hostname) and (url.port is None or url.port > 0)
    except ValueError:
        usable = False
    if not usable or any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError(f"{name} must begin with {' or '.join(f'{scheme}://' for scheme in schemes)}, and name a host.")
    return text


def _mailbox(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name)
    if text and (not text.isprintable() or not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+|[^<>@]*<[^\s@<>]+@[^\s@<>]+>", text)):
        raise ValueError(f"{name} must be an e-mail address, such as rollbook@school.example.")
    return text or None


def _token(environ: Mapping[str, str], name: str) -> str | None:
    """Take what a header of HTTP can hold."""
    text = environ.get(name)
    if text and not re.fullmatch(r"[!-~]([ -~]*[!-~])?", text):
        raise ValueError(f"{name} must have letters, digits and signs of ASCII only, and no space at its ends.")
    return text or None


def _log_file(environ: Mapping[str, str], name: str) -> str | None:
    text = environ.get(name)
    if text and text != "-":
        try:
            if Path(text).is_fifo():
                raise OSError(errno.EINVAL, "it is a pipe, which waits for a reader")
            with Path(text).open("a"):
                pass
        except OSError as error:
            raise ValueError(f"{name} is {text}, which can't be written to: {error.strerror}.") from None
    return text or None


def _time_zone(environ: Mapping[str, str], name: str) -> ZoneInfo | None:
    text = environ.get(name)
    if text and (zone := find_zone(text)) is None:
        raise ValueError(f"{name} must be the name of a time zone, such as Europe/Berlin or America/New_York.")
    return zone if text else None


def _one_of(environ: Mapping[str, str], name: str, *choices: str) -> str:
    text = environ.get(name) or DEFAULTS[name]
    if text not in choices:
        raise ValueError(f"{name} is “{text}”, but must be one of: {', '.join(choices)}.")
    return text
