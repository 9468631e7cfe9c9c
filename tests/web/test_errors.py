"""Every refusal is a page in the house style, in plain words."""

import pytest
from sqlalchemy.exc import OperationalError

from merge import listing


@pytest.mark.parametrize("path", ["/nowhere", "/students/8", "/imports/8", "/imports/8/progress"])
def test_what_does_not_exist_is_a_page_that_leads_back(editor, path):
    page = editor.visit(path, status=404)
    assert page.heading == "There is nothing here"
    assert "/" in page.links


def test_a_set_up_link_that_is_void_says_so_and_leads_back(editor):
    page = editor.visit("/setup", status=404)
    assert page.heading == "This link does not work"
    assert "/" in page.links


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "/students/7"), ("PUT", "/students"), ("GET", "/students/7/cell"), ("GET", "/imports/7/apply"), ("POST", "/")],
)
def test_a_page_that_is_opened_the_wrong_way_says_so(editor, method, path):
    token = editor.visit("/").values["csrf_token"]
    response = editor.open(path, method, headers={"X-CSRFToken": token})
    assert response.status_code == 405
    assert "<h1>This page can’t be opened like that</h1>" in response.text


def test_a_role_that_may_not_is_told_so(viewer):
    assert viewer.visit("/students/new", status=403).heading == "You don’t have permission"


def test_a_fault_of_ours_is_a_page_without_its_inside(viewer, monkeypatch):
    def fail(*_):
        raise OperationalError("SELECT secret", {}, Exception("inside"))

    monkeypatch.setattr(listing, "page_and_count", fail)
    page = viewer.visit("/students", status=500)
    assert page.heading == "Something went wrong"
    assert "secret" not in page.html
    assert "inside" not in page.text
