"""Understand an uploaded file as a sheet: how it is written, its headings, its rows."""

import csv
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import dropwhile
from operator import itemgetter
from pathlib import Path
from typing import Any

from documents import known
from merge import confined
from merge.columns import BY_NAME, KEY, MATCHING, match_headings, places
from merge.delimiters import DELIMITERS, find_delimiter
from merge.encodings import ENCODINGS, decodes, find_encoding
from merge.left_out import (
    ABOVE,
    AGAIN,
    MOST_TOTALS,
    MOST_UNITS,
    ROWS_ABOVE,
    TOTALS,
    UNITS,
    find_headings,
    is_totals_row,
    is_units_row,
    join_headings,
    joined_headings,
    knows,
)
from merge.limits import LONGEST_CELL, MOST_COLUMNS, too_wide
from merge.oneroster import roster_columns, roster_of
from merge.opening import Plain, discard_files, files_made_of, open_plain
from merge.problems import SheetRefused
from merge.rows import in_notation, read_blocks, unwrap
from words import later

__all__ = ["DELIMITERS", "ENCODINGS", "Row", "Sheet", "discard_files", "inspect"]

ADD_HEADINGS = later("add a row above them that names the columns, such as: %(columns)s.", columns=", ".join(BY_NAME))

MOST_NAMED = 5
NO_HEADER = "none"
HEADER = re.compile(r"([0-9]{1,2})(?:-([0-9]{1,2}))?")
HEADERS_OFFERED, CELLS_OFFERED = 20, 8

Row = tuple[int, list[str]]
"""A line, as the person sees it in the spreadsheet, and its cells."""


@dataclass(frozen=True)
class Sheet:
    """An uploaded file whose encoding, separator and headings are known."""

    path: str
    """The text file that the rows are read from: the upload itself, or what was made of it."""
    encoding: str
    delimiter: str
    headings: list[str]
    columns: list[str | None]
    """The student's column for each heading, None where it is ignored."""
    first_line: int = 2
    """The line of the first row that may be a student."""
    left_out: list[list[Any]] = field(default_factory=list)
    """Line and reason of each row that is about the sheet; totals at its end are added when `blocks` has come to them."""
    tabs: list[str] = field(default_factory=list)
    """The workbook's tabs; none if it is no workbook."""
    tab: str | None = None
    header: str = ""
    """The line of the header row, or "1-2" where it is two; NO_HEADER where there is none."""
    wrapped: bool = False
    """Whether each row is in quotation marks as a whole."""
    beside: list[int] = field(default_factory=list)
    """The first lines of a workbook that have cells right of the table, which are ignored; found as `blocks` comes to them."""
    mended: dict[str, list[str]] = field(default_factory=dict)
    """The cells of rows that somebody has mended since, by their line. The file stays as it was uploaded."""

    @property
    def header_row(self) -> str:
        """Where the headings are, also where an earlier release read the sheet."""
        return self.header or str(self.first_line - 1)

    @property
    def ignored(self) -> list[str]:
        return [heading for heading, column in zip(self.headings, self.columns, strict=True) if not column and heading]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Sheet":
        return known(cls, kept)

    def blocks(self, decimal: str = ".") -> Iterator[tuple[list[Row], float]]:
        """Stream the students' rows that are not blank, in blocks, each with the share of the file read so far.

        A workbook's numbers are written with the decimal sign that its texts have.
        A line is a row of the spreadsheet: a cell with a line break in it does not count twice. Raises SheetRefused.
        """
        line, held, roster = 1, list[Row](), roster_of(self.headings)
        for block in read_blocks(Path(self.path), self.encoding, self.delimiter, wrapped=self.wrapped):
            cells = in_notation(block.rows, decimal) if self.tabs else block.rows
            rows = self._without_headings(self._within_table(_filled(cells, line, self.first_line)))
            rows = held + (roster.students(rows) if roster else rows)
            line += len(block.rows)
            # Only the sheet's last rows may be totals, and which are the last shows when no more come.
            end = self._without_totals(rows) if block.last else max(len(rows) - MOST_TOTALS, 0)
            if roster and block.last:
                self.left_out.extend(reason for reason in roster.left_out() if reason not in self.left_out)
            held = [] if block.last else rows[end:]
            if end:
                yield self._as_mended(rows[:end]), block.share

    def _without_headings(self, rows: list[Row]) -> list[Row]:
        """Leave out headings that are printed again, as at the top of each page."""
        if not any(self.headings):
            return rows
        again = {line for line, row in rows if row[0].startswith(self.headings[0]) and [*map(str.strip, row)] == self.headings}
        named = sum(reason == AGAIN for _, reason in self.left_out)
        noted = [[line, AGAIN] for line in sorted(again)[:MOST_NAMED] if [line, AGAIN] not in self.left_out]
        self.left_out.extend(noted[: max(0, MOST_NAMED - named)])
        return [row for row in rows if row[0] not in again] if again else rows

    def _within_table(self, rows: list[Row]) -> list[Row]:
        """Cut off a remark beside a workbook's table. In a text file, more cells than headings may be a cell that fell apart."""
        width = len(self.headings)
        if not self.tabs or all(len(row) <= width for _, row in rows):
            return rows
        beside = [line for line, row in rows if any(map(str.strip, row[width:])) and line not in self.beside]
        self.beside.extend(beside[: MOST_NAMED - len(self.beside)])
        return [(line, row[:width]) for line, row in rows]

    def _as_mended(self, rows: list[Row]) -> list[Row]:
        if not self.mended:
            return rows
        return [(line, self.mended.get(str(line), cells)) for line, cells in rows]

    def _without_totals(self, rows: list[Row]) -> int:
        """Give the number of rows before the totals, and name the totals as left out."""
        last = rows[-MOST_TOTALS:]
        students = list(dropwhile(lambda row: is_totals_row(row[1], self.columns), reversed(last)))
        for line, _ in last[len(students) :]:
            if [line, TOTALS] not in self.left_out:
                self.left_out.append([line, TOTALS])
        return len(rows) - len(last) + len(students)


