"""The list of students, the form that makes and changes one, and the button that deletes one."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
from sqlalchemy import func, select

from merge import record
from models import Student, revisions

ADA = {"id": "7", "name": "Ada Lovelace", "age": "12", "score": "91.5"}


def test_an_editor_adds_a_student_and_sees_the_stored_record(editor, students):
    sent = editor.send("/students/new", ADA)
    page = editor.visit(sent.location)
    assert sent.location == "/students/7"
    assert page.heading == "Ada Lovelace"
    assert "Added Ada Lovelace as student 7." in page.alerts
    assert students() == [(7, "Ada Lovelace", 12, 91.5)]


def test_a_new_student_without_an_id_gets_the_next_free_one(editor, add, students):
    add(1, "Bob")
    assert editor.send("/students/new", ADA | {"id": ""}).location == "/students/2"
    assert [student[0] for student in students()] == [1, 2]


def test_a_new_student_whose_id_is_taken_is_shown_beside_the_stored_one_and_overwrites_nothing(editor, add, students):
    add(7, "Bob", 13)
    page = editor.send("/students/new", ADA, status=409)
    assert "Bob" in page.text
    assert page.values["name"] == "Ada Lovelace"
    assert students() == [(7, "Bob", 13, None)]


def test_a_record_opens_in_its_form_and_a_change_is_stored(editor, add, students):
    add(7, "Ada", 12, 91.5)
    page = editor.visit("/students/7")
    shown = {name: page.values[name] for name in ("name", "age", "score")}
    assert shown == {"name": "Ada", "age": "12", "score": "91.5"}
    editor.send("/students/7", shown | {"name": "Ada Lovelace", "score": "", "version": "1"})
    assert students() == [(7, "Ada Lovelace", 12, None)]


def test_saving_what_is_stored_already_makes_no_new_version(editor, add, stored):
    add(7, "Ada", 12, 91.5)
    editor.send("/students/7", {"name": "Ada", "age": "12", "score": "91.5", "version": "1"})
    assert stored(select(Student.version)) == [(1,)]
    assert stored(select(func.count()).select_from(revisions)) == [(1,)]


def test_each_save_keeps_a_revision_with_its_actor(editor, add, stored):
    add(7, "Ada")
    editor.send("/students/7", {"name": "Ada Lovelace", "version": "1"})
    assert stored(select(revisions.c.version, revisions.c.name).order_by(revisions.c.version)) == [
        (1, "Ada"),
        (2, "Ada Lovelace"),
    ]


def test_what_two_people_changed_in_different_fields_is_merged_and_said(editor, add, change, students):
    add(7, "Ada", 12)
    change(7, score=91.5)
    sent = editor.send("/students/7", {"name": "Ada Lovelace", "age": "12", "score": "", "version": "1"})
    assert students() == [(7, "Ada Lovelace", 12, 91.5)]
    assert "Score from somebody else, Name from you." in editor.visit(sent.location).alerts


def test_a_field_that_both_changed_shows_three_values_and_nothing_is_overwritten(editor, add, change, students):
    add(7, "Ada", 12)
    change(7, name="Ada B.", score=50)
    page = editor.send("/students/7", {"name": "Ada Lovelace", "age": "13", "version": "1"}, status=409)
    assert "somebody else saved student 7 while you were typing." in page.text
    for words in ("Stored now Ada B.", "What you typed Ada Lovelace", "As you opened it Ada", "Age 13 your change"):
        assert words in page.text
    assert "Score 50 changed by somebody else" in page.text
    assert (page.values["version"], page.values["base"], page.values["clash-name"]) == ("2", "1", "1")
    assert students() == [(7, "Ada B.", 12, 50)]


CHOICES = [
    ({"pick-name": "=Ada B."}, "Ada B."),
    ({"pick-name": "=Ada Lovelace"}, "Ada Lovelace"),
    ({"pick-name": "=Ada"}, "Ada"),
    ({"pick-name": "typed", "name": "Countess Ada"}, "Countess Ada"),
]


@pytest.mark.parametrize(("choice", "name"), CHOICES)
def test_a_clash_is_settled_by_a_choice_and_what_does_not_clash_stays_merged(editor, add, change, students, choice, name):
    add(7, "Ada", 12)
    change(7, name="Ada B.", score=50)
    page = editor.send("/students/7", {"name": "Ada Lovelace", "age": "13", "version": "1"}, status=409)
    editor.post("/students/7", page.values | choice, status=303)
    assert students() == [(7, name, 13, 50)]


def test_a_clash_without_a_choice_asks_for_it_and_keeps_what_was_chosen_elsewhere(editor, add, change, students):
    add(7, "Ada", 12)
    change(7, name="Ada B.", age=14)
    page = editor.send("/students/7", {"name": "Ada Lovelace", "age": "13", "version": "1"}, status=409)
    again = editor.post("/students/7", page.values | {"pick-age": "=13"}, status=422)
    assert "Choose one of the values, or type another one." in again.problems["name"]
    assert "Stored now Ada B." in again.text
    assert again.values["pick-age"] == "=13"
    editor.post("/students/7", again.values | {"pick-name": "=Ada B."}, status=303)
    assert students() == [(7, "Ada B.", 13, None)]


def test_a_choice_is_again_guarded_by_the_version_that_it_was_made_from(editor, add, change, students):
    add(7, "Ada", 12)
    change(7, name="Ada B.")
    page = editor.send("/students/7", {"name": "Ada Lovelace", "age": "12", "version": "1"}, status=409)
    change(7, name="Ada C.")
    again = editor.post("/students/7", page.values | {"pick-name": "=Ada Lovelace"}, status=409)
    assert "Stored now Ada C." in again.text
    assert students() == [(7, "Ada C.", 12, None)]


def test_a_wrong_value_in_the_merge_page_is_said_there(editor, add, change, students):
    add(7, "Ada", 12)
    change(7, age=14)
    page = editor.send("/students/7", {"name": "Ada", "age": "13", "version": "1"}, status=409)
    wrong = editor.post("/students/7", page.values | {"pick-age": "typed", "age": "old"}, status=422)
    assert "“old” is not a whole number." in wrong.problems["age"]
    assert "Stored now 14" in wrong.text
    assert students() == [(7, "Ada", 14, None)]


def test_a_race_between_look_and_commit_is_merged_as_well(editor, add, change, students, monkeypatch):
    """Somebody else saves after the record was looked at, and before it is written."""
    add(7, "Ada", 12)
    save, raced = record.save, []

    def save_after_somebody_else(session, values, **arguments):
        if not raced and arguments["reason"] == "form" and arguments["actor"] != "somebody else":
            raced.append(True)
            with ThreadPoolExecutor(1) as other:
                session.rollback()
                other.submit(change, 7, score=50).result()
        return save(session, values, **arguments)

    monkeypatch.setattr("merge.record.save", save_after_somebody_else)
    editor.send("/students/7", {"name": "Ada L.", "age": "12", "score": "", "version": "1"})
    assert students() == [(7, "Ada L.", 12, 50)]


def test_a_form_that_is_sent_twice_makes_one_student(editor, students):
    page = editor.visit("/students/new")
    sent = [editor.post("/students/new", page.values | {"name": "Ada"}, status=303).location for _ in range(2)]
    assert sent == ["/students/1", "/students/1"]
    assert students() == [(1, "Ada", None, None)]
    editor.send("/students/new", {"name": "Ada"})
    assert len(students()) == 2


def test_both_may_be_kept_where_an_id_was_taken(editor, add, students):
    add(7, "Bob", 13)
    page = editor.send("/students/new", ADA, status=409)
    editor.post("/students/new", page.values | {"keep-both": "1"}, status=303)
    assert students() == [(1, "Ada Lovelace", 12, 91.5), (7, "Bob", 13, None)]


def test_or_the_stored_one_is_changed_field_by_field(editor, add, students):
    add(7, "Bob", 12)
    page = editor.send("/students/new", ADA, status=409)
    assert "As you opened it" not in page.text
    editor.post("/students/7", page.values | {"pick-name": "=Bob", "pick-score": "=91.5"}, status=303)
    assert students() == [(7, "Bob", 12, 91.5)]


def test_a_form_merges_without_saving_if_asked_to(editor, add, change, students):
    add(7, "Ada", 12)
    page = editor.visit("/students/7")
    change(7, score=50)
    merged = editor.post("/students/7", page.values | {"name": "Ada L.", "merge-now": "1"}, status=200)
    assert (merged.values["name"], merged.values["score"], merged.values["version"]) == ("Ada L.", "50", "2")
    assert "Nothing of it is saved yet." in merged.alerts
    assert students() == [(7, "Ada", 12, 50)]


def test_an_open_form_asks_whether_it_is_up_to_date_and_hears_nothing_while_it_is(viewer, add, change):
    add(7, "Ada", 12)
    first = viewer.open("/students/7/version")
    assert first.json["version"] == 1
    unchanged = viewer.open("/students/7/version", headers={"If-None-Match": first.headers["ETag"]})
    assert (unchanged.status_code, unchanged.data) == (304, b"")
    change(7, age=13)
    newer = viewer.open("/students/7/version", headers={"If-None-Match": first.headers["ETag"]}).json
    assert newer == {"version": 2, "sentence": "somebody else has saved this record since you opened it."}
    assert viewer.open("/students/8/version").status_code == 404


def test_saving_goes_on_to_the_next_in_the_list_or_to_another_new_student(editor, add):
    for student_id, name in ((1, "Mia"), (2, "Ada"), (3, "Zoë")):
        add(student_id, name)
    page = editor.visit("/students/1?within=sort%3D-name")
    assert {"/students/2?within=sort%3D-name", "/students/3?within=sort%3D-name"} <= set(page.links)
    assert editor.post("/students/1", page.values | {"then": "next"}, status=303).location == "/students/2?within=sort%3D-name"
    assert editor.post("/students/1", page.values | {"then": "add"}, status=303).location == ("/students/new?within=sort%3D-name")
    last = editor.visit("/students/2?within=sort%3D-name")
    assert editor.post("/students/2", last.values | {"then": "next"}, status=303).location == "/students?sort=-name"


@pytest.mark.parametrize("within", ["sort=password", "//evil.example", "after=%00", "x" * 3000, "https://evil.example?sort=name"])
def test_a_list_that_was_made_up_leads_nowhere_else(editor, add, within):
    add(7, "Ada")
    sent = editor.send("/students/7", {"name": "Ada", "version": "1", "within": within, "then": "next"})
    assert sent.location.startswith("/students")
    editor.visit("/students/7?within=" + quote(within))


@pytest.mark.parametrize(("stored", "typed"), [("Zoe Young", "ZOË YOUNG"), ("Zoë Young", "zoe young"), ("Bo", "BO")])
def test_a_student_of_the_same_name_is_pointed_out_and_does_not_block(editor, add, stored, typed):
    add(7, stored)
    add(9, "Zoe Youngblood")
    sent = editor.send("/students/new", {"name": typed})
    page = editor.visit(sent.location)
    assert "Another student has this name" in page.text
    pointed_out = {link.partition("?")[0] for link in page.links if re.match(r"/students/\d+/merge/\d+", link)}
    assert pointed_out == {f"{sent.location.partition('?')[0]}/merge/7"}


@pytest.mark.parametrize("version", ["", "x", "-1", "99", "1" * 30])
def test_a_save_that_names_no_version_of_the_record_overwrites_nothing(editor, add, students, version):
    add(7, "Ada", 12)
    editor.send("/students/7", {"name": "Mallory", "version": version}, status=409)
    assert students() == [(7, "Ada", 12, None)]


def test_a_record_that_was_deleted_meanwhile_is_not_made_again_unasked(editor, add, students):
    add(7, "Ada")
    page = editor.visit("/students/7")
    editor.send("/students/7/delete", {"version": "1"}, page="/students/7")
    shown = editor.post("/students/7", page.values | {"name": "Ada L."}, status=409)
    assert shown.values["name"] == "Ada L."
    assert students() == []


BAD = [
    ("name", "", "Name is required."),
    ("name", "x" * 201, "Name must be at most 200 characters, not 201."),
    ("age", "-1", "Age must be between 0 and 150, not -1."),
    ("age", "twelve", "“twelve” is not a whole number."),
    ("score", "100.5", "Score must be between 0 and 100, not 100.5."),
    ("score", "nan", "“nan” is not a number. Leave it blank if it is unknown."),
    ("id", "0", "Student ID must be between"),
]


@pytest.mark.parametrize(("field", "typed", "sentence"), BAD, ids=[f"{field} {typed[:9]}" for field, typed, _ in BAD])
def test_bad_input_is_kept_and_its_message_stands_beside_the_field_and_in_a_summary(editor, students, field, typed, sentence):
    page = editor.send("/students/new", ADA | {field: typed}, status=422)
    assert {name: page.values[name] for name in ADA} == ADA | {field: typed}
    assert list(page.problems) == [field]
    assert sentence in page.problems[field]
    assert sentence in page.alerts
    assert students() == []


def test_bad_input_in_a_stored_record_changes_nothing(editor, add, students):
    add(7, "Ada", 12)
    page = editor.send("/students/7", {"name": "Ada L.", "age": "old", "version": "1"}, status=422)
    assert (page.values["name"], page.values["age"], page.values["version"]) == ("Ada L.", "old", "1")
    assert students() == [(7, "Ada", 12, None)]


def test_a_name_is_shown_as_text_whatever_it_holds(editor, add):
    add(7, "<script>alert(1)</script> & Łukasz")
    for path in ("/students", "/students/7"):
        page = editor.visit(path)
        assert "<script>alert(1)</script> & Łukasz" in page.text


def test_an_editor_deletes_a_student_and_the_revisions_stay(editor, add, students, stored):
    add(7, "Ada")
    sent = editor.send("/students/7/delete", {"version": "1"}, page="/students/7")
    assert "Deleted Ada." in editor.visit(sent.location).alerts
    assert students() == []
    assert stored(select(revisions.c.version, revisions.c.deleted).order_by(revisions.c.version)) == [(1, False), (2, True)]


@pytest.mark.parametrize("version", ["1", "", "x"])
def test_a_student_who_changed_since_is_deleted_only_after_the_changes_were_shown(editor, add, change, students, version):
    add(7, "Ada")
    change(7, name="Ada B.")
    page = editor.send("/students/7/delete", {"version": version}, page="/students/7", status=409)
    assert "Nothing was deleted" in page.text
    assert "Ada B." in page.text
    assert students() == [(7, "Ada B.", None, None)]
    editor.post("/students/7/delete", page.values, status=303)
    assert students() == []


@pytest.mark.parametrize("student_id", ["8", "0", "x", "-1", str(2**63), str(10**30)])
def test_an_id_that_nobody_has_is_not_found(editor, student_id):
    assert editor.visit(f"/students/{student_id}", status=404).heading == "There is nothing here"


def test_the_list_says_so_while_it_is_empty(viewer):
    assert "There are no students yet" in viewer.visit("/students").text


def test_the_list_shows_the_students_sorted_by_name(viewer, add):
    for student_id, name in ((1, "Mia"), (2, "Ada"), (3, "Zoë")):
        add(student_id, name)
    assert _names(viewer.visit("/students")) == ["Ada", "Mia", "Zoë"]
    assert _names(viewer.visit("/students?sort=-id")) == ["Zoë", "Ada", "Mia"]


def test_the_list_is_searched_and_narrowed(viewer, add):
    add(1, "Mia Berg", 11, 50.0)
    add(2, "Ada Berg", 12, 60.0)
    add(3, "Ada Lund", 13, 70.0)
    assert _names(viewer.visit("/students?q=berg+ada")) == ["Ada Berg"]
    assert _names(viewer.visit("/students?min_age=12&max_score=65")) == ["Ada Berg"]
    assert "No student matches" in viewer.visit("/students?q=nobody").text


def test_the_list_is_walked_forth_and_back_page_by_page(viewer, add):
    for student_id in range(1, 6):
        add(student_id, f"Student {student_id}")
    first = viewer.visit("/students?per_page=2")
    second = viewer.visit(_link(first, "after="))
    third = viewer.visit(_link(second, "after="))
    assert [*_names(first), *_names(second), *_names(third)] == [f"Student {number}" for number in range(1, 6)]
    assert _names(viewer.visit(_link(third, "before="))) == _names(second)


@pytest.mark.parametrize(
    "query",
    [
        "sort=password",
        "per_page=0",
        "per_page=1000000",
        "per_page=x",
        "after=bm90anNvbg",
        "after=%00",
        "before=W10",
    ],
)
def test_a_list_that_does_not_exist_is_refused_in_plain_words(viewer, query):
    page = viewer.visit(f"/students?{query}", status=400)
    assert page.heading == "That list does not exist"


@pytest.mark.parametrize("query", ["q=%25", "q=_", "q=%5C", "q=%27%3B--", "q=" + "x" * 3000])
def test_any_search_is_just_text(viewer, add, query):
    add(7, "Ada")
    assert "No student matches" in viewer.visit(f"/students?{query}").text


def _names(page):
    rows = page.all("tbody")[0].all("tr")
    return [row.all("th")[0].text for row in rows]


def _link(page, part):
    return next(link for link in page.links if part in link)


@pytest.fixture
def gone(add, editor):
    """Student 3009 was deleted."""
    add(3009, "New Pupil 9", 12)
    editor.send("/students/3009/delete", {"version": "1"}, page="/students/3009")


REUSED = {"id": "3009", "name": "New Pupil", "age": "13", "score": "91.5"}


@pytest.mark.usefixtures("gone")
def test_an_id_of_somebody_who_was_deleted_asks_whether_it_is_the_same_person(editor, students):
    page = editor.send("/students/new", REUSED, status=409)
    assert "Student ID 3009 was New Pupil 9, deleted" in page.text
    assert "by editor@school.example" in page.text
    assert {name: page.values[name] for name in REUSED} == REUSED
    assert students() == []
    editor.post("/students/new", page.values, status=303)
    assert students() == [(3009, "New Pupil", 13, 91.5)]
    assert "2 versions" not in editor.visit("/students/3009/history").text
    assert len(editor.visit("/students/3009/history").all("tbody")[0].all("tr")) == 3


@pytest.mark.usefixtures("gone")
def test_who_says_no_is_asked_for_another_id_and_loses_nothing(editor, students):
    asked = editor.send("/students/new", REUSED, status=409)
    page = editor.post("/students/new", asked.values | {"another-id": "1"}, status=422)
    assert "Enter another ID, or leave this blank for the next free one." in page.problems["id"]
    assert {name: page.values[name] for name in REUSED} == REUSED
    editor.post("/students/new", page.values, status=409)
    editor.post("/students/new", page.values | {"id": ""}, status=303)
    assert students() == [(1, "New Pupil", 13, 91.5)]


@pytest.mark.usefixtures("gone")
def test_an_id_of_somebody_who_was_erased_can_not_be_had_again(admin, editor, students):
    admin.send("/students/3009/privacy")
    page = editor.send("/students/new", REUSED, status=409)
    assert "Student ID 3009 belonged to a student who was erased" in page.problems["id"]
    assert {name: page.values[name] for name in REUSED} == REUSED
    editor.post("/students/new", page.values | {"version": "3"}, status=409)
    assert students() == []


def test_an_id_far_above_all_others_is_asked_about_once(editor, add, students):
    add(1, "Ada")
    asked = editor.send("/students/new", REUSED | {"id": "999999999999999"}, status=409)
    assert asked.heading == "Is 999999999999999 the right ID?"
    assert students() == [(1, "Ada", None, None)]
    page = editor.post("/students/new", asked.values | {"another-id": "1"}, status=422)
    assert page.values["name"] == "New Pupil"
    editor.post("/students/new", asked.values, status=303)
    assert editor.send("/students/new", {"name": "Bo"}).location == "/students/2"
