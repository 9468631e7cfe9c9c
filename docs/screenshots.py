"""Take the pictures in the README and the handbooks from a made-up school: python -m docs.screenshots"""

import csv
import io
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page

from demo import made_up_sheet
from tests.server import ROOT, Server, running_chromium, running_server

OFFICE, TEACHER = "office@school.example", "teacher@school.example"
PASSWORD = "a password for pictures"  # noqa: S105  of a school that is gone once they are taken
WIDTH = 1280
# Whenever they are taken, they show the same moment.
SAME_MOMENT = "() => document.querySelectorAll('time').forEach((time) => { time.textContent = '14 September 2026, 09:30'; })"

Keep = Callable[[str, bytes], None]
Take = Callable[..., None]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_chromium() as chromium:
        take_pictures(chromium, Path(folder), _keep)


def take_pictures(chromium: Browser, folder: Path, keep: Keep) -> None:
    """Let people of a made-up school do what the handbooks describe, and hand each picture on by its name."""
    with running_server(folder / "instance") as server:
        server.flask("demo", "240")
        office, teacher = _sign_in(chromium, server)

        def take(page: Page, name: str, height: int = 760) -> None:
            # A click waits only until the page that it leads to begins to come.
            page.wait_for_load_state()
            page.set_viewport_size({"width": WIDTH, "height": height})
            page.evaluate(SAME_MOMENT)
            keep(name, _in_few_colours(page.screenshot(animations="disabled")))

        office.goto("/students?sort=-score")
        take(office, "students")
        _clash(office, teacher, take)
        _import(office, folder / "spring-term.csv", take)
        office.goto("/")
        # Its last plot names the days of this month, and stays below.
        take(office, "dashboard", height=1180)
        office.goto("/users")
        take(office, "users")


def _sign_in(chromium: Browser, server: Server) -> tuple[Page, Page]:
    """Set the school up, and invite a teacher."""
    # Nothing fades in, half of which a picture would show.
    office, teacher = (chromium.new_context(base_url=server.url, reduced_motion="reduce").new_page() for _ in range(2))
    office.goto(server.setup_link())
    office.get_by_label("Your name").fill("Maria Santos")
    office.get_by_label("E-mail address").fill(OFFICE)
    _choose_password(office)
    office.wait_for_url("**/")
    office.goto("/users")
    office.get_by_label("Name (optional)").fill("Tom Becker")
    office.get_by_label("E-mail address").fill(TEACHER)
    office.get_by_role("radio", name="Editor").check()
    office.get_by_role("button", name="Invite").click()
    teacher.goto(office.get_by_role("main").locator("code").inner_text())
    _choose_password(teacher)
    teacher.get_by_label("E-mail address").fill(TEACHER)
    teacher.get_by_label("Password").fill(PASSWORD)
    teacher.get_by_role("main").get_by_role("button", name="Sign in").click()
    teacher.wait_for_url("**/")
    return office, teacher


def _choose_password(page: Page) -> None:
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()


def _clash(office: Page, teacher: Page, take: Take) -> None:
    """Two people change the same student."""
    office.goto("/students/7")
    take(office, "student")
    teacher.goto("/students/7")
    teacher.get_by_label("Age", exact=True).fill("13")
    teacher.get_by_label("Score").fill("88.5")
    _save(teacher)
    office.get_by_label("Age", exact=True).fill("15")
    _save(office)
    take(office, "clash", height=900)
    office.get_by_role("radio", name="Stored now").check()
    _save(office)
    office.goto("/students/7/history")
    take(office, "history", height=420)


def _save(page: Page) -> None:
    """Save, and wait for the page that comes of it: to leave before would break the navigation off."""
    with page.expect_navigation():
        page.get_by_role("button", name="Save", exact=True).click()


def _import(page: Page, sheet: Path, take: Take) -> None:
    _write_spring_term(sheet)
    page.goto("/imports/new")
    take(page, "upload")
    page.get_by_label("Sheet", exact=True).set_input_files(sheet)
    page.get_by_role("button", name="Upload and compare").click()
    page.get_by_role("link", name="Update").click()
    take(page, "preview", height=1080)
    page.get_by_role("link", name="Rejected").click()
    take(page, "rejected", height=1080)
    page.get_by_role("link", name="Edit columns and format").click()
    take(page, "columns")


def _write_spring_term(path: Path) -> None:
    """Write a sheet that inserts, updates, repeats and has mistakes."""
    heading, *rows = made_up_sheet(252)
    for row in rows[:230:7]:
        row[3] = str(min(100, round(float(row[3] or 50) + 4.5, 1)))
    rows[20][2], rows[45][1], rows[60][3] = "sixteen", "", "140"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([heading, *rows])


def _in_few_colours(shot: bytes) -> bytes:
    """Leave 256 colours, which nobody tells from all of them and which take half the room."""
    picture = io.BytesIO()
    Image.open(io.BytesIO(shot)).convert("RGB").quantize(256, dither=Image.Dither.NONE).save(picture, "PNG", optimize=True)
    return picture.getvalue()


def _keep(name: str, picture: bytes) -> None:
    (ROOT / "docs" / f"{name}.png").write_bytes(picture)


if __name__ == "__main__":
    main()
