"""Time a first sheet in the browser, upload to applied, beside `session.merge` a row: python -m benchmarks.first_sheet [ROWS]"""

import csv
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from flask_migrate import upgrade
from playwright.sync_api import Browser, expect

import config
from app import create_app
from demo import made_up_sheet
from merge.columns import COLUMNS
from models import Student, db
from tests.cluster import running_cluster
from tests.server import Server, running_chromium, running_server

EMAIL, PASSWORD = "office@school.example", "a password for measuring"
PATIENCE_MS = 600_000
ROWS = 100_000
PAGE = Path(__file__).parent / "first_sheet.md"
HEADING = "| database | rows | browser s | merge a row s | × merge |"
INTRODUCTION = """# A first sheet in the browser
Made by `python -m benchmarks.first_sheet`; one run each. From the upload to what was applied, as somebody sees it in Chromium,
beside `session.merge` for each row of the sheet and one commit at the end.

"""


def main(rows: int) -> None:
    lines = [HEADING, "|---" * (HEADING.count("|") - 1) + "|"]
    with running_chromium() as chromium, tempfile.TemporaryDirectory() as folder:
        sheet = Path(folder) / "sheet.csv"
        with sheet.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(made_up_sheet(rows))
        for name, ours_url, theirs_url in _databases(Path(folder)):
            with running_server(Path(folder) / f"{name}-served", ours_url) as server:
                ours = _through_the_browser(chromium, server, sheet, rows)
            theirs = _merge_a_row(Path(folder) / f"{name}-merged", theirs_url, sheet)
            lines.append(f"| {name} | {rows:,} | {ours:.1f} | {theirs:.1f} | {theirs / ours:.1f} |")
            print(lines[-1], flush=True)
    PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


def _databases(folder: Path) -> Iterator[tuple[str, str, str]]:
    yield "SQLite", f"sqlite:///{folder / 'ours.db'}", f"sqlite:///{folder / 'theirs.db'}"
    with running_cluster() as cluster:
        yield "PostgreSQL", cluster.create("ours"), cluster.create("theirs")


def _through_the_browser(chromium: Browser, server: Server, sheet: Path, rows: int) -> float:
    page = chromium.new_context(base_url=server.url).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(server.setup_link())
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    page.goto("/imports/new")
    page.get_by_label("Sheet", exact=True).set_input_files(sheet)
    start = time.perf_counter()
    page.get_by_role("button", name="Upload and compare").click()
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("main")).to_contain_text(f"{rows:,} students were added", timeout=PATIENCE_MS)
    return time.perf_counter() - start


def _merge_a_row(folder: Path, database_url: str, sheet: Path) -> float:
    """Do what the seed does: merge each row's student, and commit once at the end."""
    app = create_app(config.load({"ROLLBOOK_INSTANCE": str(folder), "DATABASE_URL": database_url}))
    with app.app_context(), sheet.open(encoding="utf-8", newline="") as file:
        upgrade()
        start = time.perf_counter()
        for cells in islice(csv.reader(file), 1, None):
            values = {column.name: column.read(text) for column, text in zip(COLUMNS, cells, strict=True)}
            db.session.merge(Student(**values))
        db.session.commit()
        seconds = time.perf_counter() - start
        db.session.remove()
        db.engine.dispose()
    return seconds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
