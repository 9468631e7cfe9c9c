"""Sheets that another system brings: they wait for a person, or are applied within limits."""

import io

import pytest
from sqlalchemy import delete, select

from merge.choices import plan_reading
from merge.imports import lifecycle
from merge.options import Options
from merge.sheet import Sheet
from models import Change, Import, db, planned_rows, staged_rows
from tests.machine import machine_of

SHEET = "id,name,age\n7,Ada,12\n8,Grace,13\n"


@pytest.fixture
def machine(app):
    return machine_of(app)


@pytest.fixture
def bring(machine, work):
    """Bring a sheet, let the worker do what it does with it, and tell how it stands."""

    def bring(sheet, **fields):
        answer = machine.ask("POST", "/imports", 202, data={"file": (io.BytesIO(sheet.encode()), "night.csv"), **fields})
        work()
        assert answer.json["id"] == int(answer.headers["Location"].rsplit("/", 1)[1])
        return machine.ask("GET", answer.headers["Location"].removeprefix("/api/v1"), 200).json

    return bring


def test_a_sheet_waits_until_it_is_applied_and_can_be_taken_back(machine, bring, work, students, stored):
    import_ = bring(SHEET + "9,,14\n")
    assert (import_["state"], import_["insert"], import_["rejected"], import_["held_back"]) == ("ready", 2, 1, [])
    assert import_["rejected_rows"] == [{"line": 4, "problems": ["Name is required."]}]
    assert students() == []
    where = f"/imports/{import_['id']}"
    machine.ask("POST", f"{where}/undo", 409)
    assert machine.ask("POST", f"{where}/apply", 202).json["state"] == "applying"
    machine.ask("POST", f"{where}/apply", 409)
    work()
    assert machine.ask("GET", where).json["state"] == "applied"
    assert [name for _, name, *_ in students()] == ["Ada", "Grace"]
    machine.ask("POST", f"{where}/undo", 202)
    work()
    assert students() == []
    assert machine.ask("POST", f"{where}/undo").status_code == 409  # a second undo would put it in force again
    assert {actor for (actor,) in stored(select(Change.actor))} == {"editor@school.example"}


def test_a_sheet_within_its_limits_is_applied_by_itself(bring, add, students):
    add(7, "Ada")
    import_ = bring(SHEET, apply="auto", most_inserts="1", most_updates="1")
    assert (import_["state"], import_["insert"], import_["update"], import_["applied_by"]) == (
        "applied",
        1,
        1,
        "editor@school.example",
    )
    assert len(students()) == 2
    assert bring(SHEET, apply="auto")["state"] == "applied"


@pytest.mark.parametrize(
    ("sheet", "limits", "sentence"),
    [
        (SHEET, {"most_inserts": "0"}, "would add 1 student;"),
        (SHEET, {"most_updates": "0"}, "would change 1 student;"),
        (SHEET + "9,,14\n", {}, "1 rejected row;"),
    ],
)
def test_a_sheet_beyond_a_limit_waits_for_a_person_and_says_why(bring, add, students, viewer, sheet, limits, sentence):
    add(7, "Ada")
    import_ = bring(sheet, apply="auto", **limits)
    assert import_["state"] == "ready"
    assert len(import_["held_back"]) == 1
    assert sentence in import_["held_back"][0]
    assert len(students()) == 1
    assert sentence in viewer.visit(f"/imports/{import_['id']}").text


def test_what_was_held_once_waits_for_a_person_though_it_is_compared_anew(app, bring, add, work, students):
    import_ = bring(SHEET, apply="auto", most_inserts="1")
    add(7, "Ada", age=12)
    with app.app_context():
        db.session.execute(delete(staged_rows))
        db.session.execute(delete(planned_rows))
        db.session.commit()
    work()
    with app.app_context():
        again = db.session.get_one(Import, import_["id"])
        assert (again.state, again.inserts, again.unchanged) == ("ready", 1, 1)
    assert len(students()) == 1


def test_a_person_who_chooses_the_columns_anew_decides_for_themselves(app, bring, work, students):
    import_ = bring(SHEET, apply="auto", most_inserts="0")
    with app.app_context():
        session = db.session()
        kept = session.get_one(Import, import_["id"])
        sheet = Sheet(**kept.sheet | {"columns": ["id", "name", None]})
        lifecycle.read_again(session, kept.id, plan_reading(sheet, Options.from_json(kept.options)), version=kept.version)
    work()
    assert students() == []


@pytest.mark.parametrize(
    ("fields", "status", "field"),
    [
        ({"apply": "maybe"}, 422, "apply"),
        ({"blank": "x"}, 422, "blank"),
        ({"most_inserts": "many"}, 422, "most_inserts"),
        ({"most_updates": "-1"}, 422, "most_updates"),
        ({"max_updates": "5"}, 400, None),
        ({"file": b"%PDF-1.7"}, 422, "file"),
        ({"file": b""}, 422, "file"),
    ],
)
def test_what_can_not_be_taken_in_is_named_and_leaves_nothing(app, machine, fields, status, field):
    sent = {"file": SHEET.encode()} | fields
    sent["file"] = (io.BytesIO(sent["file"]), "x.csv")
    response = machine.ask("POST", "/imports", status, data=sent)
    assert response.mimetype == "application/problem+json"
    assert [error["field"] for error in response.json.get("errors", [])] == ([field] if field else [])
    assert list(app.config["UPLOADS"].iterdir()) == []


def test_what_somebody_else_has_applied_is_not_undone_with_a_token(app, machine, bring, students):
    import_ = bring(SHEET, apply="auto")
    head = machine_of(app, "admin")
    assert head.ask("POST", f"/imports/{import_['id']}/undo", 403).mimetype == "application/problem+json"
    assert len(students()) == 2


def test_no_token_applies_a_deletion_of_many_students_which_takes_a_fresh_proof(app, admin, machine, add, work, students):
    add(7, "Ada")
    admin.send("/students/bulk/delete", {"within": "", "ids": "7"}, page="/students", status=303)
    work()
    machine.ask("POST", "/imports/1/apply", 403)
    machine_of(app, "admin").ask("POST", "/imports/1/apply", 403)
    work()
    assert len(students()) == 1
