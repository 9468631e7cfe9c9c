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
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg2

PATIENCE_S = 30.0
ATTEMPTS = 3
# What is lost in a crash is of no use to anybody here, so no commit waits for the disk. Rollbook refuses to start on a
# PostgreSQL without fsync; in memory, that costs nothing.
HURRY = ("synchronous_commit=off", "autovacuum=off")
MEMORY = Path("/dev/shm")  # noqa: S108  each cluster makes a folder of its own there, which is for its user alone
MEMORY_BYTES = 2 << 30

END_OTHERS = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


class Cluster:
    """A server, and the databases on it. It can be stopped or killed, and started again at the same place."""

    def __init__(self, port: int, password: str, launch: Callable[[int], "subprocess.Popen[bytes]"]) -> None:
        self._port = port
        self.password = password
        self._launch = launch
        self._connection: Any = None

    def start(self) -> bool:
        """Start, and tell whether it answers; it does not where somebody else has the port, or what it was is not gone yet."""
        self._process = self._launch(self._port)
        return wait_until(lambda: self.connect() or self._process.poll() is not None) and self._process.poll() is None

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """Stop at once, or with SIGINT in an orderly way."""
        self.close()
        self._process.send_signal(how)
        self._process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Kill all its processes, so that none can tidy up, and wait until the last is gone."""
        self.close()
        processes = [self._process.pid, *_children(self._process.pid)]
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        self._process.wait()
        assert wait_until(lambda: not any(_lives(process) for process in processes))

    @property
    def port(self) -> int:
        return self._port

    def url(self, name: str) -> str:
        return f"postgresql://rollbook:{self.password}@127.0.0.1:{self._port}/{name}"

    def create(self, name: str, template: str = "template0") -> str:
        """Copy a database that nobody is connected to, and give the address of the copy."""
        # Before version 15 this was the only way; it is twice as fast for a database as small as ours.
        strategy = "STRATEGY file_copy" if self._connection.server_version >= 150000 else ""
        self.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {strategy}')
        return self.url(name)

    def drop(self, name: str) -> None:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def clean_copy(self, template: str, emptying: str, name: str = "copy") -> str:
        """Give a copy of the template for one test: the last test's once more, emptied by these statements, where it is whole.

        Emptying takes 10 ms and a new copy 50 to 400, by how busy the disk is.
        """
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

    def is_followed(self) -> bool:
        """Tell whether a replica has all that was written so far."""
        return bool(self.value("SELECT bool_or(replay_lsn >= pg_current_wal_insert_lsn()) FROM pg_stat_replication"))

    def wait_for(self, setting: str, value: str) -> None:
        """Wait until a setting that was reloaded counts."""
        assert wait_until(lambda: self.value(f"SHOW {setting}") == value)

    def close(self) -> None:
        self._connection.close()

    def execute(self, statement: str) -> None:
        """Run a statement in the database postgres."""
        with self._connection.cursor() as cursor:
            cursor.execute(statement)

    def value(self, question: str) -> Any:
        """Give the first value of the answer."""
        with self._connection.cursor() as cursor:
            cursor.execute(question)
            return cursor.fetchone()[0]


@contextmanager
def running_cluster(*, durable: bool = False, disk: Path | None = None) -> Iterator[Cluster]:
    """Start a server, and stop and remove it at the end; a durable one with the settings that it comes with."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="rollbook-", dir=disk if durable else _memory()))
    identity = _identity(folder)
    password = secrets.token_hex(16)
    try:
        _initialise(programs, folder, password, identity)
        with _serving(programs, folder, password, identity, () if durable else HURRY) as cluster:
            yield cluster
    finally:
        shutil.rmtree(folder)


@contextmanager
def running_standby(primary: Cluster) -> Iterator[Cluster]:
    """Start a streaming replica of a running server, and stop and remove it at the end."""
    programs = find_programs()
    folder = Path(tempfile.mkdtemp(prefix="rollbook-", dir=_memory()))
    identity = _identity(folder)
    copy = ("pg_basebackup", "-D", folder / "data", "-d", primary.url("postgres"), "-R", "--checkpoint=fast", "--no-sync")
    try:
        _run(programs / copy[0], *copy[1:], folder=folder, identity=identity)
        with _serving(programs, folder, primary.password, identity, HURRY) as standby:
            yield standby
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


def _memory() -> Path | None:
    """Give the folder that lies in memory, where there is one with room enough."""
    return MEMORY if MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_BYTES else None


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
    _run(*command, folder=folder, identity=identity)


def _run(program: Path, *arguments: Any, folder: Path, identity: dict[str, Any]) -> None:
    command = [program, *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=_environment(), **identity)
    if result.returncode:
        raise RuntimeError(f"{program.name} failed: {result.stderr.strip()}")


@contextmanager
def _serving(programs: Path, folder: Path, password: str, identity: dict[str, Any], more: tuple[str, ...]) -> Iterator[Cluster]:
    """Serve on a free port, and on another one should somebody else have taken it in the meantime."""
    log = folder / "log"

    def launch(port: int) -> "subprocess.Popen[bytes]":
        settings = (f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", *more)
        command = [programs / "postgres", "-D", folder / "data", *(f"--{setting}" for setting in settings)]
        with log.open("ab") as output:
            return subprocess.Popen(command, stdout=output, stderr=output, cwd=folder, env=_environment(), **identity)

    attempts = (Cluster(free_port(), password, launch) for _ in range(ATTEMPTS))
    cluster = next((cluster for cluster in attempts if cluster.start()), None)
    if cluster is None:
        raise RuntimeError(f"PostgreSQL did not start: {log.read_text(errors='replace').strip()}")
    try:
        yield cluster
    finally:
        cluster.stop()


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _lives(process: int) -> bool:
    """Tell whether it runs; a zombie only waits for whoever counts the dead (proc(5): the state stands behind the name)."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_until(condition: Any, patience_s: float = PATIENCE_S, glance_s: float = 0.02) -> bool:
    """Look again and again until the condition holds; tell whether it did in time."""
    until = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(glance_s)
    return True


def _environment() -> dict[str, str]:
    return {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
