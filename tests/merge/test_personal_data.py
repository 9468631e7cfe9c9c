"""Every place that holds a student's cells is declared, and erasure and retention reach each, down to the database's files."""

import io
import json
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg2
import pytest
from sqlalchemy import JSON, LargeBinary, String, Text, select, update

from accounts import add_user
from backup import back_up
from merge import correct, erase, file_rewrite, mentions
from merge.imports import discarding, lifecycle, receiving
from merge.personal_data import OF_STAFF, PLACES, Reach, rewritten_tables
from merge.verify import verify
from models import Base, Import, KeptAnswer, View, file_rewrites, now
from tests.conftest import PASSWORD
from tests.merge.conftest import run, version_of
from words import later

# Letters that occur nowhere else, in any file: what is found of them is the student's.
NAME, EARLIER = "ⴰⵣⵓⵍ ⵜⵉⴼⵉⵏⴰⵖ", "ⴱⵓⴽⵔⴰ ⵜⵉⴼⵉⵏⴰⵖ"
HEAD = "head@school.test"
TEXTUAL = (String, Text, JSON, LargeBinary)


@pytest.fixture
def user_id(app, session):
    with app.app_context():
        return add_user("head@school.example", "admin", PASSWORD).id


@pytest.fixture
def school(app, session, user_id, add, save, upload, apply):
    """A student whose name is in every place that can hold one: typed, corrected, staged, named, searched, answered."""
    for number in range(1, 40):
        add(number, f"Student {number}")
    add(77, EARLIER, 13, 61.25)
    save({"id": 77, "name": NAME, "age": 13, "score": 61.25}, version=1)
    applied = upload(f"id,name,age\n77,{NAME},old\n1,Student 1,x\n4,Student 4,11\n5,Student 5,12\n")
    correct.correct(session, applied.id, {2: {2: "14"}}, version=applied.version)
    apply(applied)
    waiting = upload(f"name,age\n{NAME},15\nStudent 2,3\n")
    unread = _receive(app, session, f"id,points,{NAME}\n{NAME},2,3\n{EARLIER},2,3\n", f"{NAME}.csv")
    named = _receive(app, session, "id,name\n3,Student 3\n", f"report on {NAME}.csv")
    titled = session.get_one(Import, named)
    titled.options = {**titled.options, "title": later("Set the name to %(value)s", value=NAME).dump()}
    titled.failure = later("“%(text)s” can’t be read", text=NAME)
    session.add_all(
        [
            View(user_id=user_id, name="Search", address=urlencode({"q": NAME})),
            View(user_id=user_id, name=f"About {NAME}", address="min_age=3"),
            _answer(user_id, "one", 77),
            _answer(user_id, "none", None),
        ]
    )
    session.commit()
    return {"applied": applied.id, "waiting": waiting.id, "unread": unread, "named": named}


def _receive(app, session, sheet, filename):
    received = receiving.receive(session, app.config["UPLOADS"], filename, io.BytesIO(sheet.encode()), HEAD)
    return received.id if received.state == "ready" else run(session, received.id).id


def _answer(user_id, key, student_id):
    body = json.dumps({"student": {"name": NAME}})
    return KeptAnswer(user_id=user_id, key=key, fingerprint="", status=200, headers={}, body=body, student_id=student_id)


def _erase(session, student_id=77):
    there = erase.outlook(session, student_id)
    erase.erase(session, student_id, version=there.version, seen=there.seen, actor=HEAD)
    session.expire_all()


def test_every_column_that_can_hold_a_text_is_declared():
    textual = {
        (table.name, column.name)
        for table in Base.metadata.sorted_tables
        if table.name not in OF_STAFF
        for column in table.columns
        if isinstance(column.type, TEXTUAL) or isinstance(getattr(column.type, "impl", None), TEXTUAL)
    }
    assert textual == {(table, column) for table, columns in PLACES.items() for column in columns}


def test_each_declared_place_holds_a_name_and_no_other_does(session, school):
    holding = {place for place, values in _columns(session) if any(_mentions(value) for value in values)}
    declared = {(table, column) for table, columns in PLACES.items() for column, reach in columns.items() if reach != Reach.NONE}
    # What is wrong with a row is named by codes, and a cell is in it only where it could not be read.
    assert declared - holding <= {("staged_rows", "problems")}
    assert holding <= declared


def test_an_erasure_reaches_every_place(session, school):
    _erase(session)
    assert [place for place, values in _columns(session) if any(_mentions(value) for value in values)] == []
    assert [finding for finding in verify(session) if finding.broken] == []


def test_an_erasure_leaves_what_is_about_others(session, user_id, school, add):
    add(78, NAME)
    session.add(View(user_id=user_id, name="All of year 7", address=urlencode({"q": "Student 1"})))
    session.commit()
    _erase(session)
    views = session.scalars(select(View.address).order_by(View.id)).all()
    assert views == [urlencode({"q": NAME}), urlencode({"q": "Student 1"})]
    assert session.get_one(Import, school["applied"]).sheet["headings"] == ["id", "name", "age"]


def test_retention_of_sheets_reaches_what_was_corrected_and_headed(session, school):
    discarding.discard(session, school["applied"])
    discarding.discard(session, school["unread"])
    session.commit()
    for import_id in (school["applied"], school["unread"]):
        assert not _mentions(session.get_one(Import, import_id, populate_existing=True).sheet)


