"""A real server, with a process that runs imports, and a real Chromium that people use it with."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from tests.cluster import free_port, wait_until
from tests.leaks import refuse_leaks

ROOT = Path(__file__).parent.parent
# One that is about to stop takes no more requests, but lets them wait.
PATIENCE_S = 2
# A busy machine takes its time to start or to stop one.
MOMENT_S = 90
# The first has no window to draw: a test takes half the time with it.
CHROMIUMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
# As root Chromium can't have its sandbox, and none of what it would fetch for itself is wanted.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]

Served = TypeVar("Served", bound="Server")


@contextmanager
def running_server(instance: Path, database_url: str = "", *, migrated: bool = False, **more: str) -> Iterator["Server"]:
    """Serve from this folder and database, with more settings, and stop at the end."""
    server = Server(instance, database_url, **more)
    if not migrated:
        server.flask("db", "upgrade")
    with serving(server):
        yield server


@contextmanager
def serving(server: Served) -> Iterator[Served]:
    """Serve from a database that is migrated, and stop at the end."""
    server.serve()
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def running_chromium() -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, CHROMIUMS)), None)
    assert program, "Chromium is not installed, and these tests are what a person does with it: install chromium."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


class Server:
    """Rollbook as `make run` starts it, on a free port."""

    program: tuple[str, ...] = ("gunicorn",)
    code = ROOT
    """The checkout that it runs from."""

    def __init__(self, instance: Path, database_url: str, **more: str) -> None:
        self.port = int(more.get("PORT") or free_port())
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = instance.with_suffix(".log")
        self.instance = instance
        self._environ = {
            "PATH": os.environ["PATH"],
            "ROLLBOOK_INSTANCE": str(instance),
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
            **more,
        }

    def serve(self) -> None:
        """Serve from a database that is migrated."""
        self._process = self.run(*self.program)
        assert wait_until(self.answers, MOMENT_S), "the server did not start"

    def tell_to_stop(self) -> None:
        self._process.terminate()

    def stop(self) -> int:
        """Stop, and give the code with which it ended."""
        self.tell_to_stop()
        ended = self._process.wait(MOMENT_S)
        refuse_leaks(self.logged())
        return ended

    def kill(self) -> None:
        """Kill it with all that it has started."""
        for process in self.all_processes():
            os.kill(process, signal.SIGKILL)
        self._process.wait()
        refuse_leaks(self.logged())

    def kill_master(self) -> None:
        """Kill the process that looks after the others, and only that."""
        self._process.kill()
        self._process.wait()

    def logged(self) -> list[str]:
        """Give the lines that it has logged so far."""
        return self.log.read_text(errors="replace").splitlines()

    def run(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start one of the programs beside it: `run("flask", "worker")`."""
        with self.log.open("ab") as log:
            return subprocess.Popen([sys.executable, "-m", *command], cwd=self.code, env=self._environ, stderr=log)

    def flask(self, *arguments: str) -> str:
        return self.flask_with("", *arguments)

    def flask_with(self, typed: str, *arguments: str) -> str:
        """Run a command, with something typed into it."""
        command = [sys.executable, "-m", "flask", *arguments]
        return subprocess.run(
            command, cwd=self.code, env=self._environ, check=True, capture_output=True, text=True, input=typed
        ).stdout

    def setup_link(self) -> str:
        found = re.search(r"http://\S+", self.flask("setup-link"))
        assert found
        return found.group()

    def memory(self) -> float:
        """Give the most memory that a process of its that answers has had so far, in MB; proc(5) tells it in kB."""
        return int(re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{self.process}/status").read_text())[0]) / 1024

    def memory_now(self) -> float:
        """Give the memory of all its processes together, in MB; what they share counts once."""
        return sum(map(_memory, (self._process.pid, *self._children())))

    @property
    def process(self) -> int:
        """One of the processes that answer; gunicorn starts another one should it die."""
        return self.processes("pages")[0]

    def processes(self, kind: str) -> list[int]:
        """Give those that are there now for "pages", or for "import"."""
        return [child for child in self._children() if _name(child) == f"rollbook-{kind}"]

    def all_processes(self) -> list[int]:
        """Give all processes that there are of it."""
        return [self._process.pid, *self._children()]

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(process) for process in children.read_text().split()]

    def answers(self) -> bool:
        """Tell whether it can be worked with."""
        try:
            with urlopen(f"{self.url}/readyz", timeout=PATIENCE_S) as answer:  # noqa: S310  the address is ours
                return bool(answer.status == 200)
        except OSError:
            return False


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text().strip()
    except OSError:
        return ""


def _memory(process: int) -> float:
    """Give a process's part of the memory, in MB; proc(5) tells it in kB."""
    try:
        return int(re.findall(r"^Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.M)[0]) / 1024
    except (OSError, IndexError):
        return 0.0
