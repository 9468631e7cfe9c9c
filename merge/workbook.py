"""Write one tab of an Excel or LibreOffice workbook as CSV. Runs only in the confined process; see merge/confined.py."""

import csv
import datetime as dt
import mmap
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import python_calamine as calamine

from merge.kinds import ADVICE, no_sheet
from merge.limits import LONGEST_CELL, MOST_COLUMNS, MOST_TABS, TOO_MUCH, too_wide
from merge.problems import SheetRefused
from merge.rows import TYPED
from merge.workbook_errors import Errors, find_errors
from merge.workbook_percents import Percents, find_percents, write_percent
from words import later

EXTENSIONS = {"xl/workbook.xml": ".xlsx", "xl/workbook.bin": ".xlsb", "content.xml": ".ods"}
"""By the part that only workbooks of that kind have."""
MACROS = re.compile(r"vbaproject\.bin$|^basic/|^scripts/|^xl/macrosheets/", re.IGNORECASE)
NO_WORKBOOKS = {
    "word/": later("a Word document"),
    "ppt/": later("a PowerPoint presentation"),
    "Index/Document.iwa": later("an Apple Numbers document"),
    "application/vnd.oasis.opendocument.text": later("a text document"),
    "application/vnd.oasis.opendocument.presentation": later("a presentation"),
}
# Names of the streams inside an old workbook, which are written with two bytes a character.
OLD_PARTS = {"EncryptedPackage": "password", "_VBA_PROJECT": "macros", "WordDocument": "word", "PowerPoint Document": "ppt"}

SENTENCES = {
    "password": later(
        "The workbook is protected with a password. Open it in your spreadsheet and save it as an “Excel workbook” (.xlsx) "
        "without the password, then upload that."
    ),
    "macros": later(
        "The workbook contains macros, and files with macros are not accepted. Open it in your spreadsheet and save it as "
        "an “Excel workbook” (.xlsx) without them, then upload that."
    ),
    "word": no_sheet(NO_WORKBOOKS["word/"]),
    "ppt": no_sheet(NO_WORKBOOKS["ppt/"]),
    "entities": later("The workbook declares entities, which no spreadsheet program writes. %(advice)s", advice=ADVICE),
    "damaged": later(
        "The workbook is damaged or of a kind that can't be read. "
        "Open it in your spreadsheet, save it as an “Excel workbook” (.xlsx), and upload that."
    ),
}
Value = int | float | str | bool | dt.date | dt.time | dt.timedelta


def extension_of(packed: zipfile.ZipFile) -> str | None:
    """Give the extension that the archive should have if it is a workbook. Raises SheetRefused at another kind of document."""
    names = packed.namelist()
    kind = packed.read("mimetype")[:100].decode("ascii", "replace") if "mimetype" in names[:1] else ""
    for mark, document in NO_WORKBOOKS.items():
        if kind == mark or (not kind and any(name.startswith(mark) for name in names)):
            raise SheetRefused(no_sheet(document))
    return next((extension for part, extension in EXTENSIONS.items() if part in names), None)


def write_tab(source: Path, target: Path, tab: str | int, packed: zipfile.ZipFile | None) -> tuple[list[str], str]:
    """Write a line for every row of the tab, blank ones too, so that a line's number is the row's; name all tabs, and this one.

    Raises SheetRefused.
    """
    _refuse_unreadable(source, packed)
    try:
        with _named(source, target, packed) as path, calamine.load_workbook(path) as workbook:
            tabs = _tabs(workbook)
            name = _choose(tab, tabs)
            place = workbook.sheet_names.index(name)
            errors = find_errors(packed, place) if packed else {}
            percents = find_percents(packed, place) if packed else {}
            _write(workbook.get_sheet_by_name(name), target, errors, percents)
    except calamine.PasswordError:
        raise SheetRefused(SENTENCES["password"]) from None
    except calamine.CalamineError as error:
        raise SheetRefused(TOO_MUCH if "limit exceeded" in str(error) else SENTENCES["damaged"]) from None
    return tabs, name


@contextmanager
def _named(source: Path, target: Path, packed: zipfile.ZipFile | None) -> Iterator[Path]:
    """Lend the file the extension of its kind: without one the reader tries all kinds, and doesn't say what is wrong with it."""
    path = target.with_name(target.name + ((packed and extension_of(packed)) or ".xls"))
    path.symlink_to(source.absolute())
    try:
        yield path
    finally:
        path.unlink()


