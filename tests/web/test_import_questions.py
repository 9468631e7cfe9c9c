"""What a sheet leaves open is asked on pages, by the API, by the command and of a watched folder, and answered with one click."""

import io
import json
import os
import time

import pytest
from sqlalchemy import select

from models import AuditEntry, HeadingChoice
from tests.machine import machine_of
from tests.web.conftest import sheet_file

SHEET = "No,Name,Score\n1,Nina Alt,85\n2,Olaf Neu,80\n3,Pia Ost,70\n"
SENTENCE = "These IDs point to students with other names: 3 of 3 rows."
KEY = "other-names:0"


@pytest.fixture
def people(add):
    for number, name in enumerate(("Ada Lovelace", "Bo Adeyemi", "Cem Kaya"), 1):
        add(number, name, 12, 50)


@pytest.fixture
def asked(people, editor, work):
    """Upload a sheet that leaves a question open, and give where its page is."""
    sent = editor.send("/imports/new", {"file": sheet_file(SHEET)})
    work()
    return sent.location.removesuffix("/columns")


def test_the_page_of_the_columns_asks_and_one_click_answers(asked, editor, work, students, stored):
    before = students()
    for path in (asked, f"{asked}/columns"):
        page = editor.visit(path)
        assert SENTENCE in page.text
        assert "Match by name instead" in page.text
        assert "Apply 3" not in page.text
    editor.send(f"{asked}/answers", {"question": KEY, "answer": "name"}, page=f"{asked}/columns")
    work()
    page = editor.visit(asked)
    assert SENTENCE not in page.text
    assert "It adds 3 students" in page.text
    assert students() == before
    ((by, at),) = stored(select(HeadingChoice.chosen_by, HeadingChoice.chosen_at))
    assert (by, at is not None) == ("editor@school.example", True)
    assert "Last chosen for a sheet with these headings by editor@school.example" in editor.visit(f"{asked}/columns").text
    (details,) = stored(select(AuditEntry.details).where(AuditEntry.act == "question-answered"))[0]
    assert details == {"question": KEY, "answer": "name"}


def test_a_sheet_with_an_open_question_is_not_applied(asked, editor, work, students):
    before, page = students(), editor.visit(asked)
    editor.post(f"{asked}/apply", {name: page.values[name] for name in ("csrf_token", "version")}, 409)
    work()
    assert students() == before


@pytest.mark.parametrize("answer", [{"question": KEY, "answer": "maybe"}, {"question": "x", "answer": "name"}, {}])
def test_an_answer_that_was_not_offered_does_nothing(asked, editor, answer):
    page = editor.visit(f"{asked}/columns")
    sent = {name: page.values[name] for name in ("csrf_token", "version")} | answer
    assert SENTENCE in editor.post(f"{asked}/answers", sent, 409).text


def test_a_viewer_reads_the_question_and_can_not_answer_it(asked, viewer):
    page = viewer.visit(asked)
    assert SENTENCE in page.text
    assert "Match by name instead" not in page.text


def test_another_system_reads_and_answers_the_question(people, app, work, students):
    machine, before = machine_of(app), students()
    data = {"file": (io.BytesIO(SHEET.encode()), "night.csv"), "apply": "auto"}
    where = machine.ask("POST", "/imports", 202, data=data).headers["Location"].removeprefix("/api/v1")
    work()
    told = machine.ask("GET", where, 200).json
    (question,) = told["questions"]
    assert (told["state"], question["question"], question["columns"]) == ("ready", KEY, ["No"])
    assert [answer["answer"] for answer in question["answers"]] == ["name", "keep"]
    assert told["held_back"][0] == "It has 1 open question."
    assert machine.ask("POST", f"{where}/apply", 409).json["detail"] == "This import leaves a question open. Answer it first."
    for body, status in ((["x"], 400), ({"question": KEY}, 400), ({"question": KEY, "answer": "maybe"}, 422)):
        machine.ask("POST", f"{where}/answers", status, json=body)
    machine.ask("POST", f"{where}/answers", 415, data="question")
    machine.ask("POST", f"{where}/answers", 202, json={"question": KEY, "answer": "name"})
    work()
    told = machine.ask("GET", where, 200).json
    assert (told["questions"], told["state"], told["insert"]) == ([], "ready", 3)
    assert students() == before


def test_the_command_prints_the_question_and_takes_an_answer(people, app, students, tmp_path):
    run, sheet, before = app.test_cli_runner(), tmp_path / "sheet.csv", students()
    sheet.write_text(SHEET)
    done = run.invoke(args=["import", str(sheet), "--apply"])
    assert (done.exit_code, SENTENCE in done.output, f"--answer {KEY}=name" in done.output) == (1, True, True)
    told = json.loads(run.invoke(args=["import", str(sheet), "--apply", "--json"]).output)
    assert (told["state"], [question["question"] for question in told["questions"]]) == ("ready", [KEY])
    assert students() == before
    wrong = run.invoke(args=["import", str(sheet), "--answer", f"{KEY}=maybe"])
    assert (wrong.exit_code, "is not an answer to" in wrong.output) == (1, True)
    done = run.invoke(args=["import", str(sheet), "--apply", "--answer", f"{KEY}=name"])
    assert (done.exit_code, len(students())) == (0, len(before) + 3)


def test_a_watched_folder_holds_the_sheet_and_reports_the_question(people, app, students, tmp_path):
    sheet, before = tmp_path / "night.csv", students()
    sheet.write_text(SHEET)
    os.utime(sheet, (time.time() - 600, time.time() - 600))
    app.test_cli_runner().invoke(args=["watch", str(tmp_path), "--once"])
    (report,) = (tmp_path / "held").glob("*.report.txt")
    assert SENTENCE in report.read_text()
    assert students() == before
