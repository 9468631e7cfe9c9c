"""Read a text file as rows of cells, in blocks that fit in memory however the file is made."""

import csv
import os
import re
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
# Before a number of a workbook that has a decimal point, so that it is one however the texts around it write theirs.
TYPED = "\ufdd0"
# "Robert \\"Bob\\" Smith": some programs write a quotation mark inside a cell so; a cell may also end in a backslash.
ESCAPED = re.compile(r'(?:^|[,;|\t])\s*+"[^"\\]*+(?:\\[^"][^"\\]*+)*+\\"[^",;|\t\r\n]')


@dataclass(frozen=True)
class Block:
    """Rows that follow each other, the share of the file read so far, and whether these are the last."""

    rows: list[list[str]]
    share: float
    last: bool


def read_blocks(path: Path, encoding: str, delimiter: str, *, wrapped: bool = False) -> Iterator[Block]:
    """Read all rows, in blocks of a number of rows or bytes, whichever comes first. Raises SheetRefused.

    Blanks before a quotation mark belong to no cell. Rows that are `wrapped` are in quotation marks as a whole.
    """
    csv.field_size_limit(LONGEST_CELL)
    with open(path, encoding=encoding, newline="", buffering=PORTION) as file:
        lines = _Lines(file)
        reader = csv.reader(chain(chain.from_iterable(lines), [END]), delimiter=delimiter, skipinitialspace=True)
        size, line = os.fstat(file.fileno()).st_size, 1
        while rows := _read_block(reader, lines, line):
            line += len(rows)
            last = bool(rows[-1]) and rows[-1][-1].endswith(END)
            if last and rows.pop() != [END]:
                raise _never_closed(line - 1)
            yield Block(_unwrapped(rows, delimiter) if wrapped else rows, lines.tell() / size if size else 1.0, last)


def unwrap(row: list[str], delimiter: str) -> list[str]:
    """Take a row apart that is one cell."""
    return next(csv.reader(row, delimiter=delimiter, skipinitialspace=True), row) if len(row) == 1 else row


def in_notation(rows: list[list[str]], decimal: str) -> list[list[str]]:
    """Write the numbers that are typed in a workbook as the texts beside them write theirs."""
    return [
        [cell[1:].replace(".", decimal) if cell.startswith(TYPED) else cell for cell in row] if TYPED in "".join(row) else row
        for row in rows
    ]


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
            yield [_doubled(line) for line in portion] if any('\\"' in line for line in portion) else portion


def _doubled(line: str) -> str:
    """Write a quotation mark inside a cell twice, as the reader knows it, where the line escapes it with a backslash."""
    return line.replace('\\"', '""') if '\\"' in line and ESCAPED.search(line) else line


def _unwrapped(rows: list[list[str]], delimiter: str) -> list[list[str]]:
    try:
        return [unwrap(row, delimiter) for row in rows]
    except csv.Error:  # a line break or an open quotation mark within the row: it stays one cell, and is rejected as such
        return rows


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
