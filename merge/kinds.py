"""Know a file by what is in it; its name may say anything."""

from pathlib import Path
from typing import Literal

from merge.problems import SheetRefused
from words import Later, later

Kind = Literal["text", "gzip", "packed", "old workbook"]
"""What can be opened. A packed file is a zip archive, which Excel's and LibreOffice's workbooks are too."""

OPENED: dict[bytes, Kind] = {
    b"PK\x03\x04": "packed",
    b"PK\x05\x06": "packed",
    b"\x1f\x8b": "gzip",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "old workbook",
}
REFUSED = {
    b"%PDF": later("a PDF document"),
    b"{\\rtf": later("a text document (RTF)"),
    b"\x89PNG": later("a picture"),
    b"\xff\xd8\xff": later("a picture"),
    b"GIF8": later("a picture"),
    b"II*\x00": later("a picture"),
    b"MM\x00*": later("a picture"),
    b"7z\xbc\xaf\x27\x1c": later("a 7-Zip archive"),
    b"Rar!": later("a RAR archive"),
    b"BZh": later("a file compressed with bzip2"),
    b"\xfd7zXZ": later("a file compressed with xz"),
    b"\x28\xb5\x2f\xfd": later("a file compressed with Zstandard"),
    b"SQLite format 3\x00": later("a database"),
    b"\x7fELF": later("a program"),
    b"MZ\x90\x00": later("a program"),
}
MARKUP = {
    b"<!doctype html": later("a web page"),
    b"<html": later("a web page"),
    b"<head": later("a web page"),
    b"<meta": later("a web page"),
    b"<body": later("a web page"),
    b"<table": later("a web page"),
    b"<?xml": later("an XML document"),
}
ADVICE = later("Open it in your spreadsheet, choose “Save as”, then “Excel workbook” or “CSV UTF-8”, and upload that.")


def kind_of(path: Path) -> Kind:
    """Tell how the file has to be opened. Raises SheetRefused where it is known to be no sheet."""
    with open(path, "rb") as file:
        head = file.read(4096)
        while head.isspace() and (more := file.read(1 << 20)):
            head = more.lstrip()[:4096] or more[:1]
    if not head.strip():
        raise SheetRefused(later("The file is empty. Choose the sheet again, or save it again before uploading."))
    for magic, kind in OPENED.items():
        if head.startswith(magic):
            return kind
    _refuse_other_kinds(head)
    return "text"


def no_sheet(document: Later) -> Later:
    return later("This is %(document)s, not a spreadsheet. %(advice)s", document=document, advice=ADVICE)


def _refuse_other_kinds(head: bytes) -> None:
    # Many school systems call a web page with a table in it "report.xls"; Excel opens it, and saves it as what it is.
    text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\x00", b"").lstrip(b"\xff\xfe \t\r\n").lower()
    known = next((name for magic, name in REFUSED.items() if head.startswith(magic)), None)
    known = known or next((name for magic, name in MARKUP.items() if text.startswith(magic)), None)
    if known:
        raise SheetRefused(no_sheet(known))
