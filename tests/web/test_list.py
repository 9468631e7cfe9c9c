"""The list's page: search, filters as chips, neighbours, and how it travels."""

import gzip
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest


@pytest.fixture
def people(add):
    add(1, "Nguyễn Thị Ánh", 11, 50.0)
    add(2, "Ada Berg", 12, 60.0)
    add(3, "Ada <Lund>", 13)
    add(44, "44 Gallery Lane", None, 70.0)


def names(page):
    return [row.all("th")[0].text for body in page.all("tbody") for row in body.all("tr")]


@pytest.mark.usefixtures("people")
def test_what_was_searched_for_is_found_without_accents_and_marked(viewer):
    page = viewer.visit("/students?q=ANH+nguyen")
    assert names(page) == ["Nguyễn Thị Ánh"]
    assert [mark.text for mark in page.all("mark")] == ["Nguyễn", "Ánh"]
    assert page.values["q"] == "ANH nguyen"


@pytest.mark.usefixtures("people")
def test_an_id_on_its_own_leads_to_the_record_and_any_other_number_is_searched_for(viewer):
    answer = viewer.visit("/students?q=+2+", status=303)
    assert answer.location == "/students/2"
    assert names(viewer.visit("/students?q=4")) == ["44 Gallery Lane"]
    assert names(viewer.visit("/students?q=44&min_age=1")) == []


@pytest.mark.usefixtures("people")
def test_each_filter_is_a_chip_that_removes_it(viewer):
    page = viewer.visit("/students?q=ada&min_age=12&max_age=12&blank_score=no&since=2020-01-01&sort=-age&per_page=25")
    assert names(page) == ["Ada Berg"]
    chips = {chip.text: chip.get("href") for chip in page.all("a") if "chip" in chip.get("class").split()}
    labels = [label.removeprefix("Remove the filter ") for label in chips]
    assert labels == ["Age is 12", "Score is not blank", "Changed since 1 January 2020, 00:00"]
    page = viewer.visit("/students?min_score=60&below_score=70&below_age=13&outside_score=no&same_name=no")
    assert names(page) == ["Ada Berg"]
    labels = [chip.text.removeprefix("Remove the filter ") for chip in page.all("a") if "chip" in chip.get("class").split()]
    assert labels == [
        "Age under 13",
        "Score from 60 to under 70",
        "Score is not outside 0 to 100",
        "Name is not shared with another student",
    ]
    left = parse_qs(urlsplit(chips["Remove the filter Age is 12"]).query)
    assert left == {
        "q": ["ada"],
        "blank_score": ["no"],
        "since": ["2020-01-01T00:00:00+00:00"],
        "sort": ["-age"],
        "per_page": ["25"],
    }


@pytest.mark.usefixtures("people")
def test_filters_are_kept_in_the_form_that_searches_again(viewer):
    typed = {"min_age": "12", "below_age": "14", "blank_score": "yes", "outside_age": "no", "same_name": "no", "sort": "age"}
    page = viewer.visit(f"/students?{urlencode(typed | {'per_page': '25'})}")
    assert page.values.items() >= (typed | {"per_page": "25", "since": ""}).items()
    assert names(page) == ["Ada <Lund>"]


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("min_age", "old", "“old” is not a whole number."),
        ("max_score", "101", "Score must be between 0 and 100"),
        ("below_age", "old", "“old” is not a whole number."),
        ("same_name", "maybe", "Enter “yes” or “no” instead of “maybe”"),
        ("since", "last week", "“last week” is not a date and time."),
        ("import", "the first", "is not the number of an import."),
    ],
)
def test_a_filter_that_cant_be_read_is_kept_with_its_message_and_shows_no_other_list(viewer, field, typed, sentence):
    page = viewer.visit(f"/students?{field}={typed}&q=ada&max_age=99", status=422)
    assert sentence in page.problems[field]
    assert (page.values[field], page.values["q"], page.values["max_age"]) == (typed if field != "same_name" else "", "ada", "99")
    assert names(page) == []


@pytest.mark.usefixtures("people")
def test_first_and_last_page_are_one_click_away(viewer):
    first = viewer.visit("/students?per_page=1&sort=id")
    last = viewer.visit(next(link for link in first.links if "before=end" in link))
    assert names(last) == ["44 Gallery Lane"]
    assert next(node.get("href") for node in last.all("a") if node.text == "First page") == "/students?sort=id&per_page=1"


def test_a_place_that_was_tampered_with_is_a_page_in_plain_words(viewer):
    for place in ("after=x", "before=x", "after=end", "after=%F0%9F%98%80", "after=" + "A" * 3000):
        assert viewer.visit(f"/students?{place}", status=400).heading == "That list does not exist"


def test_an_invisible_character_in_the_search_is_left_out(viewer, add):
    add(1, "Ada Berg")
    assert names(viewer.visit("/students?q=ada%00berg%E2%80%AE")) == ["Ada Berg"]


def test_a_page_of_fifty_students_is_small_and_travels_compressed(editor, upload, work):
    rows = "".join(f"{number},Maximilian Featherstonehaugh {number},12,60.5\n" for number in range(1, 121))
    editor.post("/imports/1/apply", upload("id,name,age,score\n" + rows).values, status=303)
    work()
    plain = editor.open("/students?q=max")
    zipped = editor.open("/students?q=max", headers={"Accept-Encoding": "gzip"})
    assert len(plain.data) < 60_000
    assert plain.text.count("<tr") == 51
    assert "Content-Encoding" not in plain.headers
    assert (zipped.headers["Content-Encoding"], zipped.headers["Vary"]) == ("gzip", "Accept-Encoding, Cookie")
    assert len(zipped.data) < len(plain.data) / 5
    assert gzip.decompress(zipped.data).count(b"<tr") == 51


def test_an_answer_that_is_compressed_tells_its_true_length_to_nobody(viewer):
    lengths = {len(viewer.open("/students?q=a", headers={"Accept-Encoding": "gzip"}).data) for _ in range(20)}
    assert len(lengths) > 3


def test_a_download_is_streamed_as_it_is(viewer):
    assert "Content-Encoding" not in viewer.open("/students.csv", headers={"Accept-Encoding": "gzip"}).headers
