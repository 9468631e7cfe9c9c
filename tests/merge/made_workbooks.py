"""Write workbooks from the XML that their cells are, so that a test can hold what no spreadsheet program would write."""

import zipfile
from collections.abc import Iterable
from pathlib import Path

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OASIS = "urn:oasis:names:tc:opendocument:xmlns"
CALC = "urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"
TYPES = (
    f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/xl/workbook.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/></Types>'
)
# The second format is a date's.
STYLES = f'<styleSheet xmlns="{MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>'


def write_xlsx(path: Path, more: dict[str, str | bytes] | None = None, *, before: str = "", **tabs: str) -> Path:
    """Write a workbook with a tab for each text of rows; `before` stands ahead of each tab's root element."""
    numbers = list(enumerate(tabs, 1))
    parts: dict[str, str | bytes] = {
        "[Content_Types].xml": TYPES,
        "_rels/.rels": _relations([("r0", "officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
        + "".join(f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"/>' for n, name in numbers)
        + "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _relations(
            [("s", "styles", "styles.xml"), *((f"r{n}", "worksheet", f"worksheets/sheet{n}.xml") for n, _ in numbers)]
        ),
        "xl/styles.xml": STYLES,
    }
    for number, rows in enumerate(tabs.values(), 1):
        sheet = f'{before}<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData></worksheet>'
        parts[f"xl/worksheets/sheet{number}.xml"] = sheet
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (parts | (more or {})).items():
            archive.writestr(name, content)
    return path


def write_ods(path: Path, **tabs: str) -> Path:
    """Write a LibreOffice workbook with a tab for each text of rows."""
    spaces = " ".join(f'xmlns:{name}="{OASIS}:{name}:1.0"' for name in ("office", "table", "text")) + f' xmlns:calcext="{CALC}"'
    tables = "".join(f'<table:table table:name="{name}">{rows}</table:table>' for name, rows in tabs.items())
    body = f"<office:body><office:spreadsheet>{tables}</office:spreadsheet></office:body>"
    manifest = f'<manifest:manifest xmlns:manifest="{OASIS}:manifest:1.0"/>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("content.xml", f"<office:document-content {spaces}>{body}</office:document-content>")
        archive.writestr("META-INF/manifest.xml", manifest)
    return path


def text(place: str, value: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{value}</t></is></c>'


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


HEADINGS = row(1, text("A1", "id"), text("B1", "name"), text("C1", "score"))
ADA = row(2, '<c r="A2"><v>1</v></c>', text("B2", "Ada"), '<c r="C2"><v>90</v></c>')


def _relations(relations: Iterable[tuple[str, str, str]]) -> str:
    tags = (f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{target}"/>' for key, kind, target in relations)
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(tags)}</Relationships>'
