"""Find the cells of an XLSX tab that hold an error like #DIV/0!: the reader gives them as blank, which is something else."""

import re
import zipfile
from collections.abc import Iterator
from posixpath import join, normpath
from xml.etree import ElementTree as ET

Errors = dict[int, dict[int, str]]
"""By the row's number from 1 and the column's place from 0."""

CHUNK = 1 << 20
# A cell's element is short up to its value; what is cut at a chunk's end is looked at again with the next one.
OVERLAP = 4096
CELL = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\bt=["']e["'][^>]*>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<""", re.DOTALL)
PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})(\d{1,7})["']""")


def find_errors(packed: zipfile.ZipFile, tab: int) -> Errors:
    """Find them in the tab counted from 0. A workbook of another kind than XLSX has none here."""
    part = _part_of(packed, tab)
    errors: Errors = {}
    for text in _windows(packed, part) if part else ():
        for cell in CELL.finditer(text):
            if place := PLACE.search(cell[0]):
                errors.setdefault(int(place[2]), {})[_column(place[1])] = cell[1].decode("utf-8", "replace")
    return errors


def _part_of(packed: zipfile.ZipFile, tab: int) -> str | None:
    try:
        # The process is confined, and a workbook with a document type was refused before.
        workbook = ET.fromstring(packed.read("xl/workbook.xml"))  # noqa: S314  confined, as said above
        relations = ET.fromstring(packed.read("xl/_rels/workbook.xml.rels"))  # noqa: S314  confined, as said above
    except (KeyError, ET.ParseError):
        return None
    sheets = [element for element in workbook.iter() if element.tag.endswith("}sheet")]
    key = next((value for name, value in sheets[tab].attrib.items() if name.endswith("}id")), None) if tab < len(sheets) else None
    target = next((relation.get("Target", "") for relation in relations if relation.get("Id") == key), "")
    part = normpath(join("/xl", target)).lstrip("/")
    return part if target and part in packed.namelist() else None


def _windows(packed: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    kept = b""
    with packed.open(part) as file:
        while chunk := file.read(CHUNK):
            text = kept + chunk
            if b't="e"' in text or b"t='e'" in text:
                yield text
            kept = text[-OVERLAP:]


def _column(letters: bytes) -> int:
    place = 0
    for letter in letters:
        place = place * 26 + letter - 64
    return place - 1
