"""How gunicorn serves Rollbook: with processes whose threads answer people, and one that runs imports."""

import atexit
import gc
import os
import resource
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import doctor
import logs
import memory
from config import load
from merge import fork_server

try:
    _settings = load()
except ValueError as reason:
    sys.exit(f"Rollbook does not start:\n{reason}")

# Where the processes keep what they count, so that each can tell of all of them (web/metrics.py): in memory, since the files
# are mapped, and a process is killed that writes to a mapped file on a full disk.
_MEMORY = Path("/dev/shm")  # noqa: S108  the folder in it is ours alone
if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = mkdtemp(prefix=f"rollbook-{os.getpid()}-", dir=_MEMORY if _MEMORY.is_dir() else None)

wsgi_app = "app:create_app()"
# Loaded once, before the processes are forked from each other: what they don't change they share.
preload_app = True
bind = f"[{_settings.host}]:{_settings.port}" if ":" in _settings.host else f"{_settings.host}:{_settings.port}"

workers = _settings.web_processes + (_settings.worker == "inline")
worker_class = "server.Worker"
# More than people who click at once: on SQLite, each who saves has one until it is their turn. Who is slow has none.
threads = max(32, 128 // _settings.web_processes)
# Each process listens to so many at once (server.py), on their connections and as many files again.
worker_connections = 2000
_FILES = 4 * worker_connections
# With threads this is not how long a request may take, but how long the whole process may show no sign of life.
timeout = 120
graceful_timeout = 30
keepalive = 5
# What is sent goes through our own hands (outgoing.py), files too.
sendfile = False

# What a proxy says is weighed in one place, web/hosts.py, and only where the settings name a proxy.
forwarded_allow_ips = ""

# Who asked for which page, and how it was answered: without what stands behind a "?", where somebody searches for a name.
accesslog = _settings.access_log
logger_class = "server.Log"
access_log_format = "%(t)s %(h)s %(m)s %(U)s %(s)s %(B)s bytes %(M)s ms"

limit_request_line = 8190
limit_request_fields = 64
limit_request_field_size = 8190

logconfig_dict = logs.CONFIG

# Nobody controls it from outside; two Rollbooks of one user would quarrel about the socket.
control_socket_disable = True


memory.share_heaps()
_now, _most = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (min(max(_now, _FILES), _most), _most))

# Before it ends, Python looks through all that it holds for garbage: a second of a processor's time for nothing, once for
# each process. Where processors are scarce, that has taken longer than `graceful_timeout`, and so the worker was killed.
atexit.register(gc.freeze)


def on_starting(_server: object) -> None:
    doctor.refuse_unsafe(_settings)
    _forget_the_killed()
    fork_server.start()  # one for all processes, which are forked from this one
    # What is there by now stays, and looking for garbage in it would only make each process a copy of its own.
    gc.collect()
    gc.freeze()


def _forget_the_killed() -> None:
    """Remove what masters have left behind that could not do so themselves."""
    for folder in _MEMORY.glob("rollbook-*-*"):
        if not Path(f"/proc/{folder.name.split('-')[1]}").exists():
            shutil.rmtree(folder, ignore_errors=True)


def pre_fork(server: Any, worker: Any) -> None:
    if _settings.worker == "inline":
        worker.share_out(server.WORKERS.values(), server.num_workers)


def child_exit(_server: object, worker: Any) -> None:
    """Forget what a process that has ended had under way; what it has counted stays."""
    from prometheus_client.multiprocess import mark_process_dead  # not before its folder is named

    mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def on_exit(_server: object) -> None:
    shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
