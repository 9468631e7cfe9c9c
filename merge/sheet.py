"""Understand an uploaded file as a sheet: its encoding, its separator, its headings, its rows."""

import codecs
import csv
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

from merge.columns import BY_NAME, KEY, fold, match_headings
from merge.problems import SheetRefused

DELIMITERS = ",;\t|"
MOST_COLUMNS = 1_000
CHUNK = 1 << 20
BLOCK_ROWS = 20_000
BLOCK_BYTES = 4 << 20
PART_ROWS = 100

# Control bytes that no legacy encoding uses in text.
BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
KNOWN_KINDS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF document",
    b"\x1f\x8b": "a compressed file",
}
# A last row of our own: where it comes back inside a cell, a quotation mark was never closed.
END = "\x1eend of sheet"

Row = tuple[int, list[str]]
"""A line, as the person sees it in the spreadsheet, and its cells."""


@dataclass(frozen=True)
class Sheet:
    """An uploaded file whose encoding, separator and headings are known."""

    path: str
    encoding: str
    delimiter: str
    headings: list[str]
    columns: list[str | None]
    """The student's column for each heading, None where it is ignored."""

    @property
    def ignored(self) -> list[str]:
        return [heading for heading, column in zip(self.headings, self.columns, strict=True) if not column and heading]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    def blocks(self) -> Iterator[tuple[list[Row], float]]:
        """Stream the rows under the heading that are not blank, in blocks, each with the share of the file read so far.

        A line is a row of the spreadsheet: a cell with a line break in it does not count twice. Raises SheetRefused.
        """
        with open(self.path, encoding=self.encoding, newline="") as file:
            # The bytes that the text was decoded from; the text file itself can't tell them while it is iterated.
            tell: Callable[[], int] = file.buffer.tell  # type: ignore[attr-defined]
            size, line = os.fstat(file.fileno()).st_size, 1
            for rows in _blocks(file, self.delimiter, tell):
                filled = [(number, row) for number, row in enumerate(rows, line) if number > 1 and _is_filled(row)]
                line += len(rows)
                if filled:
                    yield filled, tell() / size


def inspect(path: Path) -> Sheet:
    """Find out how to read the file. Raises SheetRefused with a sentence where it can't be read at all."""
    encoding = _encoding(path)
    delimiter = _delimiter(path, encoding)
    with open(path, encoding=encoding, newline="") as file:
        rows = next(_blocks(file, delimiter, file.buffer.tell), [])  # type: ignore[attr-defined]
        headings = [heading.strip() for heading in rows[0]] if rows else []
    while headings and not headings[-1]:
        headings.pop()
    _check_headings(headings)
    sheet = Sheet(str(path), encoding, delimiter, headings, match_headings(headings))
    _check_columns(sheet)
    if next(sheet.blocks(), None) is None:
        raise SheetRefused("The sheet has a heading but no rows under it, so there is nothing to import.")
    return sheet


def _encoding(path: Path) -> str:
    with open(path, "rb") as file:
        head = file.read(CHUNK)
    if not head.strip():
        raise SheetRefused("The file is empty. Choose the sheet again, or save it once more before uploading.")
    for magic, kind in KNOWN_KINDS.items():
        if head.startswith(magic):
            raise SheetRefused(f"This is {kind}, not a CSV file. In your spreadsheet choose “Save as”, then “CSV UTF-8”.")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        candidates = ["utf-16"]
    elif b"\x00" in head:
        raise SheetRefused("This is not a text file. In your spreadsheet choose “Save as”, then “CSV UTF-8”.")
    else:
        candidates = ["utf-8-sig", "windows-1252"]
    for encoding in candidates:
        if _decodes(path, encoding):
            return encoding
    raise SheetRefused("The file's characters can't be read. In your spreadsheet choose “Save as”, then “CSV UTF-8”.")


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    legacy = not encoding.startswith("utf")
    with open(path, "rb") as file:
        try:
            while chunk := file.read(CHUNK):
                if (legacy and BINARY.search(chunk)) or "\x00" in decoder.decode(chunk):
                    return False
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _delimiter(path: Path, encoding: str) -> str:
    """Take the separator under which most headings are known, and of those the one that cuts most."""
    with open(path, encoding=encoding, newline="") as file:
        heading = file.readline(CHUNK)

    def cuts(delimiter: str) -> tuple[int, int]:
        cells = next(csv.reader([heading], delimiter=delimiter), [])
        return sum(column is not None for column in match_headings(cells)), len(cells)

    return max(DELIMITERS, key=cuts)


def _check_headings(headings: list[str]) -> None:
    if len(headings) > MOST_COLUMNS:
        raise SheetRefused(f"The sheet has {len(headings):,} columns; at most {MOST_COLUMNS:,} can be read.")
    seen: dict[str, str] = {}
    for heading in filter(fold, headings):
        if fold(heading) in seen:
            raise SheetRefused(f"The heading “{heading}” stands twice in the sheet. Rename or remove one of the two columns.")
        seen[fold(heading)] = heading


def _check_columns(sheet: Sheet) -> None:
    for name, column in BY_NAME.items():
        rivals = [h for h, c in zip(sheet.headings, sheet.columns, strict=True) if c == name]
        if len(rivals) > 1:
            both = " and ".join(f"“{heading}”" for heading in rivals[:2])
            raise SheetRefused(f"The headings {both} both mean {column.label}. Rename or remove one of the two columns.")
    if KEY.name not in sheet.columns:
        raise SheetRefused(
            f"No heading says which column holds the {KEY.label}, so its rows can't be matched with students. "
            f"The first row has to name the columns, for example: {', '.join(BY_NAME)}."
        )


def _blocks(lines: Iterator[str], delimiter: str, tell: Callable[[], int]) -> Iterator[list[list[str]]]:
    """Read all rows in blocks of a number of rows or bytes, whichever comes first: a block has to fit in memory, however wide.

    Raises SheetRefused at a quotation mark that is never closed.
    """
    reader = csv.reader(chain(lines, [END]), delimiter=delimiter)
    line = 1
    while rows := _block(reader, line, tell):
        line += len(rows)
        if rows[-1] == [END]:
            rows.pop()
        elif rows[-1] and rows[-1][-1].endswith(END):
            raise _never_closed(line - 1)
        yield rows


def _block(reader: Iterator[list[str]], line: int, tell: Callable[[], int]) -> list[list[str]]:
    rows: list[list[str]] = []
    start, before = tell(), -1
    try:
        while before < len(rows) < BLOCK_ROWS and tell() - start < BLOCK_BYTES:
            before = len(rows)
            rows.extend(islice(reader, PART_ROWS))
    except csv.Error:  # a cell that outgrows the limit
        raise _never_closed(line + len(rows)) from None
    return rows


def _never_closed(line: int) -> SheetRefused:
    return SheetRefused(
        f"On line {line} a quotation mark is opened and never closed. Close or remove it in the sheet, then upload it again."
    )


def _is_filled(row: list[str]) -> bool:
    return bool(row) and (bool(row[0].strip()) or any(map(str.strip, row)))
