"""People at work while a new release takes over from an old one: python -m benchmarks.upgrade [COMMIT [STUDENTS]]"""

import io
import random
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.browser import PASSWORD
from benchmarks.workload import write_sheet
from tests.cluster import running_cluster
from tests.colleague import Colleague
from tests.server import ROOT, Server, serving
from tests.staff import Editor, ask

COMMIT, STUDENTS, EDITORS, READERS, GLANCE_S, SETTLE_S = "1cb6b08", 100_000, 3, 3, 0.05, 5
EMAIL = "head@school.example"
PAGE = Path(__file__).parent / "upgrade.md"
HEADING = "| database | students | saves | reads | saves lost | errors | migration s | longest answer meanwhile ms | away s |"
INTRODUCTION = f"""# An upgrade while people work
Made by `python -m benchmarks.upgrade [COMMIT]`. The release of the commit serves a school that it has stored itself;
{EDITORS} people save and {READERS} read, with a pause of {GLANCE_S * 1000:.0f} ms between. `flask db upgrade` of this release
runs beside it; the old release goes on for {SETTLE_S} s on the new tables, is stopped, and this one starts. Away is the time from
the end of work to this release's first answer; answers that say when to come again are no errors. In the end every
acknowledged save has to be there, and `flask verify` finds nothing. The old release runs with this one's libraries.

"""


class Old(Server):
    """The release from before."""


@dataclass
class Reader:
    """Opens lists and records; whatever is answered but 200 is an error."""

    desk: Colleague
    acknowledged: list[str] = field(default_factory=list)

    def work_once(self) -> bool:
        path = random.choice(("/students", "/students?q=Number", f"/students/{random.randint(100, 200)}"))
        reply = ask(lambda: self.desk.get(path))
        if reply is None:
            return False
        assert reply.status == 200, f"{path}: {reply.status}"
        self.acknowledged.append(path)
        return True


@dataclass
class Shift:
    """People who work until told to stop: how long their answers took, and what went wrong."""

    people: list[Editor | Reader]
    errors: list[str] = field(default_factory=list)
    answered: list[tuple[float, float]] = field(default_factory=list)
    """When each answer came, and after how many seconds."""

    @contextmanager
    def at_work(self) -> Iterator[None]:
        done = threading.Event()
        threads = [threading.Thread(target=self._work, args=(person, done)) for person in self.people]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            done.set()
            for thread in threads:
                thread.join()

    def _work(self, person: Editor | Reader, done: threading.Event) -> None:
        while not done.wait(GLANCE_S):
            began = time.monotonic()
            try:
                if person.work_once():
                    self.answered.append((time.monotonic(), time.monotonic() - began))
            except AssertionError as error:
                self.errors.append(str(error).splitlines()[0])

    @property
    def editors(self) -> list[Editor]:
        return [person for person in self.people if isinstance(person, Editor)]

    def number(self, kind: type[Editor | Reader]) -> int:
        """Count what was acknowledged to those of a kind."""
        return sum(len(person.acknowledged) for person in self.people if isinstance(person, kind))

    def saves_lost(self, desk: Colleague) -> int:
        """Count records that are not as they were last saved."""
        shown = ((desk.get(f"/students/{editor.student_id}").value("name"), editor.acknowledged[-1]) for editor in self.editors)
        return sum(there != saved for there, saved in shown)

    def longest(self, since: float, until: float) -> float:
        """In ms, of the answers that came between."""
        return max(took for at, took in self.answered if since <= at <= until) * 1000


def main(commit: str, number: int) -> None:
    lines = [HEADING, "|---" * HEADING.count(" | ") + "|---|"]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        Old.code = Path(folder) / "old"
        _check_out(commit, Old.code)
        for name, url in (("SQLite", ""), ("PostgreSQL", cluster.create("upgraded"))):
            lines.append(_upgrade(name, Path(folder) / name, url, number))
            print(lines[-1], flush=True)
    PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


def _check_out(commit: str, folder: Path) -> None:
    """Write the files of a commit into a folder."""
    archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        tar.extractall(folder, filter="data")


def _upgrade(name: str, instance: Path, url: str, number: int) -> str:
    old = Old(instance, url)
    new = Server(instance, url, PORT=str(old.port))
    _fill(old, instance.with_suffix(".csv"), number)
    with ExitStack() as stack:
        with serving(old):
            desk = stack.enter_context(closing(Colleague(old.url)))
            desk.sign_in(EMAIL, PASSWORD)
            shift = Shift(_people(desk))
            with shift.at_work():
                time.sleep(SETTLE_S)
                began = time.monotonic()
                new.flask("db", "upgrade")
                migrated = time.monotonic()
                time.sleep(SETTLE_S)
            stopped = time.monotonic()
        stack.enter_context(serving(new))
        away = time.monotonic() - stopped
        if desk.get("/students").status != 200:
            desk.sign_in(EMAIL, PASSWORD)
        lost = shift.saves_lost(desk)
        after = Shift(_people(desk, shift.editors))
        with after.at_work():
            time.sleep(SETTLE_S)
        lost += after.saves_lost(desk)
    new.flask("verify")
    errors = _report([*shift.errors, *after.errors])
    saves, reads = shift.number(Editor) + after.number(Editor), shift.number(Reader) + after.number(Reader)
    cells = (f"{number:,}", f"{saves:,}", f"{reads:,}", str(lost), str(errors), f"{migrated - began:.1f}")
    return f"| {name} | {' | '.join(cells)} | {shift.longest(began, migrated):,.0f} | {away:.1f} |"


def _fill(old: Server, sheet: Path, number: int) -> None:
    write_sheet(sheet, number)
    old.flask("db", "upgrade")
    old.flask("import", "--apply", str(sheet))
    old.flask_with(f"{PASSWORD}\n", "user", "add", EMAIL, "--role", "admin", "--password-stdin")


def _people(desk: Colleague, editors: Iterable[Editor] = ()) -> list[Editor | Reader]:
    """Give each a session of their own; editors from before go on with their records."""
    versions = {editor.student_id: editor.version for editor in editors}
    writing = [Editor(desk.another(), number, versions.get(number, 1)) for number in range(1, EDITORS + 1)]
    return [*writing, *(Reader(desk.another()) for _ in range(READERS))]


def _report(errors: list[str]) -> int:
    """Print each error with how often it came, and count them."""
    for error in sorted(set(errors)):
        print(f"{errors.count(error)} × {error}", file=sys.stderr)
    return len(errors)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else COMMIT, int(sys.argv[2]) if len(sys.argv) > 2 else STUDENTS)
