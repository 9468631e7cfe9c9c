"""Import a sheet of over a gigabyte, once a database, for its memory: python -m benchmarks.large [ROWS …]"""

import sys
import tempfile
from pathlib import Path

from benchmarks.imports import database_with, run
from benchmarks.workload import write_sheet
from tests.cluster import Cluster, running_cluster

SIZES = (1_000_000, 10_000_000)
REMARK = "Moved here in the autumn; the marks of the first term are those of the other school."
PAGE = Path(__file__).parent / "large.md"
HEADING = "| database | rows | sheet MB | preview s | apply s | undo s | memory MB |"
INTRODUCTION = """# Importing a sheet of over a gigabyte
Made by `python -m benchmarks.large`; one run each. The table holds half as many students as the sheet has rows; half of
the common rows differ. Memory is the worker's peak over its idle process.

"""


def main(sizes: list[int]) -> None:
    lines = [HEADING, "|---" * (HEADING.count("|") - 1) + "|"]
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        for rows in sizes:
            sheet = Path(folder) / "sheet.csv"
            write_sheet(sheet, rows, REMARK)
            for database in ("SQLite", "PostgreSQL"):
                lines.append(_measure(database, rows, sheet, cluster))
                print(lines[-1], flush=True)
    PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


def _measure(database: str, rows: int, sheet: Path, cluster: Cluster) -> str:
    with database_with(database, rows, sheet.parent, cluster) as (_app, url):
        report = run(url, sheet.parent, sheet, rows)
    seconds = " | ".join(f"{report[step]:.0f}" for step in ("preview", "apply", "undo"))
    return f"| {database} | {rows:,} | {sheet.stat().st_size / 1e6:,.0f} | {seconds} | {report['memory']:.0f} |"


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or list(SIZES))