def _refuse_unreadable(source: Path, packed: zipfile.ZipFile | None) -> None:
    if packed is None:
        with open(source, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            found = next((why for part, why in OLD_PARTS.items() if content.find(part.encode("utf-16-le")) >= 0), None)
    elif any(MACROS.search(name) for name in packed.namelist()):
        found = "macros"
    else:
        found = "entities" if _declares_entities(packed) else None
    if found:
        raise SheetRefused(SENTENCES[found])


def _declares_entities(packed: zipfile.ZipFile) -> bool:
    """Look for a document type, which has to stand before all else. The reader expands none, but fails without saying why."""
    for member in packed.filelist:
        if member.filename.endswith((".xml", ".rels")):
            try:
                with packed.open(member) as part:
                    if b"<!DOCTYPE" in part.read(4096).replace(b"\x00", b""):
                        return True
            except (zipfile.BadZipFile, NotImplementedError, RuntimeError):
                raise SheetRefused(SENTENCES["damaged"]) from None
    return False


def _tabs(workbook: calamine.CalamineWorkbook) -> list[str]:
    """Name the tabs that a person sees; where all are hidden, all."""
    sheets = [sheet for sheet in workbook.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
    shown = [sheet.name for sheet in sheets if sheet.visible == calamine.SheetVisibleEnum.Visible]
    tabs = shown or [sheet.name for sheet in sheets]
    if not tabs:
        raise SheetRefused(later("The workbook has no tab with cells in it."))
    if len(tabs) > MOST_TABS:
        raise SheetRefused(
            later("The workbook has %(tabs)s tabs. Save the tab that you want as a separate workbook.", tabs=len(tabs))
        )
    return tabs


def _choose(tab: str | int, tabs: list[str]) -> str:
    if isinstance(tab, int) and tab < len(tabs):
        return tabs[tab]
    if tab in tabs:
        return str(tab)
    raise SheetRefused(
        later("The workbook has no tab “%(tab)s”. Choose one of: %(tabs)s.", tab=str(tab), tabs=", ".join(tabs[:10]))
    )


def _write(sheet: calamine.CalamineSheet, target: Path, errors: Errors, percents: Percents) -> None:
    if sheet.width > MOST_COLUMNS:
        raise SheetRefused(too_wide(sheet.width))
    left = sheet.start[1] if sheet.start else 0
    rows = _with_percents(sheet.iter_rows(), left, percents) if percents else sheet.iter_rows()
    with open(target, "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(_texts(rows, left, errors))


def _with_percents(rows: Iterable[list[Value]], left: int, percents: Percents) -> Iterator[list[Value]]:
    """Put a text where a person sees a percentage. The reader gives rows from the first on, but no columns left of the first."""
    marks = [(column - left, shown) for column, shown in percents.items() if column >= left]
    for number, row in enumerate(rows, 1):
        for place, shown in marks:
            value = row[place] if number < len(shown) and shown[number] and place < len(row) else None
            if isinstance(value, float):
                row[place] = _typed(write_percent(value))
        yield row


def _texts(rows: Iterable[list[Value]], left: int, errors: Errors) -> Iterator[list[str]]:
    """Give each row as texts, those above the first filled one too."""
    for number, row in enumerate(rows, 1):
        texts = [value if type(value) is str else TEXTS[type(value)](value) for value in row]
        if "\0" in "".join(texts):  # written _x0000_ in a workbook, and PostgreSQL takes it in no text
            texts = [text.replace("\0", "\ufffd") for text in texts]
        for column, error in errors.pop(number, {}).items() if errors else ():
            if 0 <= column - left < len(texts):
                texts[column - left] = error
        if sum(map(len, texts)) > LONGEST_CELL and max(map(len, texts)) > LONGEST_CELL:
            raise SheetRefused(
                later(
                    "On line %(line)s a cell has more than %(most)s characters. Shorten it and upload the sheet again.",
                    line=str(number),
                    most=LONGEST_CELL,
                )
            )
        yield texts


def _moment(value: dt.datetime) -> str:
    # Every date in a workbook has a time; one that nobody typed is midnight.
    return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")


def _number(value: float) -> str:
    """Write at most the 15 digits that a spreadsheet shows: more are the noise of its arithmetic, as in 57.699999999999996.

    A workbook's numbers are all floats, and a person typed 7, not 7.0.
    """
    return _typed(repr(value if value.is_integer() else float(f"{value:.15g}")).removesuffix(".0"))


def _typed(text: str) -> str:
    return TYPED + text if "." in text else text


TEXTS: dict[type, Callable[[Any], str]] = {
    int: str,
    float: _number,
    bool: lambda value: "TRUE" if value else "FALSE",
    dt.datetime: _moment,
    dt.date: dt.date.isoformat,
    dt.time: dt.time.isoformat,
    dt.timedelta: str,
}
"""How a value is written so that it reads as a person would have typed it."""