def test_retention_of_deleted_students_reaches_every_place(app, session, school, remove):
    lifecycle.cancel(session, school["waiting"], version=version_of(session, school["waiting"]))
    remove(77, version=3)
    for import_id in (school["applied"], school["unread"], school["named"]):
        discarding.discard(session, import_id)
    session.commit()
    assert erase.erase_deleted(session, now() + timedelta(minutes=1)) == 1
    session.expire_all()
    assert [place for place, values in _columns(session) if any(_mentions(value) for value in values)] == []


def test_no_file_and_no_new_backup_holds_an_erased_name(app, session, school, database_url, tmp_path):
    _erase(session)
    assert file_rewrite.is_due(session, now())
    assert file_rewrite.rewrite_files(session, session.get_bind().engine)
    assert not file_rewrite.is_due(session, now())
    if database_url.startswith("postgresql"):
        folders = [_settled_folder(database_url)]
    else:
        back_up(session.get_bind().engine.url, tmp_path / "backup")
        folders = [Path(str(session.get_bind().engine.url.database)).parent, tmp_path]
    files = [file for folder in (*folders, app.config["UPLOADS"]) for file in folder.rglob("*") if file.is_file()]
    assert [file for file in files if _traces(file.read_bytes())] == []


def test_files_that_are_not_rewritten_do_hold_it(session, school, database_url):
    """Or the test above would prove nothing."""
    _erase(session)
    session.rollback()
    bind = session.get_bind().engine
    folder = _settled_folder(database_url) if bind.dialect.name == "postgresql" else Path(str(bind.url.database)).parent
    assert any(_traces(file.read_bytes()) for file in folder.rglob("*") if file.is_file())


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_backup_right_after_an_erasure_holds_no_deleted_page(session, school, tmp_path):
    """Pages that are free are left out of a backup, whenever it is made; only marks in the search index may wait a day."""
    _erase(session)
    back_up(session.get_bind().engine.url, tmp_path / "backup")
    found = (tmp_path / "backup").read_bytes()
    assert NAME.encode() not in found
    assert EARLIER.encode() not in found


def test_the_files_wait_for_a_quiet_hour_where_they_are_large(session, school, monkeypatch):
    _erase(session)
    monkeypatch.setattr(file_rewrite, "QUICK", 0)
    at_noon = now().astimezone().replace(hour=12)
    session.execute(update(file_rewrites).values(pending_since=at_noon))
    assert not file_rewrite.is_due(session, at_noon)
    assert file_rewrite.is_due(session, at_noon.replace(hour=2))
    assert file_rewrite.is_due(session, at_noon + file_rewrite.LATEST + timedelta(minutes=1))
    assert file_rewrite.LATEST < file_rewrite.WITHIN


def test_somebody_erased_while_the_files_are_rewritten_is_not_forgotten(session, school, monkeypatch):
    _erase(session)
    monkeypatch.setattr(file_rewrite.vacuum, "rewrite", lambda *_: _erase(session, 5) or True)
    file_rewrite.rewrite_files(session, session.get_bind().engine)
    assert file_rewrite.is_due(session, now())


@pytest.mark.parametrize("backend", ["sqlite"])
def test_files_in_use_are_tried_again(session, school, monkeypatch):
    _erase(session)
    monkeypatch.setattr(file_rewrite.vacuum, "READERS_S", 0.01)
    engine = session.get_bind().engine
    with engine.connect() as reader:
        reader.info["reads"] = reader.connection.driver_connection.execute("BEGIN").execute("SELECT 1 FROM students").fetchone()
        assert not file_rewrite.rewrite_files(session, engine)
        reader.connection.driver_connection.execute("ROLLBACK")
    assert file_rewrite.is_due(session, now())
    assert file_rewrite.rewrite_files(session, engine)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"About {NAME}", True),
        (" ".join(reversed(NAME.split())), True),
        (NAME.split()[0], False),
        (NAME[:-1], False),
        ("", False),
    ],
)
def test_a_text_mentions_a_name_where_it_has_all_its_words(text, found):
    assert mentions.Names(["", "Ada", NAME]).in_text(text) is found


def test_only_tables_with_cells_are_rewritten():
    assert set(rewritten_tables()) == {
        *("students", "revisions", "staged_rows", "planned_rows", "imports", "kept_answers", "views")
    }


def _columns(session):
    for stored in Base.metadata.sorted_tables:
        rows = session.execute(select(*stored.columns)).all()
        for place, column in enumerate(stored.columns):
            yield (stored.name, column.name), [row[place] for row in rows]


def _mentions(value) -> bool:
    # A text in a JSON document within another is escaped twice.
    written = json.dumps(value, ensure_ascii=False, default=str).replace("\\\\", "\\")
    return any(
        form in written for word in (*NAME.split(), *EARLIER.split()) for form in (word, quote(word), json.dumps(word)[1:-1])
    )


def _traces(content: bytes) -> bool:
    """Look for any three letters of the names, as they are written in texts, JSON and addresses."""
    letters = [name[place : place + 3] for name in (*NAME.split(), *EARLIER.split()) for place in range(len(name) - 2)]
    escaped = [json.dumps(part)[1:-1] for part in letters]
    return any(form.encode() in content for part in (*letters, *escaped) for form in {part, quote(part)})


def _settled_folder(database_url: str) -> Path:
    """Have PostgreSQL write all that it holds to its files, and give the folder of this database's."""
    connection = psycopg2.connect(database_url)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute("CHECKPOINT")
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
        cursor.execute("SELECT oid FROM pg_database WHERE datname = current_database()")
        oid = cursor.fetchone()[0]
    connection.close()
    return folder / "base" / str(oid)