def inspect(
    upload: Path, *, encoding: str | None = None, delimiter: str | None = None, tab: str | None = None, header: str | None = None
) -> Sheet:
    """Find out how to read the file, but for what is given. Raises SheetRefused with a sentence where it can't be read at all.

    Whatever it makes of the upload lies beside it, and goes with it by `discard_files`.
    """
    before = files_made_of(upload)
    try:
        return Sheet.from_json(confined.run(_inspect, str(upload.absolute()), encoding, delimiter, tab, header))
    except BaseException:
        for made in files_made_of(upload) - before:
            made.unlink(missing_ok=True)
        raise


def first_rows(sheet: Sheet, number: int, longest: int = LONGEST_CELL) -> list[list[str]]:
    """Give so many of the students' first rows, each cell cut off behind so many characters."""
    rows: list[list[str]] = confined.run(_first_rows_of, sheet.to_json(), number, longest)
    return rows


def header_rows(sheet: Sheet, longest: int) -> dict[str, list[str]]:
    """Give the first filled rows, any of which may be the header row, by what `inspect` takes for it."""
    rows: dict[str, list[str]] = confined.run(_header_rows_of, sheet.to_json(), longest)
    return rows


def _header_rows_of(kept: dict[str, Any], longest: int) -> Iterator[dict[str, list[str]]]:
    sheet = Sheet.from_json(kept)
    rows = _first_rows(Path(sheet.path), sheet.encoding, sheet.delimiter, wrapped=sheet.wrapped)[:ROWS_ABOVE]
    filled = [(str(line), row) for line, row in enumerate(rows, 1) if any(map(str.strip, row))]
    yield {
        line: [cell.strip()[:longest] for cell in row if cell.strip()][:CELLS_OFFERED] for line, row in filled[:HEADERS_OFFERED]
    }


def _first_rows_of(kept: dict[str, Any], number: int, longest: int) -> Iterator[list[list[str]]]:
    rows, _ = next(Sheet.from_json(kept).blocks(), ([], 1.0))
    yield [[cell[:longest] for cell in row] for _, row in rows[:number]]


def _inspect(
    upload: str, encoding: str | None, delimiter: str | None, tab: str | None, header: str | None
) -> Iterator[dict[str, Any]]:
    """Do it, in the process of its own."""
    sheet = _understand(open_plain(Path(upload), tab, _is_known), encoding, delimiter, header)
    if next(sheet.blocks(), None) is None:
        raise SheetRefused(later("The sheet has a heading but no rows under it, so there is nothing to import."))
    yield sheet.to_json()


