"""A real server, with its worker inside, and a real Chromium that people use it with."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.request import urlopen

from playwright.sync_api import Browser, sync_playwright

from tests.cluster import free_port, wait_until

ROOT = Path(__file__).parent.parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
# As root Chromium can't have its sandbox, and none of what it would fetch for itself is wanted.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]


@contextmanager
def running_server(instance: Path, database_url: str = "") -> Iterator["Server"]:
    """Serve from this folder and database, and stop at the end."""
    server = Server(instance, database_url)
    server.start()
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

    def __init__(self, instance: Path, database_url: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environ = {
            "PATH": os.environ["PATH"],
            "ROLLBOOK_INSTANCE": str(instance),
            "DATABASE_URL": database_url,
            "PORT": str(self.port),
        }
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Migrate, as `make run` does, and serve."""
        self.flask("db", "upgrade")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gunicorn"], cwd=ROOT, env=self._environ, stderr=subprocess.DEVNULL
        )
        assert wait_until(self._answers), "the server did not start"

    def stop(self) -> None:
        assert self._process
        self._process.terminate()
        self._process.wait(30)

    def flask(self, *arguments: str) -> str:
        command = [sys.executable, "-m", "flask", *arguments]
        return subprocess.run(command, cwd=ROOT, env=self._environ, check=True, capture_output=True, text=True).stdout

    def setup_link(self) -> str:
        found = re.search(r"http://\S+", self.flask("setup-link"))
        assert found
        return found.group()

    def _answers(self) -> bool:
        try:
            with urlopen(f"{self.url}/readyz") as answer:  # noqa: S310  the address is ours
                return bool(answer.status == 200)
        except OSError:
            return False
