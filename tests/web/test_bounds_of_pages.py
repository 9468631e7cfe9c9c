"""What one person asks for is answered with a sentence, at once, and keeps nobody else waiting."""

import fcntl
from pathlib import Path
from urllib.parse import urlencode

import pytest
from sqlalchemy import func, select

from models import User, View, db
from tests.conftest import PASSWORD
from web.export_slots import AT_ONCE
from web.limits import LONGEST_QUERY, MAX_LOCATION_LENGTH

LONG = ["x" * 4_097, "x" * 16_000, "\ufdfa" * 3_000, "é" * 5_000]
BAD_LISTS = [
    "min_score=x",
    "sort=evil",
    "per_page=0",
    "same_name=maybe",
    "since=soon",
    "import=x",
    "outside_age=2",
    "blank_age=-",
]


@pytest.mark.parametrize("password", LONG, ids=range(len(LONG)))
def test_password_of_any_length_is_a_wrong_one(app, viewer, password):
    stranger = type(viewer)(app)
    stranger.send("/login", {"email": "viewer@school.example", "password": password}, status=422)
    viewer.send("/verify", {"password": password}, status=422)
    fields = {"current": password, "password": password, "again": password}
    assert viewer.send("/profile/password", fields, page="/profile", status=422).heading
    stranger.send("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=302)


@pytest.mark.parametrize("within", BAD_LISTS)
@pytest.mark.parametrize("path", ["export", "set", "delete"])
def test_list_that_was_made_up_is_refused_before_anything_is_sent(admin, add, within, path):
    add(1, "Ada")
    fields = {"within": within, "ids": "", "column": "age", "value": "12"}
    admin.send(f"/students/bulk/{path}", fields, page="/students", status=400)


@pytest.mark.parametrize("within", BAD_LISTS)
def test_file_of_a_list_that_was_made_up_is_refused(viewer, within):
    for path in ("/students.csv", "/students.xlsx"):
        viewer.visit(f"{path}?{within}", status=400)


def test_third_export_of_one_user_waits_and_keeps_no_other_user_waiting(app, viewer, editor, add):
    add(1, "Ada")
    assert status(viewer, "/students.csv") == 200
    with app.app_context():
        user = db.session.scalar(select(User.id).where(User.email == "viewer@school.example"))
    held = [(app_folder(app) / "exports" / f"{user}.{number}").open("wb") for number in range(AT_ONCE)]
    for slot in held:
        fcntl.flock(slot, fcntl.LOCK_EX)
    for path in ("/students.csv", "/students.xlsx"):
        refused = viewer.open(path)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
        assert "Two of your exports are still under way" in refused.text
        assert status(editor, path) == 200
    held[0].close()
    for _ in range(AT_ONCE + 1):
        assert status(viewer, "/students.csv") == 200
    held[1].close()


def test_view_of_a_list_that_searches_for_too_much_is_not_saved(app, viewer):
    address = urlencode({"q": " ".join(f"word{number}" for number in range(400))})
    page = viewer.send("/students/views", {"name": "Much", "address": address}, page="/students", status=422)
    assert "This list searches for too much to be saved" in page.text
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(View)) == 0


@pytest.mark.parametrize("text", ["%", "é", "&q=", "+"])
def test_no_page_leads_to_an_address_that_is_too_long(app, viewer, editor, add, text):
    add(1, "Ada")
    long = urlencode({"q": text * 5_000})[: LONGEST_QUERY - 10]
    stranger = type(viewer)(app)
    answers = [stranger.open(f"/students?{long}"), stranger.open(f"/login?{long}")]
    answers.append(editor.open("/students/1", "POST", data={"within": text * 5_000, "name": "Ada", "version": "1"}))
    for answer in answers:
        assert answer.status_code < 500
        assert len(answer.headers.get("Location", "")) <= MAX_LOCATION_LENGTH


def status(visitor, path):
    """Read an answer to its end: so long it is under way."""
    with visitor.open(path) as answer:
        assert answer.data
        return answer.status_code


def app_folder(app):
    return Path(app.instance_path)
