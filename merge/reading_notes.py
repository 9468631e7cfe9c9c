"""Say what was understood of a sheet's file, and what in it was not read: sentences for a page, a command and the API."""

from collections.abc import Iterator

from merge.encodings import ENCODINGS
from merge.sheet import Sheet
from words import Later, later

UNICODE = "utf-"


def reading_notes(sheet: Sheet) -> list[Later]:
    """Give a sentence for each thing that a person may want to check."""
    return [*_encoding(sheet), *_tabs(sheet), *_cells(sheet)]


def _encoding(sheet: Sheet) -> Iterator[Later]:
    if not sheet.encoding.startswith(UNICODE):
        yield later(
            "The file was read as %(encoding)s. Check that letters with accents look right; if not, choose another encoding.",
            encoding=ENCODINGS.get(sheet.encoding, sheet.encoding),
        )


def _tabs(sheet: Sheet) -> Iterator[Later]:
    others = [tab for tab in sheet.tabs if tab != sheet.tab]
    if others:
        yield later("Only the tab “%(tab)s” was read. Not read: %(others)s.", tab=sheet.tab or "", others=", ".join(others))


def _cells(sheet: Sheet) -> Iterator[Later]:
    if sheet.wrapped:
        yield later("Each row was in quotation marks as a whole, and was taken apart.")
    if sheet.beside:
        lines = ", ".join(map(str, sheet.beside))
        yield later("Cells right of the table are ignored, for example on these lines: %(lines)s.", lines=lines)
