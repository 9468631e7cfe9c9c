"""What a sheet does to the table: the verdicts, the problems, and the students afterwards."""

from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from merge import preview
from merge.choices import plan_reading
from merge.decisions import WrongState
from merge.imports import claims, discarding, lifecycle, receiving, steps
from merge.lease import LeaseLost
from merge.options import Options
from merge.problems import SheetRefused
from merge.review import confirm
from merge.sheet import Sheet
from models import Change, Import, now, planned_rows, revisions, staged_rows
from tests.merge.conftest import assert_revisions_agree, run, table

STORED = [(1, "Ada", 12, 90.0), (2, "Bo", 13, None), (3, "Cy", None, 70.5)]

VERDICTS = [
    ("a new student is inserted", "id,name,age,score\n9,Di,14,80\n", {}, "1 0 0 0", {9: (9, "Di", 14, 80.0)}),
    ("equal rows are unchanged", "id,name,age,score\n1,Ada,12,90\n2,Bo,13,\n", {}, "0 0 2 0", {}),
    ("one changed cell updates", "id,name,age,score\n1,Ada,13,90\n", {}, "0 1 0 0", {1: (1, "Ada", 13, 90.0)}),
    ("a blank cell keeps", "id,name,age,score\n1,Ada,,\n", {}, "0 0 1 0", {}),
    (
        "a blank cell clears if told to",
        "id,name,age,score\n1,Ada,,\n",
        {"blank_clears": True},
        "0 1 0 0",
        {1: (1, "Ada", None, None)},
    ),
    (
        "a column that is not there is left alone",
        "id,name,age\n1,Ada,\n",
        {"blank_clears": True},
        "0 1 0 0",
        {1: (1, "Ada", None, 90.0)},
    ),
    (
        "a sheet of marks needs no names",
        "id,score\n3,95\n2,60\n",
        {},
        "0 2 0 0",
        {3: (3, "Cy", None, 95.0), 2: (2, "Bo", 13, 60.0)},
    ),
    ("but a new student does", "id,score\n1,95\n9,60\n", {}, "0 1 0 1", {1: (1, "Ada", 12, 95.0)}),
    ("columns may come in any order", "score,name,id\n60,Bo,2\n", {}, "0 1 0 0", {2: (2, "Bo", 13, 60.0)}),
    ("bad cells reject their row only", "id,name,age\n1,Ada,x\n2,Bo,14\n", {}, "0 1 0 1", {2: (2, "Bo", 14, None)}),
    ("both rows of an id are rejected", "id,name,age\n9,Di,\n2,Bo,14\n9,Dee,\n", {}, "0 1 0 2", {2: (2, "Bo", 14, None)}),
    ("even if one has another problem", "id,name,age\n9,Di,x\n9,Di,14\n", {}, "0 0 0 2", {}),
    ("rows of another width are rejected", "id,name,age\n9,Di\n8,Ed,12,13\n2,Bo,14,\n", {}, "0 1 0 2", {2: (2, "Bo", 14, None)}),
    ("numbers stored as text", "id,name,age\n2.0,Bo,1.4e1\n", {}, "0 1 0 0", {2: (2, "Bo", 14, None)}),
    ("Null is a name", "id,name\n4,Nan Null\n", {}, "1 0 0 0", {4: (4, "Nan Null", None, None)}),
]


@pytest.fixture
def stored(add):
    for row in STORED:
        add(*row)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("sheet", "options", "verdicts", "changed"), [case[1:] for case in VERDICTS], ids=[case[0] for case in VERDICTS]
)
def test_a_sheet_gets_its_verdicts_and_does_just_that(session, upload, apply, sheet, options, verdicts, changed):
    previewed = upload(sheet, **options)
    counts = (previewed.inserts, previewed.updates, previewed.unchanged, previewed.rejected)
    assert " ".join(map(str, counts)) == verdicts
    assert sum(counts) == previewed.rows
    assert table(session) == STORED
    assert apply(previewed).state == "applied"
    assert table(session) == sorted(({row[0]: row for row in STORED} | changed).values())
    assert_revisions_agree(session)
    again = upload(sheet, **options)
    assert (again.inserts, again.updates) == (0, 0)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize(
    ("sheet", "line", "sentence"),
    [
        ("id,name\nx1,Ada\n", 2, "“x1” is not a whole number."),
        ("id,name\n,Ada\n", 2, "Student ID is required."),
        ("id,name\n1,\n", 2, "Name is required."),
        ("id,name,age\n1,Ada,200\n", 2, "Age must be between 0 and 150, not 200."),
        ("id,name\n9,Di\n1,Ada\n9,Dee\n", 2, "Student 9 is on line 2 and again on line 4. Keep one of them."),
        ("id,name\n9,Di\n1,Ada\n9,Dee\n", 4, "Student 9 is on line 2 and again on line 4. Keep one of them."),
        ("id,age\n1,12\n9,12\n", 3, "There is no student 9 yet, and a new one needs a name, which this sheet has no column for."),
        ("id,name,age\n1,Ada\n", 2, "This row has 2 cells, but the header row has 3. A cell or a delimiter may be missing."),
        (
            "id,name\n1,Ada,x\n",
            2,
            "This row has 3 cells, but the header row has 2. A cell with a delimiter in it may lack quotation marks.",
        ),
    ],
)
def test_a_rejected_row_says_its_line_and_why(session, upload, sheet, line, sentence):
    rejected = {row.line: row for row in preview.rows(session, upload(sheet), "rejected")}
    assert rejected[line].problems == [sentence]


