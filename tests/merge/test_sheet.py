"""A file is understood as a sheet, or refused with one sentence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from merge.problems import SheetRefused
from merge.sheet import inspect


@pytest.fixture
def sheet_of(tmp_path):
    def sheet_of(content: bytes | str):
        path = tmp_path / "upload"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return inspect(path)

    return sheet_of


def rows(sheet):
    return [row for block, _ in sheet.blocks() for row in block]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
def test_every_dress_of_a_csv_is_understood(sheet_of, delimiter, newline, encoding):
    text = newline.join(delimiter.join(row) for row in [("ID", "Name"), ("1", "Renée"), ("2", '"a\nb"'), ("3", "O'Brien")])
    sheet = sheet_of(text.encode(encoding))
    assert sheet.columns == ["id", "name"]
    assert rows(sheet) == [(2, ["1", "Renée"]), (3, ["2", "a\nb"]), (4, ["3", "O'Brien"])]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_either_way(sheet_of, encoding):
    bom = "\ufeff".encode(encoding)
    assert rows(sheet_of(bom + "id,name\n1,王小明\n".encode(encoding))) == [(2, ["1", "王小明"])]


def test_lines_are_those_of_the_spreadsheet_and_blank_rows_are_left_out(sheet_of):
    sheet = sheet_of('id,name\n1,Ada\n\n , \n2,"Two\nlines"\n3,Bo\n')
    assert [line for line, _ in rows(sheet)] == [2, 5, 6]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "The file is empty"),
        (b" \n\r\n", "The file is empty"),
        (b"id,name\n", "no rows under it"),
        (b"id,name\n\n , \n", "no rows under it"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "not a text file"),
        (b"PK\x03\x04rest", "an Excel workbook or a zip archive"),
        (b"%PDF-1.7", "a PDF document"),
        (b"id,name\n1,\x81\x8d\xff\n", "characters can't be read"),
        (b"id,name\n1,\xff\x01\n", "characters can't be read"),
        (b"\xff\xfei\x00d\x00,\x00\x00\xd8", "characters can't be read"),
        (b"name,age\nAda,12\n", "No heading says which column holds the Student ID"),
        (b"1,Ada,12\n2,Bo,13\n", "No heading says which column holds the Student ID"),
        (b"id,name,Name\n1,a,b\n", "stands twice"),
        (b"id,name,notes,Notes\n1,a,b,c\n", "stands twice"),
        (b"id,name,full name\n1,a,b\n", "both mean Name"),
        (b'id,name\n1,"Ada\n2,Bo\n3,Cy\n', "On line 2 a quotation mark is opened and never closed"),
        (b'id,name\n1,"' + b"x" * 200_000 + b"\n", "On line 2 a quotation mark is opened and never closed"),
        (b",".join(b"c%d" % n for n in range(1_001)) + b"\n1\n", "has 1,001 columns"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused_with_one_sentence(sheet_of, content, sentence):
    with pytest.raises(SheetRefused, match=sentence):
        rows(sheet_of(content))


def test_unknown_headings_are_named_as_ignored(sheet_of):
    assert sheet_of("id,name,House,\n1,Ada,Blue,\n").ignored == ["House"]


def test_a_quotation_mark_in_a_plain_cell_is_a_character(sheet_of):
    assert rows(sheet_of('id,name\n1,Bo "B" Ng\n')) == [(2, ["1", 'Bo "B" Ng'])]


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")), min_size=2, max_size=2)))
def test_whatever_a_csv_writer_writes_is_read_back(tmp_path_factory, cells):
    import csv

    path = tmp_path_factory.mktemp("sheet") / "upload"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "name"], ["1", "Ada"], *cells])
    expected = [["1", "Ada"], *(row for row in cells if any(cell.strip() for cell in row))]
    assert [row for _, row in rows(inspect(path))] == expected