def _understand(plain: Plain, encoding: str | None, delimiter: str | None, header: str | None) -> Sheet:
    given = bool(plain.tabs or delimiter)
    if plain.tabs:
        encoding, delimiter = "utf-8", ","
    else:
        encoding = _given_encoding(plain.path, encoding) if encoding else find_encoding(plain.path)
        delimiter = _given_delimiter(delimiter) if delimiter else find_delimiter(plain.path, encoding)
    rows, wrapped = _first_rows(plain.path, encoding, delimiter), False
    if not given and (unwrapped := _find_wrapped(rows)):
        (delimiter, rows), wrapped = unwrapped, True
    first, place, cells = _given_header(rows, header) if header else _find_header(rows)
    headings = _headings(cells)
    columns = match_headings(headings)
    if roster := roster_of(headings):
        columns = roster_columns(roster, KEY.name, columns, rows[place + 1 :])
    units = place + 1
    while 0 < units <= place + MOST_UNITS and units < len(rows) and is_units_row(rows[units], columns):
        units += 1
    left_out: list[list[Any]] = [[line, ABOVE] for line, row in enumerate(rows[:first], 1) if any(map(str.strip, row))]
    left_out += [[line, UNITS] for line in range(place + 2, units + 1)]
    found = NO_HEADER if place < 0 else f"{place + 1}" if first == place else f"{first + 1}-{place + 1}"
    return Sheet(
        str(plain.path), encoding, delimiter, headings, columns, units + 1, left_out, plain.tabs, plain.tab, found, wrapped
    )


def _find_header(rows: list[list[str]]) -> tuple[int, int, list[str]]:
    """Give the first and the last row of the headings, and these; a row with numbers and without a known key is none."""
    if not rows:
        return 0, 0, []
    first, last, cells = join_headings(rows, find_headings(rows))
    if not MATCHING & places(match_headings(cells[:MOST_COLUMNS])).keys() and any(cell.strip().isdecimal() for cell in cells):
        return _without_header(rows)
    return first, last, cells


def _given_header(rows: list[list[str]], header: str) -> tuple[int, int, list[str]]:
    if header == NO_HEADER:
        return _without_header(rows)
    found = HEADER.fullmatch(header)
    first = int(found[1]) - 1 if found else -1
    last = int(found[2]) - 1 if found and found[2] else first
    if not (0 <= first <= last <= first + 1 and last < len(rows) and any(map(str.strip, rows[last]))):
        raise SheetRefused(later("This row can’t be the header row. Choose another one."))
    return first, last, rows[first] if first == last else joined_headings(rows[first], rows[last])


def _without_header(rows: list[list[str]]) -> tuple[int, int, list[str]]:
    return 0, -1, [""] * max(map(len, rows), default=0)


def _find_wrapped(rows: list[list[str]]) -> tuple[str, list[list[str]]] | None:
    """Find the delimiter within rows that are one cell each, and give them taken apart; None if they are no such rows."""
    if not rows or any(len(row) > 1 for row in rows):
        return None
    for delimiter in DELIMITERS:
        with suppress(csv.Error):
            apart = [unwrap(row, delimiter) for row in rows]
            if knows(apart[find_headings(apart)]) > 1:
                return delimiter, apart
    return None


def _is_known(tab: Path) -> bool:
    rows = _first_rows(tab, "utf-8", ",")
    return bool(rows) and knows(rows[find_headings(rows)]) > 0


def _first_rows(path: Path, encoding: str, delimiter: str, *, wrapped: bool = False) -> list[list[str]]:
    first = next(read_blocks(path, encoding, delimiter, wrapped=wrapped), None)
    return in_notation(first.rows, ".") if first else []


def _given_encoding(path: Path, encoding: str) -> str:
    if encoding not in ENCODINGS or not decodes(path, encoding):
        raise SheetRefused(
            later("The file is not written in %(encoding)s. Choose another encoding.", encoding=ENCODINGS.get(encoding, encoding))
        )
    return encoding


def _given_delimiter(delimiter: str) -> str:
    if delimiter not in DELIMITERS:
        raise SheetRefused(later("The delimiter can be one of these: %(signs)s.", signs=", ".join(map(str, DELIMITERS.values()))))
    return delimiter


def _headings(cells: list[str]) -> list[str]:
    headings = [cell.strip() for cell in cells]
    while any(headings) and not headings[-1]:
        headings.pop()
    if len(headings) > MOST_COLUMNS:
        raise SheetRefused(too_wide(len(headings)))
    return headings


def _filled(rows: list[list[str]], line: int, first_line: int) -> list[Row]:
    """Number the rows, and leave out the blank ones and those above the first student."""
    # In nearly every block each row's first cell is filled, and that can be seen without a step of Python a row.
    if line >= first_line and all(rows) and all(map(str.strip, map(itemgetter(0), rows))):
        return list(enumerate(rows, line))
    return [(number, row) for number, row in enumerate(rows, line) if number >= first_line and any(map(str.strip, row))]
