"""CSV as spreadsheets of the reader's region open it, wherever a page offers one, and the standard one for programs."""

import pytest
from babel.localedata import locale_identifiers

from forms import CSV_FORMATS
from merge.csv_text import FORMATS
from tests.pages import Page
from tests.web.conftest import sheet_file
from tests.web.test_route_matrix import TABLE
from web.csv_format import _format_of

GERMANY, MEXICO, SWITZERLAND = "de-DE,de;q=0.9,en;q=0.8", "es-MX,es;q=0.9", "de-CH"
FILES = [path for method, path in TABLE if method == "GET" and path.endswith(".csv")]
SAMPLE = "/start/sample.csv"
SHEET = "id,name,age,score\n7,Ada,12,85.5\n8,Bob;=1,13,85\n9,,1,1\n"


@pytest.fixture
def school(admin, upload, editor, work):
    page = upload(SHEET)
    editor.post("/imports/1/apply", page.values, status=303)
    work()


def opened(visitor, path, languages=""):
    with visitor.open(path, headers={"Accept-Language": languages} if languages else {}) as response:
        assert response.status_code == 200, response.text
        return response.text


@pytest.mark.parametrize(
    ("languages", "name"),
    [
        *((GERMANY, "semicolon"), ("de", "semicolon"), ("en-DE", "semicolon"), ("es-ES", "semicolon"), ("pt-BR", "semicolon")),
        *((MEXICO, "comma"), ("es-419", "comma"), ("de-US", "comma"), ("en-GB", "comma"), ("zh-Hant-TW", "comma")),
        *((SWITZERLAND, "semicolon-point"), ("fr-CH", "semicolon-point"), ("de-LI", "semicolon-point")),
        *(("", "comma"), ("*", "comma"), ("x" * 5_000, "comma"), ("../../etc", "comma"), ("de-XX", "comma"), ("qq-QQ", "comma")),
    ],
)
def test_the_region_says_how_a_file_is_written_and_the_language_only_without_one(languages, name):
    assert _format_of(languages.partition(",")[0].lower()) == name


def test_there_is_a_format_for_everybody_whose_language_is_known():
    assert {_format_of(name.replace("_", "-").lower()) for name in locale_identifiers()} == set(FORMATS) == set(CSV_FORMATS)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_file_comes_in_each_format_and_without_one_in_the_standard(admin, school):
    for path in FILES:
        standard = opened(admin, path, GERMANY).splitlines()[0]
        assert ";" not in standard, path
        for name in ("semicolon", "semicolon-point"):
            assert opened(admin, f"{path}?format={name}", GERMANY).splitlines()[0] == standard.replace(",", ";"), path
        assert "no CSV format" in admin.visit(f"{path}?format=evil", status=400).text, path


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_page_offers_its_files_in_the_format_of_the_readers_region(admin, school):
    pages = [
        *(path for method, path in TABLE if method == "GET"),
        "/students?as_of=2999-01-01T00:00",
        "/imports/1?verdict=rejected",
    ]
    offered = set()
    for path in pages:
        with admin.open(path, headers={"Accept-Language": GERMANY}) as response:
            links = Page(response.text).links if response.mimetype == "text/html" else []
        files = [link for link in links if ".csv" in link and "format=semicolon-point" not in link]
        assert all("format=semicolon" in link or "format=comma" in link for link in files), path
        assert not files or any("format=semicolon" in link for link in files), path
        offered |= {link.partition("?")[0] for link in files}
    assert offered == set(FILES) - {SAMPLE}


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("name", FORMATS)
def test_students_who_are_ticked_come_in_the_format_that_is_chosen_and_are_read_back_unchanged(editor, school, work, name):
    token = editor.visit("/students").values["csrf_token"]
    with editor.open(
        "/students/bulk", "POST", data={"csrf_token": token, "all": "1"}, headers={"Accept-Language": GERMANY}
    ) as page:
        assert Page(page.text).values["format"] == "semicolon"
    with editor.open("/students/bulk/export", "POST", data={"csrf_token": token, "format": name}) as response:
        file = response.data
    assert ("85,5" in file.decode()) is (name == "semicolon")
    sent = editor.send("/imports/new", {"file": sheet_file(file), "blank": "keep"})
    work()
    assert "There is nothing to apply" in editor.visit(sent.location).text


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("name", FORMATS)
def test_the_sample_is_offered_as_other_files_are_and_read_in_each_format(editor, work, name):
    assert f"{SAMPLE}?format=semicolon" in Page(opened(editor, "/", GERMANY)).links
    sent = editor.send("/imports/new", {"file": sheet_file(opened(editor, f"{SAMPLE}?format={name}")), "blank": "keep"})
    work()
    assert "Apply 20 changes" in editor.visit(sent.location).text
