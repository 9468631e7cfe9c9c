"""Write a page of figures: a table with a line for each size of a school on each database."""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.cluster import Cluster, running_cluster

DATABASES = ("SQLite", "PostgreSQL")
Measure = Callable[[str, int, Path, Cluster], str]
"""Measures on a database, in a school of a size, with files in a folder, and gives the line of the table."""


def write_page(page: Path, introduction: str, heading: str, sizes: Sequence[int], measure: Measure) -> None:
    """Measure each size on each database, show each line as soon as it is known, and keep them all."""
    lines = [heading, "|---" * (heading.count("|") - 1) + "|"]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        for database in DATABASES:
            for size in sizes:
                lines.append(measure(database, size, Path(folder), cluster))
                print(lines[-1], flush=True)
    page.write_text(introduction + "\n".join(lines) + "\n")
