"""The page of what changed lately."""

import pytest


@pytest.fixture
def lately(add, editor, upload, work):
    add(1, "Ada")
    page = upload("id,name\n1,ADA\n2,Bo\n", filename="autumn.csv")
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    editor.send("/students/2", {"name": "Bo", "age": "13", "version": "1"})


@pytest.mark.usefixtures("lately")
def test_changes_are_listed_newest_first_with_what_they_did(viewer):
    page = viewer.visit("/changes")
    rows = [row.text for row in page.all("tbody")[0].all("tr")]
    assert ["Bo" in rows[0], "autumn.csv" in rows[1], "Ada" in rows[2]] == [True, True, True]
    assert "Age was blank becomes 13" in rows[0]
    assert "1 new, 1 changed" in rows[1]
    assert {"/imports/1", "/students/2/history", "/changes?actor=editor@school.example"} <= set(page.links)


@pytest.mark.usefixtures("lately")
def test_everybody_finds_their_own_changes(editor):
    link = next(link for link in editor.visit("/changes").links if "actor=editor" in link)
    page = editor.visit(link)
    assert len(page.all("tbody")[0].all("tr")) == 2
    assert page.values["actor"] == "editor@school.example"


@pytest.mark.usefixtures("lately")
@pytest.mark.parametrize(
    ("query", "number"), [("import=1", 1), ("from=2999-01-01", 0), ("actor=nobody", 0), ("to=2999-01-01", 3)]
)
def test_changes_are_filtered_by_their_address(viewer, query, number):
    page = viewer.visit(f"/changes?{query}")
    assert sum(len(body.all("tr")) for body in page.all("tbody")) == number
    assert number or "No change matches" in page.text


@pytest.mark.parametrize("query", ["import=x", "from=soon", "before=-1", "to=%00", "before=" + "9" * 40])
def test_an_address_that_was_made_up_is_refused_in_plain_words(viewer, query):
    viewer.visit(f"/changes?{query}", status=400)


def test_a_school_without_changes_says_so(viewer):
    assert "Nothing has changed yet" in viewer.visit("/changes").text
