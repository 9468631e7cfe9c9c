"""A PostgreSQL server of the tests' own: on a free port, in a temporary folder, thrown away afterwards."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg2

PATIENCE_S = 30.0
ATTEMPTS = 3
# What is lost in a crash is of no use to anybody here, so nothing waits for the disk.
HURRY = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "autovacuum=off")

END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Cluster:
    """A running server, and the databases on it."""

    def __init__(self, port: int, password: str) -> None:
        self._port = port
        self._password = password
        self._connection: Any = None

    def url(self, name: str) -> str:
        return f"postgresql://rollbook:{self._password}@127.0.0.1:{self._port}/{name}"

    def create(self, name: str, template: str = "template0") -> str:
        """Copy a database that nobody is connected to, and give the address of the copy."""
        # Before version 15 this was the only way; it is twice as fast for a database as small as ours.
        strategy = "STRATEGY file_copy" if self._connection.server_version >= 150000 else ""
        self._execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')
        return self.url(name)

    def drop(self, name: str) -> None:
        self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def clean_copy(self, template: str, emptying: str) -> str:
        """Give a copy of the template for one test: the last test's once more, emptied by these statements, where it is whole.

        Emptying takes 10 ms and a new copy 50 to 400, by how busy the disk is.
        """
        name = f"{template}_copy"
        try:
            with closing(psycopg2.connect(self.url(name))) as connection, connection, connection.cursor() as cursor:
                cursor.execute(END_OTHERS)
                cursor.execute(emptying)
        except psycopg2.Error:
            self.drop(name)
            self.create(name, template)
        return self.url(name)

    def connect(self) -> bool:
        """Tell whether the server answers already."""
        try:
            self._connection = psycopg2.connect(self.url("postgres"))
        except psycopg2.OperationalError:
            return False
        self._connection.autocommit = True
        return True

    def close(self) -> None:
        self._connection.close()

    def _execute(self, statement: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(statement)


@contextmanager
def running_cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Start a server, and stop and remove it at the end; a durable one with the settings that it comes with."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="rollbook-"))
    identity = _identity(folder)
    password = secrets.token_hex(16)
    try:
        _initialise(programs, folder, password, identity)
        cluster, process = _start(programs, folder, password, identity, () if durable else HURRY)
        try:
            yield cluster
        finally:
            cluster.close()
            process.send_signal(signal.SIGQUIT)
            process.wait(PATIENCE_S)
    finally:
        shutil.rmtree(folder)


def find_programs() -> Path:
    """Give the folder of the newest PostgreSQL's programs: Debian keeps them off the PATH."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: float(folder.parent.name), reverse=True)
    on_path = shutil.which("initdb")
    folders += [Path(on_path).resolve().parent] if on_path else []
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise RuntimeError("PostgreSQL is not installed, and the tests need its programs initdb and postgres: install postgresql.")


def _identity(folder: Path) -> dict[str, Any]:
    """Say as whom to run, since PostgreSQL refuses to run as root, and give that user the folder."""
    if os.geteuid() != 0:
        return {}
    known = {user.pw_name: user for user in pwd.getpwall()}
    user = known.get("postgres") or known["nobody"]
    os.chown(folder, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _initialise(programs: Path, folder: Path, password: str, identity: dict[str, Any]) -> None:
    secret = folder / "password"
    secret.write_text(password)
    command = [
        *(programs / "initdb", "-D", folder / "data", "--no-sync", "-U", "rollbook"),
        # A locale that every Debian has, and that knows upper and lower case beyond ASCII.
        *("--encoding=UTF8", "--locale=C.UTF-8", "--auth=password", f"--pwfile={secret}"),
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=_environment(), **identity)
    if result.returncode:
        raise RuntimeError(f"initdb failed: {result.stderr.strip()}")


def _start(
    programs: Path, folder: Path, password: str, identity: dict[str, Any], more: tuple[str, ...]
) -> tuple[Cluster, "subprocess.Popen[bytes]"]:
    """Start on a free port, and on another one should somebody else have taken it in the meantime."""
    log = folder / "log"
    for _ in range(ATTEMPTS):
        port = free_port()
        settings = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *more)
        command = [programs / "postgres", "-D", folder / "data", *(f"--{setting}" for setting in settings)]
        with log.open("ab") as output:
            process = subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=_environment(), **identity)
        cluster = Cluster(port, password)
        if wait_until(lambda: cluster.connect() or process.poll() is not None) and process.poll() is None:  # noqa: B023  called at once
            return cluster, process
    raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace').strip()}")


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Any, patience_s: float = PATIENCE_S) -> bool:
    """Look again and again until the condition holds; tell whether it did in time."""
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