@pytest.mark.parametrize("typed", ["33.3333333333333", "33.33333333333333", "33.333333333333336", "33.333333333333329"])
def test_number_that_differs_behind_the_digits_of_a_spreadsheet_is_the_same(session, add, upload, typed):
    add(1, "Ada", 12, 100 / 3)
    assert upload(f"id,name,score\n1,Ada,{typed}\n").unchanged == 1
    assert upload(f"id,name,age,score\n1,Ada,13,{typed}\n").updates == 1
    (row,) = preview.rows(session, upload(f"id,name,age,score\n1,Ada,13,{typed}\n"), "update")
    assert [cell.before for cell in row.cells] == [None, None, "12", None]


@pytest.mark.parametrize("typed", ["33.333333333333", "33.3333333333334", "33.4"])
def test_number_that_differs_within_the_digits_of_a_spreadsheet_is_a_change(add, upload, typed):
    add(1, "Ada", 12, 100 / 3)
    assert upload(f"id,name,score\n1,Ada,{typed}\n").updates == 1


@pytest.mark.parametrize("score", ["5e-324", "1e-300", "0"])
def test_number_near_zero_is_compared(add, upload, score):
    add(1, "Ada", 12, float(score))
    assert upload(f"id,name,score\n1,Ada,{score}\n").unchanged == 1
    assert upload("id,name,score\n1,Ada,1\n").updates == 1


CUT = "id,name,age,score,notes\n" + "".join(f"{n},Student {n},12,50,\n" for n in range(1, 16))


@pytest.mark.parametrize(
    ("lines", "options", "read"),
    [
        ("16,Student 16,12\n17,Student 17,12\n", {}, (17, 0)),
        ("16,Student 16,12,50\n17,Student 17,12,50\n", {}, (17, 0)),
        ("16,Student 16,12\n", {}, (15, 1)),
        ("16,Student 16,12\n17,Student 17,12,50\n", {}, (15, 2)),
        ("16,Student 16,12\n17,Student 17,12\n", {"blank_clears": True}, (15, 2)),
        ("16\n17\n", {}, (15, 2)),
    ],
    ids=["as Excel cuts", "an ignored column", "a single one", "of two widths", "blank clears", "no name"],
)
def test_row_without_its_last_cells_is_read_where_excel_leaves_out_blank_ones(upload, lines, options, read):
    previewed = upload(CUT + lines, **options)
    assert (previewed.inserts, previewed.rejected) == read


def test_rows_that_have_all_lost_a_delimiter_beside_the_headings_are_rejected(upload):
    assert upload("id,name,age,score\n1,Ada 12,90\n2,Bo 13,80\n").rejected == 2


@pytest.mark.usefixtures("stored")
def test_the_problem_stands_in_the_users_own_cell(session, upload):
    previewed = upload("House,id,name,age\nBlue,1,Ada,old\n")
    assert preview.headings(previewed, "rejected") == ["House", "id", "name", "age"]
    (row,) = preview.rows(session, previewed, "rejected")
    assert [cell.after for cell in row.cells] == ["Blue", "1", "Ada", "old"]
    assert [bool(cell.problem) for cell in row.cells] == [False, False, False, True]


@pytest.mark.usefixtures("stored")
def test_an_update_shows_each_changed_cell_before_and_after(session, upload):
    (row,) = preview.rows(session, upload("id,name,age\n1,ADA,13\n"), "update")
    assert [(cell.before, cell.after) for cell in row.cells] == [(None, "1"), ("Ada", "ADA"), ("12", "13"), (None, "90")]


