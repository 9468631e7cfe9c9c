"""Run one import as a worker does, in a process of its own, and print its times in seconds and its memory in MB as JSON."""

import json
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.workload import make_app
from merge.imports import claims, lifecycle, receiving, steps
from models import Import, db


def main(instance: str, database_url: str, sheet: str) -> None:
    app = make_app(Path(instance), database_url)
    with app.app_context():
        session = db.session()
        session.execute(db.select(1))
        idle = memory("VmRSS")
        report: dict[str, Any] = {}
        with Path(sheet).open("rb") as file:
            start = time.perf_counter()
            import_id = receiving.receive(session, app.config["UPLOADS"], "sheet.csv", file, "benchmark").id
            step(import_id)
            report["preview"] = time.perf_counter() - start
        report["apply"] = _timed(
            lambda: (
                lifecycle.start_apply(session, import_id, "benchmark", version=_version(import_id)),
                _announce(),
                step(import_id),
            )
        )
        applied = session.get_one(Import, import_id, populate_existing=True)
        report["counts"] = [applied.inserts, applied.updates, applied.unchanged, applied.rejected]
        report["undo"] = _timed(
            lambda: (lifecycle.start_undo(session, import_id, "benchmark", version=_version(import_id)), step(import_id))
        )
        report["state"] = session.get_one(Import, import_id, populate_existing=True).state
        report["memory"] = memory("VmHWM") - idle
    print(json.dumps(report), flush=True)


def _version(import_id: int) -> int:
    return db.session.get_one(Import, import_id, populate_existing=True).version


def step(import_id: int) -> None:
    session = db.session()
    claims.claim(session, "benchmark", only=import_id)
    steps.run_step(session, import_id, "benchmark")


def _timed(act: Any) -> float:
    start = time.perf_counter()
    act()
    return time.perf_counter() - start


def _announce() -> None:
    print("applying", flush=True)


def memory(kind: str) -> float:
    """Give the memory that this process has now (VmRSS) or the most that it has had (VmHWM), in MB; proc(5) tells both in kB."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(kind))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
