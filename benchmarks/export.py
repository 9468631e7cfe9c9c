"""Hand out all students as a file, beside the database's own dump of the same query: python -m benchmarks.export [STUDENTS …]"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg2

from benchmarks.browser import add_editor, sign_in_over_http
from benchmarks.page import write_page
from benchmarks.school import fill_school
from benchmarks.workload import make_app
from tests.cluster import Cluster
from tests.server import running_server

SIZES = (1_000, 1_000_000)
RUNS = 5
QUERY = "SELECT id, name, age, score FROM students ORDER BY name, id"
PAGE = Path(__file__).parent / "export.md"
HEADING = "| database | students | dump s | CSV s | CSV / dump | MB | XLSX s | server's memory MB |"
INTRODUCTION = f"""# Handing out the list
Made by `python -m benchmarks.export`. Medians of {RUNS} runs, the dump and the CSV by turns.
The dump is the database's own, of the same rows in the same order, thrown away: PostgreSQL's COPY TO, the sqlite3 shell's -csv.
The CSV and the workbook are read over HTTP to their end. The memory is the most that the server has had by then.

"""


def _measure(database: str, size: int, folder: Path, cluster: Cluster) -> str:
    name, file = f"school_{size}", folder / f"school_{size}.db"
    url = cluster.create(name) if database == "PostgreSQL" else f"sqlite:///{file}"
    app = make_app(folder / name, url)
    fill_school(app, size)
    add_editor(app)
    dump = partial(_copy, url) if database == "PostgreSQL" else partial(_shell, file)
    with running_server(folder / name, url) as server:
        fetch = sign_in_over_http(server)
        times = [(_time(dump), _time(lambda: fetch("/students.csv"))) for _ in range(RUNS)]
        megabytes = len(fetch("/students.csv")) / 1e6
        memory, workbook = server.memory(), _time(lambda: fetch("/students.xlsx"))
        memory_after = server.memory()
    floor, ours = (statistics.median(each) for each in zip(*times, strict=True))
    times_told = f"{floor:.3f} | {ours:.3f} | {ours / floor:.2f} | {megabytes:.1f} | {workbook:.2f}"
    return f"| {database} | {size:,} | {times_told} | {memory:.0f}, then {memory_after:.0f} |"


def _copy(url: str) -> None:
    connection = psycopg2.connect(url)
    with connection.cursor() as cursor, Path("/dev/null").open("w") as nowhere:
        cursor.copy_expert(f"COPY ({QUERY}) TO STDOUT (FORMAT csv, HEADER)", nowhere)
    connection.close()


def _shell(file: Path) -> None:
    subprocess.run(["sqlite3", "-csv", "-header", file, QUERY], check=True, stdout=subprocess.DEVNULL)


def _time(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


if __name__ == "__main__":
    write_page(PAGE, INTRODUCTION, HEADING, [int(text) for text in sys.argv[1:]] or SIZES, _measure)
