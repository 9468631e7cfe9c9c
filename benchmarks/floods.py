"""One person beside floods of slow connections: python -m benchmarks.floods [URL EMAIL PASSWORD]

Without an address, a server of this tree is started. With one, a running one is asked, whatever it is served with.
"""

import statistics
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

from accounts import add_user
from benchmarks.browser import PASSWORD
from benchmarks.school import fill_school
from benchmarks.workload import make_app
from models import db
from tests.colleague import Colleague, Unanswered
from tests.floods import Head, flood, slow_form, slow_upload, unfinished_head, untaken_pages
from tests.server import running_server

CONNECTIONS, TRICKLE_S, SECONDS, SETTLE_S, PATIENCE_S, STUDENTS = 150, 2.0, 10.0, 4.0, 10.0, 1_000
EMAIL = "flooded@school.example"
PAGES = ("/", "/students", "/students?q=ada", "/imports", "/students/7")
PAGE = Path(__file__).parent / "floods.md"
HEADING = """| beside | pages | median ms | p95 ms | longest ms | not answered in 10 s |
|---|---|---|---|---|---|"""
INTRODUCTION = f"""# One person beside a flood
Made by `python -m benchmarks.floods`. {CONNECTIONS} connections of each kind send a byte every {TRICKLE_S:.0f} s and come again
when they are cut off; meanwhile one person opens pages for {SECONDS:.0f} s, one after the other.

"""

FLOODS: dict[str, Head | None] = {
    "nobody": None,
    "unfinished heads": unfinished_head,
    "slow forms": slow_form,
    "slow uploads": slow_upload,
    "lists that nobody takes": untaken_pages,
}


def main(url: str, email: str, password: str) -> list[str]:
    lines = []
    for name, head in FLOODS.items():
        with closing(Colleague(url, PATIENCE_S)) as desk:
            desk.sign_in(email, password)
            with flood(url, head(desk), CONNECTIONS, TRICKLE_S) if head else closing(desk):
                time.sleep(SETTLE_S if head else 0)
                taken = open_pages(desk, SECONDS)
        late = sum(ms >= PATIENCE_S * 1000 for ms in taken)
        p95 = statistics.quantiles([*taken, *taken], n=20)[-1]
        lines.append(f"| {name} | {len(taken)} | {statistics.median(taken):,.0f} | {p95:,.0f} | {max(taken):,.0f} | {late} |")
        print(lines[-1], flush=True)
    return lines


def open_pages(desk: Colleague, seconds: float) -> list[float]:
    """Open pages for so long; give what each took, in ms."""
    taken, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        for path in PAGES:
            start = time.perf_counter()
            try:
                assert desk.get(path).status == 200, desk.heard
                taken.append((time.perf_counter() - start) * 1000)
            except Unanswered:
                taken.append(PATIENCE_S * 1000)
                if time.monotonic() > until:
                    break
    return taken


def _here() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/school.db"
        app = make_app(Path(folder) / "school", url)
        fill_school(app, STUDENTS)
        with app.app_context():
            add_user(EMAIL, "editor", PASSWORD)
            db.engine.dispose()
        with running_server(Path(folder) / "school", url, migrated=True) as server:
            return main(server.url, EMAIL, PASSWORD)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(*sys.argv[1:])
    else:
        PAGE.write_text(INTRODUCTION + "\n".join([HEADING, *_here()]) + "\n")