@pytest.mark.usefixtures("stored")
def test_a_row_that_somebody_changed_since_is_held_back(session, upload, apply, save):
    previewed = upload("id,name,score\n1,Ada,50\n2,Bo,60\n9,Di,70\n8,Ed,80\n")
    save({"id": 1, "name": "Ada", "age": 99, "score": 90.0}, version=1)
    save({"id": 9, "name": "Somebody else", "age": None, "score": None}, version=None)
    applied = apply(previewed)
    assert (applied.inserts, applied.updates, applied.conflicts) == (1, 1, 2)
    assert [row.line for row in preview.rows(session, applied, "conflict")] == [2, 4]
    assert [row[:2] for row in table(session)] == [(1, "Ada"), (2, "Bo"), (3, "Cy"), (8, "Ed"), (9, "Somebody else")]
    assert table(session)[0] == (1, "Ada", 99, 90.0)
    assert_revisions_agree(session)


@pytest.mark.usefixtures("stored")
def test_a_row_whose_student_was_deleted_since_is_held_back(session, upload, apply, remove):
    previewed = upload("id,name\n1,Ada L\n2,Bob\n")
    remove(1, version=1)
    applied = apply(previewed)
    assert (applied.updates, applied.reviews) == (1, 1)
    assert [row[:2] for row in table(session)] == [(2, "Bob"), (3, "Cy")]


@pytest.mark.usefixtures("stored")
def test_a_deleted_student_comes_back_with_the_next_version(session, upload, apply, remove):
    remove(1, version=1)
    previewed = upload("id,name\n1,Ada again\n")
    confirm(session, previewed.id, None, "sec@school.test", version=previewed.version)
    assert apply(previewed).inserts == 1
    versions = session.scalars(select(revisions.c.version).where(revisions.c.student_id == 1).order_by(revisions.c.version))
    assert list(versions) == [1, 2, 3]
    assert_revisions_agree(session)


def test_two_previews_of_one_sheet_apply_once(session, upload, apply):
    first, second = upload("id,name\n1,Ada\n"), upload("id,name\n1,Ada\n")
    assert apply(first).inserts == 1
    held = apply(second)
    assert (held.inserts, held.conflicts) == (0, 1)
    assert_revisions_agree(session)


def test_the_revisions_name_the_actor_and_the_import(session, upload, apply):
    applied = apply(upload("id,name\n1,Ada\n"))
    change = session.scalars(select(Change)).one()
    assert (change.actor, change.reason, change.import_id) == ("sec@school.test", "import", applied.id)


def test_new_students_go_on_from_the_last_id_that_was_assigned_and_pass_over_the_sheets(upload, apply, add):
    apply(upload("id,name\n2,Ada\n1,Bo\n4,Di\n"))
    assert [add(None, "Cy").id, add(None, "Ed").id] == [3, 5]


def test_a_sheet_that_is_refused_leaves_nothing(app, session, upload):
    with pytest.raises(SheetRefused):
        upload("id,name\n")
    assert session.scalar(select(func.count()).select_from(Import)) == 0
    assert list(app.config["UPLOADS"].iterdir()) == []


def test_a_quotation_mark_found_open_late_fails_the_import_and_drops_what_was_staged(session, upload):
    failed = upload("id,name\n" + "".join(f"{n},Ada\n" for n in range(1, 30_000)) + '30000,"Bo\n')
    assert failed.state == "failed"
    assert "On line 30001 a quotation mark" in str(failed.failure)
    assert session.scalar(select(func.count()).select_from(staged_rows)) == 0


def test_cancelling_leaves_nothing(app, session, upload):
    previewed = upload("id,name\n1,Ada\n")
    lifecycle.cancel(session, previewed.id, version=previewed.version)
    assert session.get_one(Import, previewed.id).state == "cancelled"
    for rows in (staged_rows, planned_rows):
        assert session.scalar(select(func.count()).select_from(rows)) == 0
    assert list(app.config["UPLOADS"].iterdir()) == []
    with pytest.raises(WrongState):
        lifecycle.start_apply(session, previewed.id, "sec@school.test", version=previewed.version)


def test_an_import_is_applied_once(session, upload, apply):
    previewed = apply(upload("id,name\n1,Ada\n"))
    with pytest.raises(WrongState):
        lifecycle.start_apply(session, previewed.id, "sec@school.test", version=previewed.version)
    with pytest.raises(WrongState):
        lifecycle.cancel(session, previewed.id, version=previewed.version)


