"""Read the address of a database as people write it, and give it as SQLAlchemy and libpq both understand it."""

import re
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode

import psycopg2
from psycopg2.extensions import parse_dsn
from sqlalchemy import URL

DRIVER = "postgresql+psycopg2"
POSTGRESQL = f"{DRIVER}://"
ADDRESS = re.compile(
    r"(?P<driver>postgres|postgresql|postgresql\+psycopg2)://"
    r"(?:(?P<user>[^:@/?]*)(?::(?P<password>[^@/?]*))?@)?"
    r"(?P<hosts>[^@/?#]*)(?:/(?P<database>[^@/?#]*))?(?:\?(?P<options>[^#]*))?"
)
HOST = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]+\]|[^\[\]:]*)(?::(?P<port>\d{1,5}))?")
HIGHEST_PORT = 65535
EXAMPLE = (
    "{name} can't be read. Write it like postgresql://user:password@host:5432/database. "
    "In the user and the password, write @ as %40, / as %2F, : as %3A, ? as %3F and % as %25."
)


def read_database_url(name: str, text: str, folder: Path) -> str:
    """Give the address in SQLAlchemy's form; a SQLite file is looked for in the folder.

    Raises ValueError with a sentence that names the setting and never tells a password.
    """
    scheme, _, rest = text.partition("://")
    if scheme in ("postgres", "postgresql", DRIVER):
        return _postgresql(name, text)
    if scheme.startswith("postgresql+"):
        raise ValueError(f"{name} begins with {scheme}://, but Rollbook connects by psycopg2: begin it with postgresql://")
    if scheme in ("sqlite", "sqlite+pysqlite"):
        return _sqlite(name, rest, folder)
    raise ValueError(f"{name} must begin with postgresql:// or sqlite:///. Rollbook works with no other database.")


def sqlite_url(path: Path) -> str:
    """Give the address of a SQLite file, whatever signs its path has."""
    return URL.create("sqlite", database=str(path)).render_as_string()


def _sqlite(name: str, rest: str, folder: Path) -> str:
    file = unquote(rest.removeprefix("/"))
    if not rest.startswith("/") or file in ("", ":memory:") or file.startswith("file:"):
        raise ValueError(f"{name} must name a file, for example sqlite:////var/lib/rollbook/rollbook.db")
    if "?" in rest:
        raise ValueError(f"{name} has options after a question mark, but SQLite has none here. In a path, write ? as %3F.")
    path = (folder / file).resolve()
    if path.is_dir():
        raise ValueError(f"{name} leads to {path}, but that is a folder.")
    if not path.parent.is_dir():
        raise ValueError(f"{name} leads to {path}, but there is no folder {path.parent}.")
    return sqlite_url(path)


def _postgresql(name: str, text: str) -> str:
    found = ADDRESS.fullmatch(text)
    hosts = [HOST.fullmatch(host) for host in found["hosts"].split(",")] if found else []
    if not found or not all(hosts):
        raise ValueError(EXAMPLE.format(name=name))
    options = _options(name, found["options"] or "")
    named = [(host["name"].strip("[]"), host["port"] or "") for host in hosts if host]
    if any(port and not 0 < int(port) <= HIGHEST_PORT for _, port in named):
        raise ValueError(f"{name} has a port that is not between 1 and {HIGHEST_PORT}.")
    user = f"{found['user']}{'' if found['password'] is None else ':' + found['password']}@" if found["user"] is not None else ""
    if len(named) == 1:
        return f"{POSTGRESQL}{user}{found['hosts']}/{found['database'] or ''}{_query(options)}"
    # SQLAlchemy knows several hosts only in this form; libpq knows both.
    several = {"host": ",".join(host for host, _ in named), "port": ",".join(port or "5432" for _, port in named)}
    return f"{POSTGRESQL}{user}/{found['database'] or ''}{_query({**several, **options})}"


def _options(name: str, query: str) -> dict[str, str]:
    """Read libpq's options (postgresql.org/docs/current/libpq-connect.html, "Parameter Key Words")."""
    try:
        options = dict(parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query)))
        parse_dsn(f"postgresql:///?{urlencode(options, quote_via=quote)}")
    except (ValueError, psycopg2.ProgrammingError) as error:
        reason = str(error).strip().removeprefix("invalid dsn: ")
        raise ValueError(f"{name} has options after its question mark that PostgreSQL does not know: {reason}.") from None
    return options


def _query(options: dict[str, str]) -> str:
    return f"?{urlencode(options, quote_via=quote)}" if options else ""
