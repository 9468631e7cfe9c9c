"""Open pages in Chromium in a school of a million, the first time and again: python -m benchmarks.pages [STUDENTS]"""

import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, StorageState

from benchmarks.browser import EMAIL, PASSWORD, add_editor
from benchmarks.school import fill_school
from benchmarks.workload import make_app, write_sheet
from models import db
from tests.cluster import running_cluster
from tests.server import Server, running_chromium, running_server

STUDENTS = 1_000_000
TRIES = 5
VIEWPORT = {"width": 1280, "height": 900}
PAGE = Path(__file__).parent / "pages.md"
HEADING = "| database | page | visit | requests | KB | largest paint ms | layout shift |"
INTRODUCTION = """# Pages in the browser
Made by `python -m benchmarks.pages`: {students:,} students, and for the preview a sheet of as many rows.
Chromium, {width} × {height}, gunicorn on the same machine; medians of {tries} visits each.
The first visit is that of a browser that has nothing of Rollbook yet but its cookie; the second is the same page again.
“KB” is what came over the line, headers included. “Largest paint” and “layout shift” are the browser's own figures
(LCP and CLS); a good page has under 2,500 ms and under 0.1.

"""

PAINTED = """() => new Promise((resolve) => {
    const seen = { paint: 0, shift: 0 };
    const watch = (type, note) =>
        new PerformanceObserver((list) => list.getEntries().forEach(note)).observe({ type, buffered: true });
    watch("largest-contentful-paint", (entry) => { seen.paint = entry.startTime; });
    watch("layout-shift", (entry) => { if (!entry.hadRecentInput) seen.shift += entry.value; });
    setTimeout(() => resolve(seen), 300);
})"""


class Visit(NamedTuple):
    """What it took to show a page."""

    requests: float
    kilobytes: float
    paint_ms: float
    shift: float

    def __str__(self) -> str:
        return f"{self.requests:.0f} | {self.kilobytes:.1f} | {self.paint_ms:.0f} | {self.shift:.3f} |"


class Line:
    """Counts what comes over the line; what the browser had kept does not."""

    def __init__(self, page: Page) -> None:
        self.requests = 0
        self.bytes = 0.0
        self._kept: set[str] = set()
        session = page.context.new_cdp_session(page)
        session.send("Network.enable")
        session.on("Network.requestServedFromCache", lambda event: self._kept.add(event["requestId"]))
        session.on("Network.loadingFinished", self._count)

    def _count(self, event: dict[str, float | str]) -> None:
        if event["requestId"] not in self._kept and event["encodedDataLength"]:
            self.requests += 1
            self.bytes += float(event["encodedDataLength"])


def main(students: int) -> None:
    lines = [HEADING, "|---" * (HEADING.count("|") - 1) + "|"]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder, running_chromium() as chromium, running_cluster(durable=True) as cluster:
        sheet = Path(folder) / "spring-term.csv"
        write_sheet(sheet, students)
        databases = {"SQLite": f"sqlite:///{folder}/rollbook.db", "PostgreSQL": cluster.create("school")}
        for database, url in databases.items():
            for line in _measure(chromium, Path(folder) / database, url, sheet, students):
                lines.append(f"| {database} {line}")
                print(lines[-1], flush=True)
    about = INTRODUCTION.format(students=students, tries=TRIES, **VIEWPORT)
    PAGE.write_text(about + "\n".join(lines) + "\n")


def _measure(chromium: Browser, instance: Path, url: str, sheet: Path, students: int) -> Iterator[str]:
    app = make_app(instance, url)
    fill_school(app, students)
    add_editor(app)
    with running_server(instance, url) as server:
        server.flask("import", str(sheet))
        state = _sign_in(chromium, server)
        pages = {"list": "/students", "form": f"/students/{students // 2}", "preview": "/imports/2", "dashboard": "/"}
        for name, address in pages.items():
            visits = [_visit_twice(chromium, server, state, address) for _ in range(TRIES)]
            for visit, figures in zip(("first", "second"), zip(*visits, strict=True), strict=True):
                middle = Visit(*map(statistics.median, zip(*figures, strict=True)))
                yield f"| {name} | {visit} | {middle}"
    with app.app_context():
        db.engine.dispose()


def _sign_in(chromium: Browser, server: Server) -> StorageState:
    page = chromium.new_context(base_url=server.url).new_page()
    page.goto("/login")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/")
    return page.context.storage_state()


def _visit_twice(chromium: Browser, server: Server, state: StorageState, address: str) -> list[Visit]:
    context = chromium.new_context(base_url=server.url, viewport=VIEWPORT, storage_state=state)
    page = context.new_page()
    visits = [_visit(page, address) for _ in range(2)]
    context.close()
    return visits


def _visit(page: Page, address: str) -> Visit:
    page.goto("about:blank")
    line = Line(page)
    page.goto(address, wait_until="networkidle")
    painted = page.evaluate(PAINTED)
    return Visit(line.requests, line.bytes / 1000, painted["paint"], painted["shift"])


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else STUDENTS)
