"""Find out what separates the cells of a text file."""

import csv
import io
from contextlib import suppress
from itertools import islice
from pathlib import Path

from merge.left_out import ROWS_ABOVE, find_headings, knows
from words import later

DELIMITERS = {",": later("Comma"), ";": later("Semicolon"), "\t": later("Tab character"), "|": later("Vertical bar")}
SAMPLE = 1 << 16


def find_delimiter(path: Path, encoding: str) -> str:
    """Take the separator under which most headings are known; of those the one that cuts most rows alike, then most cells."""
    with open(path, encoding=encoding, newline="") as file:
        sample = file.read(SAMPLE)
    # A row that the sample's end cuts off would count as one of another width.
    whole = sample if len(sample) < SAMPLE else sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample

    def fitness(delimiter: str) -> tuple[int, int, int]:
        rows = _rows(whole, delimiter)
        headings = rows[find_headings(rows)] if rows else []
        width = len(headings)
        return knows(headings), sum(len(row) == width for row in rows) if width > 1 else 0, width

    return max(DELIMITERS, key=fitness)


def _rows(sample: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):  # a cell without end; whoever reads the sheet names its line
        rows.extend(islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), ROWS_ABOVE))
    return rows
