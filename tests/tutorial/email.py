"""What an e-mail column has to have everywhere, once it is named in the model. Runs in a copy of Rollbook that has one."""

import csv
import io

from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from models import db
from tests.machine import machine_of
from tests.web.conftest import sheet_file

SHEET = "id,name,mail\n1,Ada,ada@school.example\n2,Mia,\n3,Zoë,=zoe@school.example\n"


def test_the_migration_is_taken_back_and_run_again_with_students_there(app, add, students):
    add(1, "Ada", 12, 50)
    with app.app_context():
        db.engine.dispose()
        downgrade(revision="-1")
        assert "email" not in {column["name"] for column in inspect(db.engine).get_columns("students")}
        upgrade()
        db.engine.dispose()
    assert students() == [(1, "Ada", 12, 50)]


def test_a_sheet_fills_it_and_the_preview_compares_it(editor, add, upload, work):
    add(1, "Ada", 12, 50)
    preview = upload(SHEET)
    assert "ada@school.example" in preview.text
    _apply(editor, preview, work)
    assert editor.visit("/students/1").values["email"] == "ada@school.example"
    history = editor.visit("/students/1/history").text
    assert "E-mail" in history
    assert "ada@school.example" in history


def test_the_form_saves_and_checks_it(editor):
    saved = editor.send("/students/new", {"id": "5", "name": "Max", "email": "max@school.example"})
    assert editor.visit(saved.location).values["email"] == "max@school.example"
    answer = editor.send("/students/5", {"name": "Max", "email": "m" * 201, "version": "1"}, status=422)
    assert "201" in answer.text


def test_the_list_is_sorted_and_filtered_by_it_and_a_cell_of_it_edited(editor, upload, work):
    _apply(editor, upload(SHEET), work)
    page = editor.visit("/students?sort=-email&blank_email=no")
    assert page.values["blank_email"] == "no"
    listed = page.text
    assert listed.index("ada@school.example") < listed.index("=zoe@school.example")
    assert "Mia" not in listed
    token = editor.visit("/students").values["csrf_token"]
    cell = {"column": "email", "value": "mia@school.example", "version": "1", "csrf_token": token}
    assert editor.open("/students/2/cell", "POST", data=cell).json["text"] == "mia@school.example"


def test_files_have_it_and_read_back_without_a_change(editor, upload, work):
    _apply(editor, upload(SHEET), work)
    file = editor.open("/students.csv").data
    rows = list(csv.DictReader(io.StringIO(file.decode("utf-8-sig"))))
    assert [row["E-mail"] for row in rows] == ["ada@school.example", "", "'=zoe@school.example"]
    sent = editor.send("/imports/new", {"file": sheet_file(file)})
    work()
    assert "3 rows are unchanged" in editor.visit(sent.location).text


def test_an_undo_takes_it_back_and_the_table_is_read_with_it_as_it_stood(editor, add, upload, work):
    add(1, "Ada", 12, 50)
    _apply(editor, upload(SHEET), work)
    moment = editor.visit("/students/1/history").html
    assert "ada@school.example" in editor.open("/students.csv?as_of=2999-01-01T00:00").text
    editor.send("/imports/1/undo")
    work()
    assert moment != editor.visit("/students/1/history").html
    assert editor.visit("/students/1").values["email"] == ""


def test_other_systems_read_and_write_it(app, client):
    machine, sent = machine_of(app), {"name": "Max", "email": "max@school.example"}
    machine.ask("PUT", "/students/5", 201, json=sent, headers={"If-None-Match": "*"})
    assert machine.ask("GET", "/students/5", 200).json["email"] == "max@school.example"
    assert "email" in client.open("/api/v1/openapi.json").json["components"]["schemas"]["StudentValues"]["properties"]


def _apply(editor, preview, work):
    editor.post("/imports/1/apply", preview.values, status=303)
    work()
