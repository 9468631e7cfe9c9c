"""Workbooks and archives give the rows that a person sees in them."""

import gzip
import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from merge.left_out import TOTALS, UNITS
from merge.opening import files_made_of
from merge.problems import SheetRefused
from merge.reading_notes import reading_notes
from merge.sheet import discard_files, inspect
from tests.merge.made_workbooks import ADA, HEADINGS, row, text, write_ods, write_xlsx
from tests.server import ROOT

FILES = Path(__file__).parent.parent / "files"
CSV = b"id,name\n1,Ada\n2,Bo\n"


@pytest.fixture
def upload(tmp_path) -> Path:
    """A place for an upload, whose name says nothing of its kind."""
    return tmp_path / "upload"


def rows(sheet):
    return [row for block, _ in sheet.blocks() for row in block]


@pytest.mark.parametrize(
    ("name", "tabs", "tab", "first"),
    [
        ("class-list-two-tabs.xlsx", ["Read me", "Grades"], "Grades", 5),
        ("class-list-excel-97.xls", ["Pupils"], "Pupils", 3),
        ("class-list-libreoffice.ods", ["Blatt1"], "Blatt1", 3),
    ],
)
def test_workbooks_of_each_kind_are_read_with_the_line_numbers_of_the_spreadsheet(upload, name, tabs, tab, first):
    upload.write_bytes((FILES / name).read_bytes())
    sheet = inspect(upload)
    assert (sheet.tabs, sheet.tab, sheet.columns) == (tabs, tab, ["id", "name", "age", "score"])
    assert rows(sheet) == [
        (first, ["501", "Zoë Müller", "15", "88.5"]),
        (first + 1, ["502", "O'Brien, Seán", "16", "2026-03-01"]),
        (first + 3, ["503", "王小明", "14", "92"]),
    ]
    assert sheet.left_out == [[first - 1, UNITS], [first + 4, TOTALS]]


def test_a_cell_is_written_as_a_person_would_have_typed_it(upload):
    cells = [
        '<c r="A2"><v>7</v></c>',
        '<c r="B2"><v>1E6</v></c>',
        '<c r="C2"><v>85.5</v></c>',
        '<c r="D2" t="b"><v>1</v></c>',
        '<c r="E2" t="e"><f>1/0</f><v>#DIV/0!</v></c>',
        '<c r="F2" s="1"><v>46082</v></c>',
        '<c r="G2" s="1"><v>46082.5</v></c>',
        '<c r="H2" t="str"><f>A1&amp;B1</f><v>cached</v></c>',
        text("I2", "007"),
        '<c r="J2"><f>A1</f></c>',
        '<c r="K2" t="e"><v>#N/A</v></c>',
        '<c r="L2"><v>999999999999999</v></c>',
    ]
    write_xlsx(upload, One=row(1, text("A1", "id"), *(text(f"{letter}1", letter) for letter in "BCDEFGHIJKL")) + row(2, *cells))
    typed = ["7", "1000000", "85.5", "TRUE", "#DIV/0!", "2026-03-01", "2026-03-01 12:00:00", "cached", "007", "=?", "#N/A"]
    assert rows(inspect(upload)) == [(2, [*typed, "999999999999999"])]


def test_number_is_written_with_the_digits_that_a_spreadsheet_shows_in_the_notation_of_the_texts(upload):
    numbers = ["57.699999999999996", "12.000000000000002", "0.085", "1234567890123456", "33.333333333333336", "-0.5", "1E-5"]
    lines = enumerate(numbers, 2)
    cells = (row(n, f'<c r="A{n}"><v>{n}</v></c>', text(f"B{n}", "1,5"), f'<c r="C{n}"><v>{v}</v></c>') for n, v in lines)
    write_xlsx(upload, One=HEADINGS + "".join(cells))
    sheet = inspect(upload)
    for decimal in (".", ","):
        shown = ["57.7", "12", "0.085", "1234567890123456", "33.3333333333333", "-0.5", "1e-05"]
        read = [cells[2] for block, _ in sheet.blocks(decimal) for _, cells in block]
        assert read == [number.replace(".", decimal) for number in shown]
        assert {cells[1] for block, _ in sheet.blocks(decimal) for _, cells in block} == {"1,5"}