def test_a_worker_that_lost_its_lease_changes_nothing(session, upload):
    previewed = upload("id,name\n1,Ada\n")
    lifecycle.start_apply(session, previewed.id, "sec@school.test", version=previewed.version)
    assert claims.claim(session, "first") == previewed.id
    assert claims.claim(session, "second") is None
    with pytest.raises(LeaseLost):
        steps.run_step(session, previewed.id, "second")
    assert table(session) == []
    steps.run_step(session, previewed.id, "first")
    assert table(session) == [(1, "Ada", None, None)]


def test_staged_rows_that_a_crash_emptied_are_read_and_shown_again(session, upload):
    previewed = upload("id,name\n1,Ada\n")
    lifecycle.start_apply(session, previewed.id, "sec@school.test", version=previewed.version)
    for rows in (staged_rows, planned_rows):
        session.execute(rows.delete())
    session.commit()
    assert run(session, previewed.id).state == "uploaded"
    assert table(session) == []
    again = run(session, previewed.id)
    assert (again.state, again.inserts) == ("ready", 1)


@pytest.mark.usefixtures("stored")
def test_a_write_past_the_door_is_found_and_nothing_applied(session, upload):
    previewed = upload("id,name,age\n1,Ada,13\n2,Bo,14\n")
    session.execute(revisions.update().where(revisions.c.student_id == 1).values(version=7))
    session.connection().exec_driver_sql("UPDATE students SET version = 7 WHERE id = 1")
    session.commit()
    lifecycle.start_apply(session, previewed.id, "sec@school.test", version=previewed.version)
    broken_off = run(session, previewed.id)
    assert broken_off.state == "ready"
    assert broken_off.failure
    assert table(session) == STORED


def test_a_file_whose_import_was_never_stored_is_dropped_after_a_while(app, session, upload):
    kept = Path(upload("id,name\n1,Ada\n").path)
    for name in (f"{kept.name}.made.unpacked", "stray", "stray.made.unpacked"):
        (kept.parent / name).touch()
    assert discarding.drop_strays(session, kept.parent, now() - timedelta(days=1)) == 0
    assert discarding.drop_strays(session, kept.parent, now() + timedelta(days=1)) == 2
    assert {path.name for path in kept.parent.iterdir()} == {kept.name, f"{kept.name}.made.unpacked"}


def test_old_sheets_are_dropped_and_what_they_did_stays(app, session, upload, apply):
    applied, waiting = apply(upload("id,name\n1,Ada\n")), upload("id,name\n2,Bo\n")
    assert discarding.drop_old(session, now() - timedelta(days=1)) == 0
    assert discarding.drop_old(session, now() + timedelta(days=1)) == 1
    assert discarding.drop_old(session, now() + timedelta(days=1)) == 0
    assert list(session.scalars(select(staged_rows.c.import_id))) == [waiting.id]
    assert len(list(app.config["UPLOADS"].iterdir())) == 1
    assert session.get_one(Import, applied.id, populate_existing=True).inserts == 1
    assert table(session) == [(1, "Ada", None, None)]
    assert_revisions_agree(session)


@pytest.fixture
def received(app, session):
    return receiving.receive(session, app.config["UPLOADS"], "sheet.csv", BytesIO(b"id,name\n1,Ada\n"), "sec@school.test")


def test_import_whose_worker_died_three_times_fails_with_a_sentence_and_can_be_read_again(session, received):
    for number in range(steps.MAX_CRASHES):
        assert claims.claim(session, f"worker {number}") == received.id
        session.execute(update(Import).values(lease_until=now() - timedelta(seconds=1)))
        session.commit()
    assert claims.claim(session, "the last worker") == received.id
    steps.run_step(session, received.id, "the last worker")
    failed = session.get_one(Import, received.id, populate_existing=True)
    assert (failed.state, failed.crashes) == ("failed", 0)
    assert "failed 3 times, so it is not tried again" in str(failed.failure)
    assert Path(failed.path).exists()
    chosen = plan_reading(Sheet.from_json(failed.sheet), Options.from_json(failed.options))
    lifecycle.read_again(session, failed.id, chosen, version=failed.version)
    assert claims.claim(session, "another worker") == failed.id
    steps.run_step(session, failed.id, "another worker")
    assert session.get_one(Import, failed.id, populate_existing=True).state == "ready"


def test_worker_that_ended_its_step_is_not_counted_as_dead(session, received):
    for state, begin in (("ready", None), ("applied", lifecycle.start_apply), ("undone", lifecycle.start_undo)):
        if begin:
            begin(session, received.id, "test", version=session.get_one(Import, received.id, populate_existing=True).version)
        claims.claim(session, f"worker until {state}")
        steps.run_step(session, received.id, f"worker until {state}")
        ended = session.get_one(Import, received.id, populate_existing=True)
        assert (ended.state, ended.crashes) == (state, 0)
