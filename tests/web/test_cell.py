"""A cell that is edited in the list is guarded as the form is."""

import pytest


@pytest.fixture
def edit(editor, add):
    """Edit a cell of student 7, as the list does: edit("age", "13") gives the answer."""
    add(7, "Ada", 12, 90)
    token = editor.visit("/students").values["csrf_token"]

    def edit(column, value, version="1", student_id=7):
        data = {"csrf_token": token, "column": column, "value": value, "version": version}
        return editor.open(f"/students/{student_id}/cell", "POST", data=data)

    return edit


def test_a_cell_is_saved_and_what_stands_there_now_is_told(edit, students):
    answer = edit("score", "85.5")
    cells = {"id": "7", "name": "Ada", "age": "12", "score": "85.5"}
    said = {"version": 2, "text": "85.5", "cells": cells, "sentence": "Score of Ada is saved: 85.5.", "undo": "/changes/2/undo"}
    assert (answer.status_code, answer.json) == (200, said)
    assert students() == [(7, "Ada", 12, 85.5)]
    answer = edit("score", "", version="2").json
    assert (answer["text"], answer["sentence"]) == ("", "Score of Ada is saved: blank.")


def test_a_cell_that_is_saved_as_it_was_offers_no_undo(edit):
    assert "undo" not in edit("age", "12").json


def test_what_somebody_else_changed_elsewhere_in_the_record_stays(edit, change, students):
    change(7, name="Ada L.")
    answer = edit("age", "13").json
    assert (answer["version"], answer["cells"]["name"]) == (3, "Ada L.")
    assert students() == [(7, "Ada L.", 13, 90)]


def test_a_cell_that_somebody_else_changed_is_not_overwritten(edit, change, students):
    change(7, age=14)
    answer = edit("age", "13")
    assert answer.status_code == 409
    assert answer.json["sentence"] == "somebody else changed it to 14 while you were editing. Open the record to decide."
    assert students() == [(7, "Ada", 14, 90)]


def test_a_value_that_does_not_fit_is_said(edit, students):
    answer = edit("age", "old")
    assert (answer.status_code, answer.json) == (422, {"sentence": "“old” is not a whole number."})
    assert students() == [(7, "Ada", 12, 90)]


@pytest.mark.parametrize(
    ("column", "version", "student_id"),
    [("id", "1", 7), ("version", "1", 7), ("", "1", 7), ("age", "1", 8)],
)
def test_a_cell_that_the_list_does_not_show_is_not_found(edit, students, column, version, student_id):
    assert edit(column, "13", version, student_id).status_code == 404
    assert students() == [(7, "Ada", 12, 90)]


@pytest.mark.parametrize("version", ["", "9", "x"])
def test_a_cell_of_a_version_that_no_list_showed_is_not_saved(edit, students, version):
    answer = edit("age", "13", version)
    assert (answer.status_code, answer.json) == (409, {"sentence": "This list is out of date. Reload the page, then try again."})
    assert students() == [(7, "Ada", 12, 90)]


def test_a_student_who_was_deleted_is_not_made_again(edit, editor, students):
    editor.send("/students/7/delete", {"version": "1"}, page="/students/7")
    answer = edit("age", "13")
    assert answer.status_code == 409
    assert "deleted this student" in answer.json["sentence"]
    assert students() == []
