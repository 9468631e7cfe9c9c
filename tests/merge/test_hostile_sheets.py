"""A sheet that is made to hurt is refused with a sentence, in bounded time and memory. Each is made here, on the fly."""

import gzip
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from merge.fork_server import ROOT
from merge.problems import SheetRefused
from merge.sheet import inspect
from tests.merge.made_workbooks import ADA, HEADINGS, row, text, write_xlsx

MB = 1 << 20
MOST_SECONDS = 60
# What Python, SQLAlchemy and the encoding detector take by themselves is some 80 MB of it.
MOST_OWN_MB = 220
MOST_CONFINED_MB = 1_100

READ = """
import gc, json, re, resource, sys
from pathlib import Path
from merge.problems import SheetRefused
from merge.sheet import inspect
from merge.options import Options
from merge.stage import _read_confined
gc.disable()
try:
    for block in _read_confined(1, inspect(Path(sys.argv[1])), Options()):
        pass
    sentence = ""
except SheetRefused as refused:
    sentence = str(refused)
# What resource says of this process counts the test runner in, from which it was forked.
own = int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1])
confined = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([sentence, own // 1024, confined // 1024]))
"""


@pytest.fixture
def refused() -> Callable[[Path], str]:
    """Read the upload as the app does, in a process whose peaks are its own, and give the sentence that refuses it."""

    def refused(upload: Path) -> str:
        command = [sys.executable, "-c", READ, str(upload)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=MOST_SECONDS)
        sentence, own, confined = json.loads(done.stdout)
        assert own < MOST_OWN_MB
        assert confined < MOST_CONFINED_MB
        assert list(upload.parent.iterdir()) == [upload]
        return sentence

    return refused


@pytest.fixture
def upload(tmp_path) -> Path:
    return tmp_path / "upload"


def why_not(upload: Path) -> str:
    """Give the sentence that refuses an upload which is too small to take much of anything."""
    with pytest.raises(SheetRefused) as caught:
        inspect(upload)
    assert list(upload.parent.iterdir()) == [upload]
    return str(caught.value)


def write(path: Path, pieces: Iterator[bytes]) -> Path:
    with path.open("wb") as file:
        file.writelines(pieces)
    return path


