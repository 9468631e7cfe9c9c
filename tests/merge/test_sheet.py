"""A file is understood as a sheet, or refused with one sentence."""

import codecs
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from merge.heading_questions import ask_before_reading
from merge.left_out import ABOVE, AGAIN, TOTALS, UNITS
from merge.options import Options
from merge.problems import SheetRefused
from merge.reading_notes import reading_notes
from merge.sheet import Sheet, inspect

FILES = Path(__file__).parent.parent / "files"


@pytest.fixture
def sheet_of(tmp_path):
    def sheet_of(content: bytes | str, **known: str):
        path = tmp_path / "upload"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return inspect(path, **known)

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
        (b"id,name\n1,\xff\x01\n", "characters can't be read"),
        (b"\xff\xfei\x00d\x00,\x00\x00\xd8", "characters can't be read"),
        (b'id,name\n1,"Ada\n2,Bo\n3,Cy\n', "On line 2 a quotation mark is opened and never closed"),
        (b'id,name\n1,"' + b"x" * 200_000 + b"\n", "On line 2 a quotation mark is opened and never closed"),
        (b",".join(b"c%d" % n for n in range(1_001)) + b"\n1\n", "has 1,001 columns"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused_with_one_sentence(sheet_of, content, sentence):
    with pytest.raises(SheetRefused, match=sentence):
        rows(sheet_of(content))


NAMES = {
    "windows-1252": "Jürgen Groß, Renée Lefèvre, José Núñez, Søren Ødegård, Åsa Öberg, Inês Simões, Björk Guðmundsdóttir",
    "windows-1250": "Jiří Dvořák, Věra Růžičková, Łukasz Wójcik, Małgorzata Gałązka, Győző Szűcs, Željko Šarić",
    "iso8859-2": "Łukasz Wójcik, Małgorzata Dąbrowska, Paweł Żółć, Świętosława Zając, Stanisław Gałązka",
    "windows-1251": "Иван Петров, Мария Иванова, Дмитрий Кузнецов, Ольга Смирнова",
    "koi8-r": "Иван Петров, Мария Иванова, Дмитрий Кузнецов, Ольга Смирнова",
    "windows-1253": "Γιώργος Παπαδόπουλος, Μαρία Νικολάου, Κώστας Ιωάννου",
    "windows-1255": "דוד כהן, שרה לוי, משה פרץ",
    "windows-1256": "محمد أحمد, فاطمة علي, خالد حسن",
    "mac-roman": "Jürgen Müller, Renée Lefèvre, Käthe Groß, José Núñez",
    "cp850": "Jürgen Müller, Renée Lefèvre, Käthe Groß, José Núñez",
    "cp932": "田中太郎, 佐藤花子, 鈴木一郎, 高橋美咲, ヤマダタロウ",
    "gb18030": "王小明, 李娜, 张伟, 刘洋, 陈静",
    "big5": "王小明, 陳淑芬, 張偉, 劉洋, 林志玲",
    "cp949": "김민수, 이영희, 박지훈, 최수진",
    "utf-16-le": "Ada, 王小明, Анна",
    "utf-16-be": "Ada, 王小明, Анна",
}


@pytest.mark.parametrize("encoding", NAMES)
def test_the_encoding_is_found_by_how_names_look(sheet_of, encoding):
    names = NAMES[encoding].split(", ")
    sheet = sheet_of("".join(["ID;Name\r\n", *(f"{n};{name}\r\n" for n, name in enumerate(names))]).encode(encoding))
    assert [row[1] for _, row in rows(sheet)] == names
    assert sheet.encoding == encoding


@pytest.mark.parametrize(
    ("encoding", "cells"),
    [
        ("windows-1252", "Prénom;Classe;Chloé;3ème A;Zoé;6ème B"),
        ("windows-1252", "Name;Curso;Mª Carmen Ruiz;1ºA;Luis Soto;2ºB"),
        ("windows-1252", "ältere Schüler;Jörg;jüngere;Käthe"),
        ("windows-1252", "1ª série;José;2ª série;João"),
        ("windows-1250", "Jiří Dvořák;3. třída;Věra Růžičková;4. ročník"),
        ("cp932", "山田太郎;3年A組;佐藤花子;1年B組"),
        ("windows-1251", "Иван Петров;5А;Мария Иванова;11Б"),
    ],
)
def test_words_like_ordinals_and_classes_do_not_turn_names_into_another_alphabet(sheet_of, encoding, cells):
    sheet = sheet_of("\n".join(["id;name", *(f"{n};{cell}" for n, cell in enumerate(cells.split(";")))]).encode(encoding))
    assert [row[1] for _, row in rows(sheet)] == cells.split(";")


@pytest.mark.parametrize("mark", [b"", codecs.BOM_UTF8])
@pytest.mark.parametrize("broken", ["Renée".encode("windows-1252"), "Renée".encode()[:-2]])
def test_a_sheet_in_utf_8_with_a_broken_letter_is_refused_instead_of_read_in_another_alphabet(sheet_of, mark, broken):
    whole = "".join(f"{number},Zoë Müller\n" for number in range(20)).encode()
    with pytest.raises(SheetRefused, match="Line 22 isn’t UTF-8, but the rest of the file is"):
        sheet_of(mark + b"id,name\n" + whole + b"20," + broken)


def test_one_accent_far_down_a_plain_sheet_is_western(sheet_of):
    sheet = sheet_of(b"id,name\n" + b"1,Ada\n" * 200_000 + b"2,Ren\xe9e\n")
    assert sheet.encoding == "windows-1252"
    assert rows(sheet)[-1] == (200_002, ["2", "Renée"])


def test_whoever_knows_better_may_say_how_a_sheet_is_written(sheet_of):
    turkish = "id;name\n1;Ayşe Yılmaz, Ayla\n".encode("windows-1254")
    assert rows(sheet_of(turkish, encoding="windows-1254")) == [(2, ["1", "Ayşe Yılmaz, Ayla"])]
    assert sheet_of(b"id,name;score\n1,Ada;2\n", delimiter=",").headings == ["id", "name;score"]
    for wrong in ({"encoding": "utf-8-sig"}, {"encoding": "hex"}, {"delimiter": "x"}):
        with pytest.raises(SheetRefused, match=r"not written in|can be one of these"):
            sheet_of(turkish, **wrong)


def test_a_sheet_survives_being_written_down(sheet_of):
    sheet = sheet_of("id,name\n,(first)\n1,Ada\nTotal,1\n")
    again = Sheet(**json.loads(json.dumps(sheet.to_json())))
    assert again == sheet
    assert rows(again) == [(3, ["1", "Ada"])]


@pytest.mark.parametrize(
    ("content", "left_out", "lines"),
    [
        ("id,name,age\n,,(years)\n1,Ada,12\n", [[2, UNITS]], [3]),
        ("id,name,score\n,Max,max 100\n1,Ada,12\n", [[2, UNITS]], [3]),
        ("name,id,score\n   Points Possible,,20\nAda,1,12\n", [[2, UNITS]], [3]),
        ("id,name,score\n,Ada,20\n1,Bo,12\n", [], [2, 3]),
        ("id,name,age\n1,Max,12\n2,Bo,12\n", [], [2, 3]),
        ("id,name,score\n1,Ada,12\n2,Bo,13\n\nTotal,,25\nAverage,,12.5\n", [[5, TOTALS], [6, TOTALS]], [2, 3]),
        ("id,name,score\n1,Ada,12\n,Average:,12\n", [[3, TOTALS]], [2]),
        ("id,name,score\n1,Ada,12\n7,Sum,12\n", [], [2, 3]),
        ("id,name,score\nTotal,,25\n1,Ada,12\n2,Bo,1\n", [], [2, 3, 4]),
        ("Class 9b,,\n\nid,name,score\n1,Ada,12\n", [[1, ABOVE]], [4]),
        ("sep=;\nid;name\n1;Ada\n", [[1, ABOVE]], [3]),
        ("\n\nid,name\n1,Ada\n", [], [4]),
    ],
)
def test_rows_that_are_about_the_sheet_are_left_out_and_named(sheet_of, content, left_out, lines):
    sheet = sheet_of(content)
    assert [line for line, _ in rows(sheet)] == lines
    assert sheet.left_out == left_out


def test_totals_at_the_end_of_many_blocks_are_named_when_they_are_reached(sheet_of):
    sheet = sheet_of("id,name\n" + "".join(f"{n},Ada\n" for n in range(45_000)) + "Total,45000\n")
    assert sheet.left_out == []
    for _ in range(2):
        assert [line for line, _ in rows(sheet)] == list(range(2, 45_002))
        assert sheet.left_out == [[45_002, TOTALS]]


@pytest.mark.parametrize(
    ("name", "encoding", "delimiter", "names", "left_out"),
    [
        ("canvas-gradebook.csv", "utf-8-sig", ",", ["Lovelace, Ada", "Hopper, Grace", "Student, Test"], [2, 3]),
        ("class-list-windows-1250.csv", "windows-1250", ";", ["Jiří Dvořák", "Věra Růžičková", "Lukáš Němec"], [1, 2, 5, 9, 10]),
        ("pupils-shift-jis.csv", "cp932", ",", ["田中太郎", "佐藤花子", "鈴木一郎"], []),
    ],
)
def test_sheets_as_people_export_them(name, encoding, delimiter, names, left_out):
    sheet = inspect(FILES / name)
    found = [row[sheet.columns.index("name")] for _, row in rows(sheet)]
    assert (sheet.encoding, sheet.delimiter, found) == (encoding, delimiter, names)
    assert [line for line, _ in sheet.left_out] == left_out


def test_unknown_headings_are_named_as_ignored(sheet_of):
    assert sheet_of("id,name,House,\n1,Ada,Blue,\n").ignored == ["House"]


def test_a_quotation_mark_in_a_plain_cell_is_a_character(sheet_of):
    assert rows(sheet_of('id,name\n1,Bo "B" Ng\n')) == [(2, ["1", 'Bo "B" Ng'])]


@settings(deadline=None)  # the first of them starts the process that reads sheets
@given(st.lists(st.lists(st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00")), min_size=2, max_size=2)))
def test_whatever_a_csv_writer_writes_is_read_back(tmp_path_factory, cells):
    import csv

    path = tmp_path_factory.mktemp("sheet") / "upload"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["id", "name", "notes"], ["1", "Ada", ""], *(["2", *row] for row in cells)])
    read = [row for _, row in rows(inspect(path))]
    assert _without_blanks_before(read) == _without_blanks_before([["1", "Ada", ""], *(["2", *row] for row in cells)])


def _without_blanks_before(rows):
    """Blanks before a cell belong to none: some programs write them between the delimiter and a quotation mark."""
    return [[cell.lstrip(" ") for cell in row] for row in rows]


@pytest.mark.parametrize(
    ("content", "read"),
    [
        ('id,name\n1,"Robert \\"Bob\\" Smith"\n', [(2, ["1", 'Robert "Bob" Smith'])]),
        ('id,name\n1,"Ann \\"A, B\\" Lee"\n', [(2, ["1", 'Ann "A, B" Lee'])]),
        ('id,name\n1,"Smith, \\"Bo\\""\n2,Cy\n', [(2, ["1", 'Smith, "Bo"']), (3, ["2", "Cy"])]),
        ('id,name\n1,"C:\\"\n2,"AC\\DC"\n', [(2, ["1", "C:\\"]), (3, ["2", "AC\\DC"])]),
        ('id,name\n1,"He ""Hi\\"" x"\n', [(2, ["1", 'He "Hi\\" x'])]),
    ],
)
def test_quotation_mark_behind_a_backslash_is_one_of_the_cell(sheet_of, content, read):
    assert rows(sheet_of(content)) == read


@pytest.mark.parametrize("between", [", ", ";  ", "| "])
def test_blank_before_a_quotation_mark_belongs_to_no_cell(sheet_of, between):
    sheet = sheet_of(between.join(["id", "name", "age"]) + "\n" + between.join(["1", '"Ada, L"', "12"]) + "\n")
    assert rows(sheet) == [(2, ["1", "Ada, L", "12"])]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_rows_that_are_quoted_as_a_whole_are_taken_apart_and_it_is_said(sheet_of, delimiter):
    lines = [["id", "name", "age"], ["1", '""Ada, L""', "12"], ["2", "Bo", ""]]
    sheet = sheet_of("".join(f'"{delimiter.join(line)}"\n' for line in lines))
    assert rows(sheet) == [(2, ["1", "Ada, L", "12"]), (3, ["2", "Bo", ""])]
    assert [str(note) for note in reading_notes(sheet)] == ["Each row was in quotation marks as a whole, and was taken apart."]


@pytest.mark.parametrize(
    ("content", "headings", "first"),
    [
        ("Grade,9,,\nTeacher,Ms Smith,,\nID,Name,Age,Score\n1,Ada,12,91\n", ["ID", "Name", "Age", "Score"], 4),
        ("Test 1,Points,max 100\n\nStudent ID,Name,Score\n1,Ada,91\n", ["Student ID", "Name", "Score"], 4),
        ("Student,,Age,Score\nID,Name,,\n1,Ada,12,91\n", ["ID", "Name", "Age", "Score"], 3),
        ("Name,,Alter\nVorname,Nachname,\nAda,Chen,12\n", ["Vorname", "Nachname", "Alter"], 3),
        ("Title,,\n" * 40 + "ID,Name,Score\n1,Ada,91\n", ["ID", "Name", "Score"], 42),
        ("id,name,score\nName,ID,Score\n", ["id", "name", "score"], 2),
        ("Name,Score\nAda,1\nBo,2\nCy,3\nID,Name,Age,Score\n9,Di,12,4\n", ["Name", "Score"], 2),
        ("Name,Grade\nMs Smith,9\n\nID,Name,Score\n1,Ada,91\n", ["ID", "Name", "Score"], 5),
        ("Name,Age\nAda,12\nName,Age\nBo,13\n", ["Name", "Age"], 2),
    ],
    ids=[
        "a known word above",
        "words above a blank row",
        "merged over two",
        "parts below",
        "far down",
        "as good",
        "another table",
        "two words above",
        "again",
    ],
)
def test_row_that_names_the_most_columns_is_the_header_row(sheet_of, content, headings, first):
    sheet = sheet_of(content)
    assert (sheet.headings, sheet.first_line) == (headings, first)


def test_header_row_that_is_printed_again_is_no_student(sheet_of):
    sheet = sheet_of("Name,Age\nAda,12\n Name ,Age\nName,Age\nBo,13\n")
    assert rows(sheet) == [(2, ["Ada", "12"]), (5, ["Bo", "13"])]
    assert sheet.left_out == [[3, AGAIN], [4, AGAIN]]


def test_header_rows_without_end_are_named_a_few_times_only(sheet_of):
    sheet = sheet_of("Name,Age\n" * 50_000 + "Ada,12\n")
    assert rows(sheet) == [(50_001, ["Ada", "12"])]
    assert len(sheet.left_out) <= 5


@pytest.mark.parametrize(
    ("content", "question"),
    [
        (b"id,name,Name\n1,a,b\n", "Both “name” and “Name” may be the Name."),
        (b"id,name,full name\n1,a,b\n", "Both “name” and “full name” may be the Name."),
        (b"age,score\n12,90\n", "No heading says which column is the Student ID or the Name"),
        ("Imię i nazwisko,Wiek\nAda,12\n".encode(), "No heading says which column is the Student ID or the Name"),
        (b"1,Ada,12\n2,Bo,13\n", "The sheet has no header row. Choose which column is the Student ID or the Name."),
    ],
)
def test_headings_that_leave_a_question_open_lead_to_that_question(sheet_of, content, question):
    assert str(ask_before_reading(sheet_of(content), Options())[0].sentence).startswith(question)


@pytest.mark.parametrize("content", [b"id,name,notes,Notes\n1,a,b,c\n", b"name\nAda\n", b"First name,Last name\nAda,L\n"])
def test_headings_that_say_enough_leave_none(sheet_of, content):
    assert ask_before_reading(sheet_of(content), Options("name")) == []