@pytest.mark.parametrize(
    ("cell", "whole", "read"),
    [
        ("<f>A1</f>", "", "=?"),
        ("<f>A1</f><v/>", "", "=?"),
        ("<f>A1</f><v></v>", "", "=?"),
        ('<f t="shared" si="0"/>', "", "=?"),
        ("<f>A1</f><v>0</v>", '<calcPr calcId="1" fullCalcOnLoad="1"/>', "=?"),
        ("<f>A1</f><v>7</v>", '<calcPr calcId="1" fullCalcOnLoad="1"/>', "7"),
        ("<f>A1</f><v>0</v>", "", "0"),
        ("<v>0</v>", '<calcPr fullCalcOnLoad="1"/>', "0"),
    ],
)
def test_formula_that_was_never_calculated_is_no_blank_and_no_zero(upload, cell, whole, read):
    write_xlsx(upload, One=HEADINGS + row(2, '<c r="A2"><v>1</v></c>', text("B2", "Ada"), f'<c r="C2">{cell}</c>'))
    with zipfile.ZipFile(upload) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b"</workbook>", f"{whole}</workbook>".encode())
    with zipfile.ZipFile(upload, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert rows(inspect(upload)) == [(2, ["1", "Ada", read])]


def test_text_that_a_formula_gave_may_be_blank(upload):
    write_xlsx(upload, One=HEADINGS + row(2, '<c r="A2"><v>1</v></c>', '<c r="B2" t="str"><f>""</f><v></v></c>'))
    assert rows(inspect(upload)) == [(2, ["1", "", ""])]


def test_error_in_an_ods_workbook_is_its_text(upload):
    error = '<table:table-cell office:value-type="string" calcext:value-type="error"><text:p>{}</text:p></table:table-cell>'
    plain = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
    headings = "".join(map(plain.format, ["id", "name", "score"]))
    ada = plain.format("1") + plain.format("Ada") + error.format("#DIV/0!")
    bo = plain.format("2") + error.format("Err:502") + plain.format("90")
    write_ods(upload, One="".join(f"<table:table-row>{cells}</table:table-row>" for cells in (headings, ada, bo)))
    assert rows(inspect(upload)) == [(2, ["1", "Ada", "#DIV/0!"]), (3, ["2", "Err:502", "90"])]


def test_cells_right_of_the_table_are_ignored_and_it_is_said(upload):
    lines = [row(2, '<c r="A2"><v>1</v></c>', text("B2", "Ada")), row(3, '<c r="A3"><v>2</v></c>', text("F3", "see me"))]
    write_xlsx(upload, One=HEADINGS + "".join(lines))
    sheet = inspect(upload)
    assert rows(sheet) == [(2, ["1", "Ada", ""]), (3, ["2", "", ""])]
    assert [str(note) for note in reading_notes(sheet)] == [
        "Cells right of the table are ignored, for example on these lines: 3."
    ]


def test_tab_that_was_read_is_named_with_the_others(upload):
    write_xlsx(upload, Eins=HEADINGS + ADA, Zwei=HEADINGS + ADA)
    (note,) = reading_notes(inspect(upload))
    assert str(note) == "Only the tab “Eins” was read. Not read: Zwei."


def test_a_sheet_that_begins_further_down_and_right_keeps_its_line_numbers(upload):
    heading = row(4, text("C4", "id"), text("D4", "name"))
    ada = row(7, '<c r="C7"><v>1</v></c>', '<c r="D7" t="e"><v>#REF!</v></c>')
    write_xlsx(upload, One=heading + ada)
    assert rows(inspect(upload)) == [(7, ["1", "#REF!"])]


def test_a_character_that_no_database_takes_is_shown_as_one_that_can_not_be_read(upload):
    write_xlsx(upload, One=HEADINGS + row(2, '<c r="A2"><v>1</v></c>', text("B2", "A_x0000_B")))
    assert rows(inspect(upload)) == [(2, ["1", "A\ufffdB", ""])]


def test_an_error_far_down_a_large_tab_is_found(upload):
    filling = "".join(row(n, f'<c r="A{n}"><v>{n}</v></c>', text(f"B{n}", "x" * 90)) for n in range(2, 20_000))
    last = row(20_000, '<c r="A20000"><v>20000</v></c>', '<c r="B20000" t="e"><v>#VALUE!</v></c>')
    write_xlsx(upload, One=HEADINGS + filling + last)
    assert rows(inspect(upload))[-1] == (20_000, ["20000", "#VALUE!", ""])


def test_another_tab_can_be_chosen_and_an_unknown_one_is_refused(upload):
    write_xlsx(upload, Eins=HEADINGS + ADA, Zwei=HEADINGS + ADA.replace("Ada", "Bo"))
    assert rows(inspect(upload))[0][1][1] == "Ada"
    other = inspect(upload, tab="Zwei")
    assert (rows(other)[0][1][1], other.tab) == ("Bo", "Zwei")
    with pytest.raises(SheetRefused, match=r"has no tab “Drei”\. Choose one of: Eins, Zwei\."):
        inspect(upload, tab="Drei")
    assert rows(other)[0][1][1] == "Bo"


def test_an_upload_may_be_named_from_where_one_stands(upload, monkeypatch):
    write_xlsx(upload, One=HEADINGS + ADA)
    monkeypatch.chdir(upload.parent)
    assert rows(inspect(Path("upload"))) == [(2, ["1", "Ada", "90"])]


def test_hidden_tabs_are_not_offered(upload):
    write_xlsx(upload, Shown=HEADINGS + ADA, Secret=HEADINGS + ADA)
    with zipfile.ZipFile(upload) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["xl/workbook.xml"] = parts["xl/workbook.xml"].replace(b'name="Secret"', b'name="Secret" state="hidden"')
    with zipfile.ZipFile(upload, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    assert inspect(upload).tabs == ["Shown"]


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def test_an_archive_of_one_sheet_is_unpacked(upload):
    litter = {"__MACOSX/._sheet.csv": b"\x00\x05", "folder/": b""}
    for content in (gzip.compress(CSV), zipped(sheet=CSV), zipped(sheet=CSV, **litter)):
        upload.write_bytes(content)
        assert rows(inspect(upload)) == [(2, ["1", "Ada"]), (3, ["2", "Bo"])]


def test_an_archived_workbook_is_read_too(upload):
    write_xlsx(upload, One=HEADINGS + ADA)
    for content in (gzip.compress(upload.read_bytes()), zipped(book=upload.read_bytes())):
        upload.write_bytes(content)
        assert rows(inspect(upload)) == [(2, ["1", "Ada", "90"])]


def test_all_that_is_made_of_an_upload_goes_with_it(upload):
    upload.write_bytes(zipped(book=write_xlsx(upload, One=HEADINGS + ADA, Two=HEADINGS + ADA).read_bytes()))
    inspect(upload)
    inspect(upload, tab="Two")
    assert len(files_made_of(upload)) == 3
    discard_files(upload)
    assert list(upload.parent.iterdir()) == []


def test_a_refused_upload_leaves_nothing_but_itself(upload):
    write_xlsx(upload, One=HEADINGS, Two="")
    with pytest.raises(SheetRefused, match="no rows under it"):
        inspect(upload)
    assert list(upload.parent.iterdir()) == [upload]


def test_a_refused_choice_leaves_what_was_made_before(upload):
    write_xlsx(upload, One=HEADINGS + ADA, Two=row(1, text("A1", "nothing")))
    before = inspect(upload)
    with pytest.raises(SheetRefused, match="a heading but no rows under it"):
        inspect(upload, tab="Two")
    assert rows(before) == [(2, ["1", "Ada", "90"])]


def test_the_process_that_opens_them_loads_nothing_of_the_app():
    """Each file is opened in one of its own: what it loads, the uploader waits for, and a hostile file has within reach."""
    question = "import sys; from merge import archive, confined, kinds, workbook; print({'models', 'flask'} & {*sys.modules})"
    asked = subprocess.run([sys.executable, "-c", question], cwd=ROOT, capture_output=True, text=True, check=True)
    assert asked.stdout == "set()\n"
