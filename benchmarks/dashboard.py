"""Read the dashboard in a small and a large school, and count the large one anew: python -m benchmarks.dashboard [STUDENTS …]"""

import sys
import time
from functools import partial
from pathlib import Path

from sqlalchemy import delete

from benchmarks.list import TRIES, open_school, timed
from benchmarks.page import write_page
from models import KeptFigures, db
from tests.cluster import Cluster
from worker import count_school

SIZES = (1_000, 1_000_000)
ENOUGH_MS = 150
PAGE = Path(__file__).parent / "dashboard.md"
HEADING = "| database | students | counted in s | server ms | p95 | whole ms | p95 | within |"
INTRODUCTION = f"""# The dashboard
Made by `python -m benchmarks.dashboard`. The page is read {TRIES} times after one to warm up; medians and 95th percentiles.
“Server” is the app's own time for the whole page, “whole” is from a browser's request to the last byte of the compressed
answer, from gunicorn on the same machine. The bound at a million: a median under {ENOUGH_MS} ms.
A school of more than a few thousand is shown as a worker counted it last; “counted in” is how long that took.

"""


def _measure(database: str, size: int, folder: Path, cluster: Cluster) -> str:
    with open_school(database, size, folder, cluster) as school:
        with school.app.app_context():
            # The server that runs meanwhile has counted already.
            db.session.execute(delete(KeptFigures))
            db.session.commit()
            started = time.perf_counter()
            count_school()
            counted = time.perf_counter() - started
        (server,) = timed({size: partial(school.read, "/")}).values()
        (whole,) = timed({size: partial(school.fetch, "/")}).values()
    times = " | ".join(f"{ms:.1f}" for ms in (*server, *whole))
    return f"| {database} | {size:,} | {counted:.2f} | {times} | {'yes' if server.median < ENOUGH_MS else 'no'} |"


if __name__ == "__main__":
    write_page(PAGE, INTRODUCTION, HEADING, [int(text) for text in sys.argv[1:]] or SIZES, _measure)
