"""Take the pictures in the README from a made-up school: python -m docs.screenshots"""

import csv
import tempfile
from pathlib import Path

from playwright.sync_api import Page

from demo import made_up_sheet
from tests.server import ROOT, running_chromium, running_server

EMAIL, PASSWORD = "office@school.example", "a password for pictures"
VIEWPORT = {"width": 1280, "height": 760}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_server(Path(folder)) as server, running_chromium() as chromium:
        server.flask("demo", "240")
        page = chromium.new_context(base_url=server.url, viewport=VIEWPORT).new_page()
        _set_up(page, server.setup_link())
        page.goto("/students?sort=-score")
        _keep(page, "students")
        sheet = Path(folder) / "spring-term.csv"
        _write_spring_term(sheet)
        page.goto("/imports/new")
        page.get_by_label("Sheet", exact=True).set_input_files(sheet)
        page.get_by_role("button", name="Upload and compare").click()
        page.get_by_role("link", name="Update").click()
        _keep(page, "preview")


def _set_up(page: Page, link: str) -> None:
    page.goto(link)
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url("**/")


def _write_spring_term(path: Path) -> None:
    """Write a sheet that inserts, updates, repeats and has mistakes."""
    heading, *rows = made_up_sheet(252)
    for row in rows[:230:7]:
        row[3] = str(min(100, round(float(row[3] or 50) + 4.5, 1)))
    rows[20][2], rows[45][1], rows[60][3] = "sixteen", "", "140"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def _keep(page: Page, name: str) -> None:
    page.screenshot(path=ROOT / "docs" / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    main()
