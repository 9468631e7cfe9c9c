"""A watched folder: what is laid down there is imported once, within limits, and moved aside."""

import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

import watch
from merge import imports
from merge.unattended import Limits
from models import Import, Student, db

SHEET = "id,name,age\n7,Ada,12\n8,Grace,13\n"


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "nightly"
    folder.mkdir()
    return folder


@pytest.fixture
def look(app, folder):
    """Look once, as the command does: look() gives what it says."""

    def look(*options):
        result = app.test_cli_runner().invoke(args=["watch", str(folder), "--once", *options])
        assert result.exception is None, result.output
        return result.output

    return look


def lay_down(folder, content=SHEET, name="students.csv", minutes_ago=10):
    file = folder / name
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    age(file, minutes_ago)
    return file


def age(file: Path, minutes_ago: float):
    then = file.stat().st_mtime_ns - int(minutes_ago * 60e9)
    os.utime(file, ns=(then, then))


def names(folder):
    return sorted(path.name.split(" ", 3)[-1] for path in folder.iterdir()) if folder.exists() else []


def count(stored, what):
    return stored(select(func.count()).select_from(what))[0][0]


def test_a_sheet_within_the_limits_is_applied_and_moved_aside_with_a_report(look, folder, stored):
    file = lay_down(folder)
    assert "students.csv: done. Import 1 (students.csv) is applied: 2 rows, 2 insert" in look()
    assert not file.exists()
    assert names(folder / "done") == ["students.csv", "students.csv.report.txt"]
    report = next((folder / "done").glob("*.report.txt")).read_text()
    assert "2 insert" in report
    assert "/imports/1" in report
    assert count(stored, Student) == 2
    assert look() == ""


def test_a_sheet_beyond_the_limits_is_held_for_a_person(look, folder, stored):
    lay_down(folder, SHEET + "9,,14\n")
    lay_down(folder, b"%PDF-1.7", "letter.csv")
    said = look("--most-inserts", "1")
    assert "students.csv: held." in said
    assert "letter.csv: held. This is a PDF document" in said
    assert names(folder / "held") == ["letter.csv", "letter.csv.report.txt", "students.csv", "students.csv.report.txt"]
    report = next((folder / "held").glob("*students.csv.report.txt")).read_text()
    assert "It would add 2 students; the limit is 1." in report
    assert "It has 1 rejected row; the limit is 0." in report
    assert "Line 4: Name is blank, but every student needs one." in report
    assert count(stored, Student) == 0
    assert stored(select(Import.state)) == [("ready",)]


def test_what_is_not_whole_yet_or_is_no_file_is_left_alone(look, folder, stored, tmp_path):
    growing = lay_down(folder, minutes_ago=0)
    lay_down(folder, name="next.csv.part")
    lay_down(folder, name=".hidden.csv")
    (folder / "link.csv").symlink_to(lay_down(tmp_path, name="elsewhere.csv"))
    (folder / "folder.csv").mkdir()
    before = sorted(folder.iterdir())
    assert look() == ""
    assert sorted(folder.iterdir()) == before
    assert count(stored, Import) == 0
    age(growing, 10)
    assert "done" in look()


def test_a_file_that_grows_while_it_is_read_is_left_for_later(app, folder, stored, monkeypatch):
    file = lay_down(folder)
    receive = imports.receive

    def receive_slowly(*args, **kwargs):
        with file.open("a") as more:
            more.write("9,Joan,14\n")
        return receive(*args, **kwargs)

    monkeypatch.setattr(imports, "receive", receive_slowly)
    with app.app_context():
        assert list(watch.look(folder, app.config["UPLOADS"], Limits(), settled_s=1, address="")) == []
    assert file.exists()
    assert count(stored, Import) == 0
    assert list(app.config["UPLOADS"].iterdir()) == []


def test_the_same_content_on_another_night_is_imported_again(look, folder, stored):
    for sheet, minutes in ((SHEET, 30), (SHEET.replace("Ada", "Eve"), 20), (SHEET, 10)):
        lay_down(folder, sheet, minutes_ago=minutes)
        look()
    assert count(stored, Import) == 3
    assert stored(select(Student.name).order_by(Student.id)) == [("Ada",), ("Grace",)]
    assert len(list((folder / "done").iterdir())) == 6


class Killed(BaseException):
    pass


# After its row is there, once it is applied, and once the report is written.
@pytest.mark.parametrize("step", ["watch.worker.finish", "watch._move_aside", "watch.Path.replace"])
def test_a_kill_at_any_step_leaves_a_delivery_that_is_imported_once(app, look, folder, stored, monkeypatch, step):
    def killed(*_):
        raise Killed

    file = lay_down(folder)
    with monkeypatch.context() as patch, app.app_context(), suppress(Killed):
        patch.setattr(step, killed)
        list(watch.look(folder, app.config["UPLOADS"], Limits(), settled_s=1, address=""))
        pytest.fail("it was not killed")
    assert file.exists()
    assert "students.csv: done." in look()
    assert count(stored, Import) == 1
    assert count(stored, Student) == 2
    assert names(folder / "done") == ["students.csv", "students.csv.report.txt"]


def test_two_watchers_of_one_folder_import_it_once(app, folder, stored):
    lay_down(folder)
    start = threading.Barrier(2)

    def look():
        with app.app_context():
            start.wait()
            list(watch.look(folder, app.config["UPLOADS"], Limits(), settled_s=1, address=""))
            db.session.remove()

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        watcher.join()
    assert count(stored, Import) == 1
    assert count(stored, Student) == 2
    assert names(folder / "done") == ["students.csv", "students.csv.report.txt"]
