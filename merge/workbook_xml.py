"""Look into a workbook's own parts for what its reader does not tell of the cells. Runs only in the confined process."""

import re
import zipfile
from collections.abc import Iterator
from posixpath import join, normpath
from xml.etree import ElementTree as ET

CHUNK = 1 << 20
# A cell's element is short up to its value; what is cut at a chunk's end is looked at again with the next one.
OVERLAP = 4096
ODS_CONTENT = "content.xml"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
# A tab ends in rows and cells that are repeated up to its rim.
MOST_ROWS = 1_048_576
MOST_REPEATED = 1_000
PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})(\d{1,7})["']""")


def tab_part(packed: zipfile.ZipFile, tab: int) -> str | None:
    """Name the part of an XLSX workbook that holds the tab counted from 0; None in a workbook of another kind."""
    workbook = read_part(packed, "xl/workbook.xml")
    sheets = [element for element in workbook.iter() if element.tag.endswith("}sheet")] if workbook is not None else []
    key = next((value for name, value in sheets[tab].attrib.items() if name.endswith("}id")), None) if tab < len(sheets) else None
    return _related(packed, "Id", key or "")


def styles_part(packed: zipfile.ZipFile) -> str | None:
    return _related(packed, "Type", "/styles")


def read_part(packed: zipfile.ZipFile, name: str) -> ET.Element | None:
    try:
        # The process is confined, and a workbook with a document type was refused before.
        return ET.fromstring(packed.read(name))  # noqa: S314  confined, as said above
    except (KeyError, ET.ParseError):
        return None


def windows(packed: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """Give the part bit by bit; each begins with the end of the one before it, so that every cell is whole in one of them."""
    kept = b""
    with packed.open(part) as file:
        while chunk := file.read(CHUNK):
            text = kept + chunk
            yield text
            kept = text[-OVERLAP:]


def ods_cells(packed: zipfile.ZipFile, tab: int) -> Iterator[tuple[int, int, range, ET.Element]]:
    """Give the cells of an ODS tab counted from 0: the row's number from 1, for how many rows it is, its columns from 0."""
    table, row = -1, 1
    with packed.open(ODS_CONTENT) as content:
        for event, element in ET.iterparse(content, ("start", "end")):  # noqa: S314  confined, and without a document type
            if event == "start" and element.tag == f"{TABLE}table":
                table, row = table + 1, 1
            elif event == "end" and element.tag == f"{TABLE}table-row":
                rows = _repeated(element, "rows", MOST_ROWS)
                if table == tab:
                    yield from _cells_of(element, row, rows)
                row += rows
                element.clear()


def row_and_column(place: "re.Match[bytes]") -> tuple[int, int]:
    """Give the number of the row from 1, and the column's place from 0."""
    column = 0
    for letter in place[1]:
        column = column * 26 + letter - 64
    return int(place[2]), column - 1


def _cells_of(element: ET.Element, row: int, rows: int) -> Iterator[tuple[int, int, range, ET.Element]]:
    column = 0
    for cell in element:
        columns = _repeated(cell, "columns", MOST_REPEATED)
        yield row, rows, range(column, column + columns), cell
        column += columns


def _repeated(element: ET.Element, what: str, most: int) -> int:
    repeated = element.get(f"{TABLE}number-{what}-repeated", "1")
    return min(int(repeated), most) if repeated.isdecimal() else 1


def _related(packed: zipfile.ZipFile, attribute: str, end: str) -> str | None:
    relations = read_part(packed, "xl/_rels/workbook.xml.rels")
    found = (relation.get("Target", "") for relation in relations or () if end and relation.get(attribute, "").endswith(end))
    part = normpath(join("/xl", next(found, ""))).lstrip("/")
    return part if part in packed.namelist() else None