def zip_of(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def many(times: int, piece: bytes, before: bytes = b"id,name\n", after: bytes = b"\n") -> Iterator[bytes]:
    yield before
    yield from (piece for _ in range(times))
    yield after


def test_a_bomb_is_not_unpacked(upload, refused):
    with gzip.open(upload, "wb") as file:
        file.writelines(many(120, b"1,Ada\n" * (MB // 6)))
    assert upload.stat().st_size < MB
    assert "unpacks to far more than a sheet can be" in refused(upload)
    with zipfile.ZipFile(upload, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("sheet", "w") as file:
        file.writelines(many(120, b"1,Ada\n" * (MB // 6)))
    assert "unpacks to far more than a sheet can be" in refused(upload)


def test_the_size_that_a_zip_claims_is_not_believed(upload):
    content = b"id,name\n" + b"1,Ada\n" * 50_000
    packed = zip_of(upload, sheet=content).read_bytes()
    true = len(content).to_bytes(4, "little")
    upload.write_bytes(packed.replace(true, (1_000).to_bytes(4, "little")))
    assert "damaged or incomplete" in why_not(upload)
    upload.write_bytes(packed.replace(true, (4_000_000_000).to_bytes(4, "little")))
    assert sum(len(block) for block, _ in inspect(upload).blocks()) == 50_000


def test_an_archive_of_many_files_or_of_archives_is_refused(upload):
    assert "contains 2 files instead of one sheet" in why_not(zip_of(upload, a=b"id\n1\n", b=b"id\n2\n"))
    assert "contains no files" in why_not(zip_of(upload))
    assert "contains 2,000 files" in why_not(zip_of(upload, **{str(n): b"" for n in range(2_000)}))
    inner = zip_of(upload, a=b"id\n1\n").read_bytes()
    assert "contains another archive" in why_not(zip_of(upload, b=inner))
    upload.write_bytes(gzip.compress(gzip.compress(b"id\n1\n")))
    assert "contains another archive" in why_not(upload)


def test_a_zip_with_a_password_is_refused(upload):
    archive = bytearray(zip_of(upload, a=b"id,name\n1,Ada\n").read_bytes())
    archive[archive.index(b"PK\x01\x02") + 8] |= 1
    upload.write_bytes(archive)
    assert "protected with a password" in why_not(upload)


def test_a_workbook_whose_corners_are_far_apart_is_refused(upload, refused):
    corner = row(1_048_576, '<c r="XFD1048576"><v>1</v></c>')
    assert write_xlsx(upload, One=HEADINGS + corner).stat().st_size < 3_000
    assert "more time or memory to open than a sheet should" in refused(upload)


def test_a_workbook_that_is_a_bomb_is_refused(upload, refused):
    cell = row(2, '<c r="A2" t="s"><v>0</v></c>')
    write_xlsx(upload, {"xl/_rels/workbook.xml.rels": RELATIONS}, One=HEADINGS + cell)
    with zipfile.ZipFile(upload, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("xl/sharedStrings.xml", "w") as file:
        file.writelines(many(600, b"x" * MB, b"<sst><si><t>", b"</t></si></sst>"))
    assert "more time or memory to open than a sheet should" in refused(upload)


RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" '
    'Target="worksheets/sheet1.xml"/>'
    '<Relationship Id="r2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" '
    'Target="sharedStrings.xml"/></Relationships>'
)


def test_a_libreoffice_sheet_that_repeats_a_cell_without_end_is_refused(upload, refused):
    content = (
        '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body><office:spreadsheet>'
        '<table:table table:name="One"><table:table-row table:number-rows-repeated="1048576">'
        '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
        "</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    manifest = b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    members = {"mimetype": kind, "content.xml": content.encode(), "META-INF/manifest.xml": manifest}
    assert "more time or memory to open than a sheet should" in refused(zip_of(upload, **members))


def test_a_libreoffice_sheet_with_a_password_is_refused(upload):
    manifest = (
        b'<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        b'<manifest:file-entry manifest:full-path="content.xml"><manifest:encryption-data/></manifest:file-entry>'
        b"</manifest:manifest>"
    )
    kind = b"application/vnd.oasis.opendocument.spreadsheet"
    assert "protected with a password" in why_not(
        zip_of(upload, **{"mimetype": kind, "content.xml": bytes(99), "META-INF/manifest.xml": manifest})
    )


ENTITIES = {
    "bomb": '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>',
    "external": '<!DOCTYPE x [<!ENTITY c SYSTEM "file:///etc/passwd">]>',
}


@pytest.mark.parametrize("declared", ENTITIES.values(), ids=ENTITIES)
@pytest.mark.parametrize("padding", ["", "<!--" + " " * 9_000 + "-->"], ids=["plain", "behind a long comment"])
def test_entities_are_refused(upload, declared, padding):
    write_xlsx(upload, before=padding + declared, One=HEADINGS + row(2, '<c r="A2"><v>1</v></c>', text("B2", "&c;")))
    sentence = why_not(upload)
    assert ("declares entities" in sentence) if not padding else ("damaged" in sentence)


def old_workbook(*streams: str) -> bytes:
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)
    return head + b"".join(name.encode("utf-16-le").ljust(512, b"\x00") for name in streams)


REFUSED = {
    "an encrypted workbook": (old_workbook("EncryptionInfo", "EncryptedPackage"), "protected with a password"),
    "an old workbook with macros": (old_workbook("Workbook", "_VBA_PROJECT_CUR"), "contains macros"),
    "an old Word document": (old_workbook("WordDocument"), "a Word document"),
    "a broken old workbook": (old_workbook("Workbook"), "damaged"),
    "a web page": (b'\r\n<HTML xmlns="x"><table><tr><td>id</td></tr></table>', "a web page, not a spreadsheet"),
    "a web page in UTF-16": ("<html><table>".encode("utf-16"), "a web page, not a spreadsheet"),
    "an XML workbook": (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "an XML document"),
    "a PDF": (b"%PDF-1.7\n", "a PDF document"),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "a picture"),
    "half an archive": (b"PK\x03\x04\x14\x00\x06\x00", "damaged or incomplete"),
    "half a gzip": (gzip.compress(b"id,name\n1,Ada\n" * 99)[:-20], "damaged or incomplete"),
    "NUL bytes": (b"id,name\n1,A\x00da\n", "zero bytes"),
    "only NUL bytes": (bytes(5_000), "zero bytes"),
    "NUL bytes far down": (b"id,name\n" + b"1,Ada\n" * 300_000 + b"2,B\x00o\n", "characters can't be read"),
    "ten thousand columns": (b",".join(b"c%d" % n for n in range(10_000)) + b"\n1\n", "10,000 columns"),
}


@pytest.mark.parametrize(("content", "sentence"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_sheet_says_what_it_is(upload, content, sentence):
    upload.write_bytes(content)
    assert sentence in why_not(upload)


def test_workbooks_that_are_something_else_say_so(upload):
    assert "contains macros" in why_not(write_xlsx(upload, {"xl/vbaProject.bin": b"\x00"}, One=HEADINGS + ADA))
    documents = {"word/document.xml": "a Word document", "ppt/slides/slide1.xml": "a PowerPoint presentation"}
    for part, sentence in documents.items():
        assert sentence in why_not(zip_of(upload, **{"[Content_Types].xml": b"<Types/>", part: b"<x/>"}))
    assert "damaged" in why_not(zip_of(upload, **{"xl/workbook.xml": b"<nothing"}))
    write_xlsx(upload, One=HEADINGS + ADA)
    upload.write_bytes(upload.read_bytes()[:-30])
    assert "damaged or incomplete" in why_not(upload)


def test_a_workbook_of_ten_thousand_columns_is_refused(upload):
    write_xlsx(upload, One=row(1, *(f'<c r="{column(n)}1"><v>{n}</v></c>' for n in range(1, 10_001))))
    assert "has 10,000 columns; at most 1,000" in why_not(upload)


def column(number: int) -> str:
    letters = ""
    while number:
        number, place = divmod(number - 1, 26)
        letters = chr(65 + place) + letters
    return letters


@pytest.mark.parametrize(
    ("piece", "before", "sentence"),
    [
        (b"x" * MB, b"id,name\n1,", "more than 4,194,304 characters"),
        (b"x" * MB, b'id,name\n1,"', "more than 4,194,304 characters"),
        (b"," * MB, b"id,name\n1", "more than 4,194,304 characters"),
        (b"x\n" * (MB // 2), b'id,name\n1,"', "On line 2 a quotation mark is opened and never closed"),
        (b"1,Ada\n" * (MB // 6), b'id,name\n1,Bo\n1,"', "On line 3 a quotation mark is opened and never closed"),
        (b'"\n",' * (MB // 4), b"id,name\n1,", "On line 2"),
    ],
    ids=[
        "a cell",
        "a quoted cell",
        "only separators",
        "a cell of many lines",
        "an unclosed quotation mark",
        "a row of many lines",
    ],
)
def test_a_cell_of_a_hundred_megabytes_is_refused(upload, refused, piece, before, sentence):
    assert sentence in refused(write(upload, many(100, piece, before)))


def test_a_workbook_cell_of_a_hundred_megabytes_is_refused(upload, refused):
    write_xlsx(upload, One=HEADINGS + row(2, '<c r="A2"><v>1</v></c>', text("B2", "x" * 100 * MB)))
    sentence = refused(upload)
    assert "On line 2 a cell has more than 131,072 characters" in sentence or "more time or memory" in sentence


def test_an_unclosed_quotation_mark_over_a_large_file_is_refused(upload, refused):
    assert "On line 2 a quotation mark" in refused(
        write(upload, many(200, b"22,Ada Lovelace\n" * (MB // 16), b'id,name\n1,"Bo\n'))
    )


def test_the_far_end_of_a_large_sheet_is_read_as_well(upload, refused):
    """The limits end no honest sheet."""
    assert refused(write(upload, many(25, b"22,Ada Lovelace\n" * (MB // 16)))) == ""
