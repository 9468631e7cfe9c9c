"""Views: lists that a user keeps under a name, private or shared."""

import pytest
from sqlalchemy import select

from models import View

ODD = "<script>alert(1)</script> & “Größe” 100% {{ 7*7 }}"


@pytest.fixture
def kept(stored):
    return lambda: [tuple(row) for row in stored(select(View.name, View.address, View.shared).order_by(View.id))]


def test_a_list_is_kept_under_a_name_and_found_again(viewer, add, kept):
    add(1, "Ada", 12)
    page = viewer.visit("/students?q=ada&min_age=12&sort=-age&after=")
    sent = viewer.post("/students/views", {**page.values, "name": "  Twelve \t Adas "}, status=303)
    assert sent.location == "/students?q=ada&min_age=12&sort=-age"
    page = viewer.visit(sent.location)
    assert "Saved the view “Twelve Adas”." in page.alerts
    assert [node.get("href") for node in page.all("a") if node.get("aria-current") and node.text == "Twelve Adas"] == [
        sent.location
    ]
    assert kept() == [("Twelve Adas", "q=ada&min_age=12&sort=-age", False)]


@pytest.mark.parametrize("name", [ODD, "x" * 100, "王小明", "'; DROP TABLE views --"])
def test_any_text_is_a_name(viewer, kept, name):
    viewer.send("/students/views", {"name": name})
    assert kept() == [(name, "", False)]
    for path in ("/students", "/students/views"):
        assert name in viewer.visit(path).text


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("", "Enter a name for the view."), (" ", "Enter a name"), ("x" * 101, "at most 100"), ("a\0b", "invisible character")],
)
def test_a_name_that_cant_be_one_is_kept_with_its_message(viewer, kept, name, sentence):
    page = viewer.send("/students/views", {"name": name, "address": "min_age=12"}, status=422)
    assert sentence in page.problems["name"]
    assert page.values["address"] == "min_age=12"
    assert kept() == []


def test_a_list_that_no_address_names_is_not_kept(viewer, kept):
    assert (
        viewer.send("/students/views", {"name": "x", "address": "sort=password"}, status=400).heading
        == "That list does not exist"
    )
    assert kept() == []


def test_a_private_view_is_its_users_own_and_a_shared_one_everybodys(viewer, editor):
    viewer.send("/students/views", {"name": "Mine"})
    viewer.send("/students/views", {"name": "Ours", "shared": "y"})
    text = editor.visit("/students").text
    assert ("Mine" in text, "Ours" in text) == (False, True)
    assert "Ours" not in editor.visit("/students/views").text


def test_a_view_is_renamed_shared_and_dropped_by_its_user(viewer, kept):
    viewer.send("/students/views", {"name": "Old", "address": "q=ada"})
    viewer.send("/students/views/1", {"1-name": "New", "1-shared": "y"}, page="/students/views")
    assert kept() == [("New", "q=ada", True)]
    page = viewer.send("/students/views/1", {"1-name": ""}, page="/students/views", status=422)
    assert page.problems == {"1-name": "Enter a name for the view."}
    assert kept() == [("New", "q=ada", True)]
    viewer.send("/students/views/1/delete", page="/students/views")
    assert kept() == []


def test_nobody_else_changes_a_view_shared_or_not(viewer, editor, kept):
    viewer.send("/students/views", {"name": "Ours", "shared": "y"})
    for path in ("/students/views/1", "/students/views/1/delete", "/students/views/2"):
        editor.send(path, {"1-name": "Taken"}, page="/students/views", status=404)
    assert kept() == [("Ours", "", True)]


def test_who_is_signed_out_keeps_nothing(client):
    assert "/login" in client.open("/students/views").location
