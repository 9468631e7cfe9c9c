"""Whoever was erased is nowhere any more: not in the table, the history, the past, a sheet's rows or a file; only the fact is."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, text

from accounts import add_user
from merge import as_of, erase, held, history, undo
from merge.changes import Query, page
from merge.imports import lifecycle, receiving
from merge.preview import rows
from merge.record import Conflict
from merge.rejects import rejected_sheet
from merge.sheet import Sheet
from merge.verify import verify
from models import Base, Change, FormToken, Import, KeptAnswer, Revision, now
from tests.conftest import PASSWORD
from tests.merge.conftest import assert_revisions_agree, run, table

ZOE, ZORA = "Zoë Quillfeather", "Zora Quillfeather-Marsh"
WORDS = ("Quillfeather", "Zo", "61.25")


@pytest.fixture
def school(add, save, upload, apply):
    """Zoë, who changed her name in a form and her age by a sheet; another sheet waits with her, and two are about others."""
    add(1, "Ada", 12, 90)
    add(7, ZOE, 13, 61.25)
    save({"id": 7, "name": ZORA, "age": 13, "score": 61.25}, version=1)
    applied = apply(upload(f"id,name,age\n7,{ZORA},14\n1,Ada,13\nx7,{ZOE},14\n1x,Bo,5\n"))
    # The name of another student, whose row has an id of its own, is none of hers.
    others = apply(upload(f"id,name\n8,{ZORA}\n"))
    waiting = upload(f"id,name,age\n7,{ZORA},15\n9,Cy,3\n")
    untouched = upload("id,name\n1,Ada L\n")
    return {"applied": applied, "others": others, "waiting": waiting, "untouched": untouched}


@pytest.fixture
def erased(session, school):
    there = erase.outlook(session, 7)
    erase.erase(session, 7, version=there.version, seen=there.seen, actor="head@school.test")
    session.expire_all()
    return school


def test_it_says_before_what_it_takes(session, school):
    there = erase.outlook(session, 7)
    assert there.version == 3
    assert [import_.id for import_ in there.done] == [school["applied"].id]
    assert [import_.id for import_ in there.waiting] == [school["waiting"].id]
    assert there.unread == []


def test_nothing_is_left_in_any_table_or_file(app, session, erased):
    undo_of_others(session, erased["others"])
    assert found_anywhere(session, app) == []


def undo_of_others(session, others):
    """Take the namesake away, who would be found otherwise, and erase her, too."""
    lifecycle.start_undo(session, others.id, "head@school.test", version=others.version)
    run(session, others.id)
    there = erase.outlook(session, 8)
    erase.erase(session, 8, version=there.version, seen=there.seen, actor="head@school.test")


def found_anywhere(session, app):
    found = []
    for stored in Base.metadata.sorted_tables:
        found += [(stored.name, row) for row in session.execute(select(stored)) if any(word in str(row) for word in WORDS)]
    files = [path for path in Path(app.config["UPLOADS"]).rglob("*") if path.is_file()]
    return found + [path for path in files if any(word in path.read_text() for word in WORDS)]


def test_the_fact_and_the_moment_stay_and_every_promise_holds(session, erased):
    entries = history.page(session, 7).entries
    assert [(entry.version, entry.deleted, entry.erased) for entry, _ in entries] == [(n, True, True) for n in (4, 3, 2, 1)]
    newest = entries[0][0]
    assert (newest.actor, newest.reason) == ("head@school.test", "erasure")
    assert [cells for _, cells in entries] == [[], [], [], []]
    assert [finding for finding in verify(session) if finding.broken] == []
    assert_revisions_agree(session)
    assert table(session) == [(1, "Ada", 13, 90.0), (8, ZORA, None, None)]
    lately = page(session, Query("", None, None, None, None)).entries[0]
    assert (lately.student_id, lately.name, lately.erased, lately.cells) == (7, "", True, [])


def test_the_table_of_before_shows_nobody(session, erased):
    for moment in (datetime.now(UTC), session.scalar(select(Change.at).order_by(Change.id.desc()).offset(1).limit(1))):
        then = as_of.page(session, as_of.parse_query({"as_of": moment.isoformat()}))
        assert 7 not in [student["id"] for student in then.students]
        assert 1 in [student["id"] for student in then.students]


def test_rows_of_others_stay_and_what_waited_is_cancelled(session, erased):
    applied = session.get_one(Import, erased["applied"].id)
    assert [row.cells[0].after for row in rows(session, applied, "update")] == ["7", "1"]
    assert [row.cells[1].after for row in rows(session, applied, "update")] == ["", "Ada"]
    parts = rejected_sheet(session, applied.id, Sheet(**applied.sheet))
    rejected = "".join(line for part in parts for line in part)
    assert "1x,Bo,5" in rejected
    assert ",,,4,This row was about a student who was erased." in rejected
    assert [session.get_one(Import, erased[name].id).state for name in ("others", "waiting", "untouched")] == [
        *("applied", "cancelled", "ready")
    ]
    assert not Path(applied.path).exists()


def test_an_undo_says_that_the_student_was_erased_and_brings_nobody_back(session, erased):
    applied = erased["applied"]
    assert undo.outlook(session, applied.change_id) == undo.Outlook(restored=1, removed=0, returned=0, skipped=0, erased=1)
    change_id = applied.change_id
    lifecycle.start_undo(session, applied.id, "head@school.test", version=applied.version)
    undone = run(session, applied.id)
    assert (undone.state, undone.skipped) == ("undone", 1)
    assert undo.skipped_students(session, change_id, undone.change_id, 10) == [(7, None)]
    assert table(session) == [(1, "Ada", 12, 90.0), (8, ZORA, None, None)]
    assert [finding for finding in verify(session) if finding.broken] == []


@pytest.mark.usefixtures("erased")
def test_nobody_gets_an_erased_students_id_by_a_new_sheet(session, upload):
    previewed = upload("id,name\n7,New Name\n")
    assert (previewed.rejected, previewed.inserts, previewed.reviews) == (1, 0, 0)
    assert erase.outlook(session, 7) is None


def test_whoever_was_deleted_can_be_erased_too_and_nobody_twice(session, school, remove):
    remove(7, version=3)
    there = erase.outlook(session, 7)
    erase.erase(session, 7, version=4, seen=there.seen, actor="head@school.test")
    assert erase.outlook(session, 7) is None
    with pytest.raises(Conflict):
        erase.erase(session, 7, version=5, seen="", actor="head@school.test")
    assert erase.outlook(session, 99) is None
    assert [finding for finding in verify(session) if finding.broken] == []


def test_nothing_is_erased_that_was_not_shown(session, school, save, upload, app):
    there = erase.outlook(session, 7)
    upload(f"id,name\n7,{ZOE}\n")
    with pytest.raises(Conflict):
        erase.erase(session, 7, version=there.version, seen=there.seen, actor="head@school.test")
    there = erase.outlook(session, 7)
    save({"id": 7, "name": ZOE, "age": 13, "score": 61.25}, version=3)
    with pytest.raises(Conflict):
        erase.erase(session, 7, version=there.version, seen=there.seen, actor="head@school.test")
    lifecycle.start_apply(session, school["untouched"].id, "head@school.test", version=school["untouched"].version)
    with pytest.raises(erase.Busy):
        erase.erase(session, 7, version=4, seen=there.seen, actor="head@school.test")
    assert table(session)[1] == (7, ZOE, 13, 61.25)


def test_a_form_that_made_the_student_and_a_sheet_that_nobody_could_read_are_forgotten(session, school, app):
    session.add(FormToken(token="once", student_id=7))
    session.commit()
    sheet = io.BytesIO(f"id,name,name\n7,{ZOE},?\n".encode())
    unread = receiving.receive(session, app.config["UPLOADS"], "sheet.csv", sheet, "sec@school.test")
    session.add(unread)
    assert (unread.state, unread.rows) == ("ready", 0)
    there = erase.outlook(session, 7)
    assert [import_.id for import_ in there.unread] == [unread.id]
    erase.erase(session, 7, version=there.version, seen=there.seen, actor="head@school.test")
    assert session.scalars(select(FormToken)).all() == []
    assert session.get_one(Import, unread.id, populate_existing=True).path == ""
    assert not [path for path in Path(app.config["UPLOADS"]).rglob("*") if ZOE in path.read_text()]


def test_the_search_forgets_the_name(session, erased, backend):
    if backend == "sqlite":
        found = session.scalars(text("SELECT rowid FROM student_names WHERE name MATCH '\"quillfeather\"'")).all()
        assert list(found) == [8]
        session.execute(text("INSERT INTO student_names (student_names) VALUES ('integrity-check')"))
    else:
        assert session.scalar(text("SELECT count(*) FROM students WHERE fold_name(name) LIKE '%quillfeather%'")) == 1


def test_all_that_is_held_is_gathered(session, school):
    gathered = held.held_on(session, 7)
    assert gathered["record"] == {"id": 7, "name": ZORA, "age": 14, "score": 61.25}
    assert [(version["version"], version["values"]["name"]) for version in gathered["versions"]] == [
        (1, ZOE),
        (2, ZORA),
        (3, ZORA),
    ]
    assert [(row["import"], row["line"], row["verdict"]) for row in gathered["rows"]] == [
        *((school["applied"].id, 2, "update"), (school["applied"].id, 4, None), (school["waiting"].id, 2, "update"))
    ]
    assert gathered["rows"][0]["typed"] == {"id": "7", "name": ZORA, "age": "14"}
    assert gathered["rows"][0]["planned"] == {"name": ZORA, "age": 14, "score": 61.25}
    assert gathered["rows"][1]["problems"] == {"id": "“x7” is not a whole number."}
    lines = "".join(held.as_csv(gathered)).splitlines()
    assert lines[0].lstrip("\ufeff") == "where,when,who,column,value"
    assert f"record,,,name,{ZORA}" in lines
    assert len([line for line in lines if ZOE in line]) == 2
    assert gathered["audit"] == []
    assert held.held_on(session, 99) is None


def test_what_another_system_was_answered_is_held_and_forgotten(session, school):
    user = add_user("office@school.test", "editor", PASSWORD)
    session.add(KeptAnswer(user_id=user.id, key="k", fingerprint="f", status=200, headers={}, body=f'"{ZORA}"', student_id=7))
    gathered = held.held_on(session, 7)
    assert [answer["body"] for answer in gathered["answers"]] == [f'"{ZORA}"']
    assert any(line.startswith("answer to another system") and ZORA in line for line in held.as_csv(gathered))
    there = erase.outlook(session, 7)
    erase.erase(session, 7, version=there.version, seen=there.seen, actor="head@school.test")
    assert held.held_on(session, 7)["answers"] == []


def test_what_is_held_on_somebody_erased_says_only_that(session, erased):
    gathered = held.held_on(session, 7)
    assert gathered["record"] is None
    (noted,) = gathered["audit"]
    assert (noted["actor"], noted["act"], noted["details"]) == ("head@school.test", "student-erased", {})
    assert {value for version in gathered["versions"] for value in version["values"].values()} == {None}
    assert not any(word in line for line in held.as_csv(gathered) for word in WORDS)
    assert session.scalar(select(Revision.name).where(Revision.student_id == 7).limit(1)) is None


def test_whoever_was_deleted_long_ago_is_erased_unless_a_sheet_still_holds_them(session, add, remove, upload, save):
    for student_id in (1, 2, 3, 4, 5):
        add(student_id, f"Student {student_id}", 12)
    for student_id in (2, 3, 4):
        remove(student_id, version=1)
    save({"id": 4, "name": "Student 4", "age": 13}, version=2)
    waiting = upload("id,name\n3,Student 3\n")
    assert erase.erase_deleted(session, now() - timedelta(days=1)) == 0
    assert erase.erase_deleted(session, now()) == 1
    assert erase.erase_deleted(session, now()) == 0
    assert [entry.erased for student_id in (1, 2, 3, 4) for entry, _ in history.page(session, student_id).entries] == [
        *(False, True, True, True, False, False, False, False, False)
    ]
    lifecycle.cancel(session, waiting.id, version=waiting.version)
    assert erase.erase_deleted(session, now()) == 1
    assert [row[0] for row in table(session)] == [1, 4, 5]
    assert [finding for finding in verify(session) if finding.broken] == []
    lately = page(session, Query("", None, None, None, None)).entries[0]
    assert (lately.change.reason, lately.student_id) == ("retention", None)
