"""Read a text file as rows of cells, in blocks that fit in memory however the file is made."""

import csv
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TextIO

from merge.limits import LONGEST_CELL, LONGEST_HUNDRED_ROWS
from merge.problems import SheetRefused
from words import later

BLOCK_ROWS = 20_000
BLOCK_BYTES = 4 << 20
PART_ROWS = 100
PORTION = 1 << 17
# A last row of our own: where it comes back inside a cell, a quotation mark was never closed.
END = "\x1eend of sheet"


@dataclass(frozen=True)
class Block:
    """Rows that follow each other, the share of the file read so far, and whether these are the last."""

    rows: list[list[str]]
    share: float
    last: bool


def read_blocks(path: Path, encoding: str, delimiter: str) -> Iterator[Block]:
    """Read all rows, in blocks of a number of rows or bytes, whichever comes first. Raises SheetRefused."""
    csv.field_size_limit(LONGEST_CELL)
    with open(path, encoding=encoding, newline="", buffering=PORTION) as file:
        lines = _Lines(file)
        reader = csv.reader(chain(chain.from_iterable(lines), [END]), delimiter=delimiter)
        size, line = os.fstat(file.fileno()).st_size, 1
        while rows := _read_block(reader, lines, line):
            line += len(rows)
            last = bool(rows[-1]) and rows[-1][-1].endswith(END)
            if last and rows.pop() != [END]:
                raise _never_closed(line - 1)
            yield Block(rows, lines.tell() / size if size else 1.0, last)


class _Lines:
    """The file's lines, a portion at a time; a row that goes on over ever more of them is noticed."""

    def __init__(self, file: TextIO) -> None:
        self.file = file
        # The bytes that the text was decoded from; the text file itself can't tell them while it is iterated.
        self.tell: Callable[[], int] = file.buffer.tell
        self.until = 0

    def __iter__(self) -> Iterator[list[str]]:
        while portion := self.file.readlines(PORTION):
            if self.tell() > self.until:
                raise csv.Error("the rows are too long")
            yield portion


def _read_block(reader: Iterator[list[str]], lines: _Lines, line: int) -> list[list[str]]:
    rows: list[list[str]] = []
    start, before = lines.tell(), -1
    try:
        while before < len(rows) < BLOCK_ROWS and lines.tell() - start < BLOCK_BYTES:
            before = len(rows)
            lines.until = lines.tell() + LONGEST_HUNDRED_ROWS
            rows.extend(islice(reader, PART_ROWS))
    except csv.Error:  # a cell or a row that outgrows its limit
        raise _never_closed(line + len(rows)) from None
    return rows


def _never_closed(line: int) -> SheetRefused:
    return SheetRefused(
        later(
            "On line %(line)s a quotation mark is opened and never closed. "
            "Close or remove it in the sheet, then upload it again.",
            line=str(line),
        )
    )
