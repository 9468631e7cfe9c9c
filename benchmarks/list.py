"""Read the list and a record in schools of three sizes: python -m benchmarks.list [STUDENTS …]"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

from flask import Flask
from sqlalchemy import select

from benchmarks.browser import add_editor, sign_in, sign_in_over_http
from benchmarks.school import RARE, fill_school
from benchmarks.workload import make_app
from merge import listing
from merge.columns import COLUMNS
from merge.places import place_of, write_place
from models import Student, db
from tests.cluster import Cluster, running_cluster
from tests.server import running_server
from tests.visitor import Visitor

SIZES = (1_000, 1_000_000, 10_000_000)
TRIES = 50
BOUND_AT, ENOUGH_MS, RATIO = 1_000_000, 25, 1.5
PAGE = Path(__file__).parent / "list.md"
HEADING = "| database | page | students | server ms | p95 | whole ms | p95 | ÷ 1,000 | within |"
INTRODUCTION = f"""# The list and the record
Made by `python -m benchmarks.list`. Each page is read {TRIES} times after one to warm up, in schools of all sizes by turns;
medians and 95th percentiles.
“Server” is the app's own time for the whole page, sign-in and template included; “whole” is from a browser's request to
the last byte of the compressed answer, from gunicorn on the same machine. “÷ 1,000” is the server's time beside its own
in a school of 1,000. The bound at a million: within {RATIO} times that, or under {ENOUGH_MS} ms.

"""


class Times(NamedTuple):
    """In ms."""

    median: float
    p95: float


@dataclass
class School:
    """A school of some size: the addresses of the pages that are read, and how to have one from the app and over HTTP."""

    app: Flask
    addresses: dict[str, str]
    read: Callable[[str], object]
    fetch: Callable[[str], object]


def main(sizes: list[int]) -> None:
    lines = [HEADING, "|---" * (HEADING.count("|") - 1) + "|"]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        for database in ("SQLite", "PostgreSQL"):
            with ExitStack() as schools:
                opened = [schools.enter_context(open_school(database, size, Path(folder), cluster)) for size in sizes]
                lines += _compare(database, dict(zip(sizes, opened, strict=True)))
    PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


def _compare(database: str, schools: dict[int, School]) -> Iterator[str]:
    """Read each page in all schools by turns: a machine that is slow for a while is slow for each of them."""
    for page in next(iter(schools.values())).addresses:
        server = timed({size: partial(school.read, school.addresses[page]) for size, school in schools.items()})
        whole = timed({size: partial(school.fetch, school.addresses[page]) for size, school in schools.items()})
        for size in schools:
            line = _line(database, size, page, server[size], whole[size], server[min(schools)])
            print(line, flush=True)
            yield line


def _line(database: str, size: int, page: str, server: Times, whole: Times, small: Times) -> str:
    ratio = server.median / small.median
    within = ("yes" if ratio <= RATIO or server.median < ENOUGH_MS else "no") if size == BOUND_AT else ""
    times = " | ".join(f"{ms:.1f}" for ms in (*server, *whole))
    return f"| {database} | {page} | {size:,} | {times} | {ratio:.2f} | {within} |"


def addresses(app: Flask) -> dict[str, str]:
    """Name the pages that are read, and give their addresses."""
    with app.app_context():
        session = db.session()
        deep = session.scalars(select(Student).where(Student.name >= "M").order_by(Student.name, Student.id).limit(1)).one()
        rare = session.scalars(select(Student.id).where(Student.name == RARE)).one()
        place = write_place(listing.Query(), place_of(listing.Query(), deep))
    sorts = {f"sorted by {sort}": {"sort": sort} for column in COLUMNS for sort in (column.name, f"-{column.name}")}
    queries = {
        "first page": {},
        "a page deep in": {"after": place},
        "last page": {"before": listing.END},
        **sorts,
        "last page by score": {"sort": "score", "before": listing.END},
        "search, common": {"q": "mar"},
        "search, common, by score": {"q": "smith", "sort": "-score"},
        "search, rare": {"q": "feather quetzal"},
        "search, nobody": {"q": "zzyzx"},
        "search, two letters": {"q": "li"},
        "ages 12 to 13 by score": {"min_age": "12", "max_age": "13", "sort": "-score"},
        "scores 99.9 and up by name": {"min_score": "99.9"},
        "scores 40 to 41 by age": {"min_score": "40", "max_score": "41", "sort": "age"},
        "score blank, by name": {"blank_score": "yes"},
        "search and range": {"q": "anna", "min_score": "90", "sort": "-age"},
    }
    return {page: "/students" + (f"?{urlencode(query)}" if query else "") for page, query in queries.items()} | {
        "record": f"/students/{rare}"
    }


@contextmanager
def open_school(database: str, size: int, folder: Path, cluster: Cluster) -> Iterator[School]:
    name = f"school_{size}"
    url = cluster.create(name) if database == "PostgreSQL" else f"sqlite:///{folder / name}.db"
    app = make_app(folder / name, url)
    fill_school(app, size)
    add_editor(app)
    with running_server(folder / name, url) as server:
        yield School(app, addresses(app), partial(read, sign_in(app)), sign_in_over_http(server))
    with app.app_context():
        db.engine.dispose()
    if database == "PostgreSQL":
        cluster.drop(name)


def read(visitor: Visitor, address: str) -> None:
    answer = visitor.open(address, headers={"Accept-Encoding": "gzip"})
    assert answer.status_code == 200, (address, answer.status)


def timed(reads: dict[int, Callable[[], object]]) -> dict[int, Times]:
    """Give for each the median and the 95th percentile in ms."""
    times: dict[int, list[float]] = {size: [] for size in reads}
    for read in reads.values():
        read()
    for _ in range(TRIES):
        for size, read in reads.items():
            start = time.perf_counter()
            read()
            times[size].append((time.perf_counter() - start) * 1000)
    return {size: Times(statistics.median(each), sorted(each)[int(TRIES * 0.95)]) for size, each in times.items()}


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or list(SIZES))
