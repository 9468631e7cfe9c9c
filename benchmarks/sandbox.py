"""Stage a sheet that is read in a process of its own, beside one that a thread reads: python -m benchmarks.sandbox [ROWS]"""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from sqlalchemy import text

from benchmarks.workload import make_app, write_sheet
from merge import stage
from merge.imports import discarding
from merge.options import Options
from merge.sheet import Sheet, inspect
from models import Import, db
from tests.cluster import running_cluster

ROWS, RUNS = 1_000_000, 5
confined = stage._read_confined


def main(rows: int) -> None:
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        sheet = Path(folder) / "sheet.csv"
        write_sheet(sheet, rows)
        for database, url in (("SQLite", ""), ("PostgreSQL", cluster.create("sandbox"))):
            app = make_app(Path(folder) / database, url)
            with app.app_context():
                upgrade()
                times: dict[Any, list[float]] = {in_a_thread: [], confined: []}
                for _ in range(RUNS):
                    for read, taken in times.items():
                        taken.append(_stage(sheet, read))
                db.session.remove()
                db.engine.dispose()
            thread, process = (statistics.median(taken) for taken in times.values())
            ratio = statistics.median(b / a for a, b in zip(*times.values(), strict=True))
            print(f"{database}: {rows:,} rows staged in {thread:.2f} s beside a thread, in {process:.2f} s: ratio {ratio:.2f}")


def in_a_thread(import_id: int, sheet: Sheet, options: Options) -> Iterator[tuple[list[Any], float]]:
    """Read a block ahead in this process."""
    blocks = ((stage._read_columns(block, import_id, sheet, options), share) for block, share in sheet.blocks())
    with ThreadPoolExecutor(1) as reader:
        upcoming = reader.submit(next, blocks, None)
        while (block := upcoming.result()) is not None:
            upcoming = reader.submit(next, blocks, None)
            yield block


def _stage(path: Path, read: Any) -> float:
    session = db.session()
    received = Import(actor="benchmark", filename="sheet.csv", path=str(path), size=0, sha256="", options={}, sheet={})
    session.add(received)
    session.commit()
    sheet = inspect(path)
    stage._read_confined = read
    started = time.perf_counter()
    stage.stage(session, received.id, sheet, lambda _rows, _share: None, Options())
    taken = time.perf_counter() - started
    discarding.discard_staged(session, received.id)
    session.commit()
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("TRUNCATE staged_rows"))
        session.commit()
    return taken


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
