"""A cell that a spreadsheet shows as percent is read as what a person sees in it: 85, and not 0.85."""

import io
import zipfile

import pytest
from xlsxwriter import Workbook

from merge.sheet import inspect
from tests.merge.conftest import table
from tests.merge.made_workbooks import write_ods

FORMATS = [
    ("0%", 0.85, "85%"),
    ("0.00%", 0.855, "85.5%"),
    ("0%", 0.07, "7%"),
    ("0%", 0.1 + 0.2, "30%"),
    ("0%", 1, "100%"),
    ("0%", 0, "0%"),
    ("[Red]0.0 %;-0.0 %", -0.05, "-5%"),
    ("0%", "absent", "absent"),
    ("General", 0.85, "0.85"),
    ('0"%"', 85, "85"),
    (r"0\%", 85, "85"),
    ("[<1]0%;0", 85, "85"),
    ("0;0%", 85, "85"),
]
MARKS = '<table:table-cell office:value-type="percentage" office:value="{}"><text:p>shown</text:p></table:table-cell>'
NAMED = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'


@pytest.fixture
def upload_file(tmp_path):
    return tmp_path / "upload"


def workbook(*cells, headings=("id", "name", "score"), row=0, column=0) -> bytes:
    """Write a workbook whose last column holds these cells: (format, value)."""
    stream = io.BytesIO()
    book = Workbook(stream)
    tab = book.add_worksheet()
    tab.write_row(row, column, headings)
    for number, (format_, value) in enumerate(cells, 1):
        tab.write_row(row + number, column, [number, f"Pupil {number}"])
        tab.write(row + number, column + 2, value, book.add_format({"num_format": format_}))
    book.close()
    return stream.getvalue()


def last_cells(upload_file, content, decimal="."):
    upload_file.write_bytes(content)
    return [cells[-1] for block, _ in inspect(upload_file).blocks(decimal) for _, cells in block]


def test_each_format_is_read_as_it_is_shown(upload_file):
    content = workbook(*((format_, value) for format_, value, _ in FORMATS))
    assert last_cells(upload_file, content) == [shown for *_, shown in FORMATS]


def test_percentage_is_written_in_the_notation_of_the_texts(upload_file):
    assert last_cells(upload_file, workbook(("0.000%", 0.00085), ("0%", 0.85)), ",") == ["0,085%", "85%"]


def test_the_formats_that_no_workbook_spells_out_are_known_too(upload_file):
    content = workbook((9, 0.85), (10, 0.85), (2, 0.85))
    assert last_cells(upload_file, content) == ["85%", "85%", "0.85"]


def test_a_sheet_that_begins_further_down_and_right_is_read_alike(upload_file):
    assert last_cells(upload_file, workbook(("0%", 0.85), ("0", 90), row=3, column=2)) == ["85%", "90"]


def test_a_workbook_without_styles_is_read_as_before(upload_file):
    with zipfile.ZipFile(io.BytesIO(workbook(("0%", 0.85)))) as whole, zipfile.ZipFile(upload_file, "w") as archive:
        for name in set(whole.namelist()) - {"xl/styles.xml"}:
            archive.writestr(name, whole.read(name))
    assert last_cells(upload_file, upload_file.read_bytes()) == ["0.85"]


def test_a_large_tab_is_read_alike_to_its_end(upload_file):
    marks = last_cells(upload_file, workbook(*(("0%", number / 20_000) for number in range(20_000)), ("0", 90)))
    assert (marks[0], marks[10_000], marks[-2:]) == ("0%", "50%", ["99.995%", "90"])


def test_a_libreoffice_sheet_is_read_as_it_is_shown(upload_file):
    headings = "".join(map(NAMED.format, ("id", "name", "mock", "score")))
    empty = '<table:table-cell table:number-columns-repeated="2"/>'
    twice = MARKS.replace("<table:table-cell", '<table:table-cell table:number-columns-repeated="2"').format("0.855")
    blank = f'<table:table-row table:number-rows-repeated="{{}}">{empty.replace("2", "16384")}</table:table-row>'
    rows = [
        f"<table:table-row>{headings}</table:table-row>",
        f"<table:table-row>{NAMED.format('1')}{NAMED.format('Ada')}{twice}</table:table-row>",
        blank.format(2),
        f"<table:table-row>{NAMED.format('2')}{empty}{MARKS.format('0.9')}</table:table-row>",
        blank.format(1_048_571),
    ]
    write_ods(upload_file, First=rows[0] + rows[1].replace("percentage", "float"), Second="".join(rows))
    read = [row for block, _ in inspect(upload_file, tab="Second").blocks() for row in block]
    assert read == [(2, ["1", "Ada", "85.5%", "85.5%"]), (5, ["2", "", "", "90%"])]
    assert last_cells(upload_file, upload_file.read_bytes()) == ["0.855"]


def test_the_students_get_what_was_seen(session, upload, apply):
    assert apply(upload(workbook(("0%", 0.85), ("0", 90), ("0.0%", 0.705)))).state == "applied"
    assert [row[-1] for row in table(session)] == [85.0, 90.0, 70.5]
