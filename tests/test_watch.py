"""A watched folder: what is laid down there is imported once, within limits, and moved aside."""

import errno
import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import func, select

import watch
from merge.imports import receiving
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
    """Look once, as the command does: look() gives what it says. With `status` it has to end so."""

    def look(*options, status=0):
        result = app.test_cli_runner().invoke(args=["watch", str(folder), "--once", *options])
        assert result.exit_code == status, result.output
        return result.output

    return look


@pytest.fixture
def looks(app, folder):
    """Look once without the command: looks() gives the outcomes."""

    def looks(**more):
        with app.app_context():
            given = {"settled_s": 1, "max_bytes": 1 << 20, "address": "", **more}
            watch.prepare(folder)
            outcomes = list(watch.look(folder, app.config["UPLOADS"], watch.Terms(Limits()), **given))
            db.session.remove()
            return outcomes

    return looks


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


def taken(folder):
    """Name what was taken and not moved aside yet."""
    return [path.name for path in folder.glob(".importing/*/*")]


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
    said = look("--most-inserts", "1", status=3)
    assert "students.csv: held." in said
    assert "letter.csv: held. This is a PDF document" in said
    assert names(folder / "held") == ["letter.csv", "letter.csv.report.txt", "students.csv", "students.csv.report.txt"]
    report = next((folder / "held").glob("*students.csv.report.txt")).read_text()
    assert "It would add 2 students; the limit is 1." in report
    assert "It has 1 rejected row; the limit is 0." in report
    assert "Line 4: Name is required." in report
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
    assert sorted(path for path in folder.iterdir() if path.name not in (".importing", "done", "held")) == before
    assert taken(folder) == names(folder / "done") == names(folder / "held") == []
    assert count(stored, Import) == 0
    age(growing, 10)
    assert "done" in look()


def test_a_file_that_grows_while_it_is_read_is_left_for_later(app, folder, looks, stored, monkeypatch):
    lay_down(folder)
    receive = receiving.receive

    def receive_slowly(*args, **kwargs):
        with next(folder.glob(".importing/*/*")).open("a") as more:
            more.write("9,Joan,14\n")
        return receive(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(receiving, "receive", receive_slowly)
        assert looks() == []
    assert taken(folder) == ["students.csv"]
    assert count(stored, Import) == 0
    assert list(app.config["UPLOADS"].iterdir()) == []
    (outcome,) = looks()
    assert (outcome.kept_in, count(stored, Student)) == ("done", 3)


def test_the_same_content_on_another_night_is_imported_again(look, folder, stored):
    for sheet, minutes in ((SHEET, 30), (SHEET.replace("12", "11"), 20), (SHEET, 10)):
        lay_down(folder, sheet, minutes_ago=minutes)
        look()
    assert count(stored, Import) == 3
    assert stored(select(Student.name).order_by(Student.id)) == [("Ada",), ("Grace",)]
    assert len(list((folder / "done").iterdir())) == 6


class Killed(BaseException):
    pass


# After its row is there, once it is applied, and once the report is written.
@pytest.mark.parametrize("step", ["watch._import", "watch.worker.finish", "watch._move_aside", "watch._move"])
def test_a_kill_at_any_step_leaves_a_delivery_that_is_imported_once(look, looks, folder, stored, monkeypatch, step):
    def killed(*_):
        raise Killed

    lay_down(folder)
    with monkeypatch.context() as patch, suppress(Killed):
        patch.setattr(step, killed)
        looks()
        pytest.fail("it was not killed")
    assert taken(folder) == ["students.csv"]
    assert "students.csv: done." in look()
    assert count(stored, Import) == 1
    assert count(stored, Student) == 2
    assert names(folder / "done") == ["students.csv", "students.csv.report.txt"]
    assert list((folder / ".importing").iterdir()) == []


def test_two_watchers_of_one_folder_import_it_once(folder, looks, stored):
    lay_down(folder)
    start = threading.Barrier(2)

    def look():
        start.wait()
        looks()

    watchers = [threading.Thread(target=look) for _ in range(2)]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        watcher.join()
    looks()  # where one took it and the other found it, it may be left for the next look
    assert count(stored, Import) == 1
    assert count(stored, Student) == 2
    assert names(folder / "done") == ["students.csv", "students.csv.report.txt"]


def test_a_newer_export_under_the_same_name_is_another_delivery(folder, looks, stored, monkeypatch):
    lay_down(folder)
    finish = watch.worker.finish

    def finish_slowly(import_id):
        lay_down(folder, SHEET.replace("Ada,12", "Ada,13"))
        return finish(import_id)

    with monkeypatch.context() as patch:
        patch.setattr(watch.worker, "finish", finish_slowly)
        looks()
    assert stored(select(Student.age).order_by(Student.id)) == [(12,), (13,)]
    assert (folder / "students.csv").exists()
    looks()
    assert stored(select(Student.age).order_by(Student.id)) == [(13,), (13,)]
    assert len(list((folder / "done").glob("*students.csv"))) == 2


LONG = "ä" * 120 + ".csv"
UNUSUAL = {
    "longest": LONG,
    "lines": "a\nstudents.csv: done. b.csv",
    "bytes": os.fsdecode(b"\xff\xfe.csv"),
    "plain": "x" * 250 + ".csv",
}


@pytest.mark.parametrize("name", UNUSUAL.values(), ids=UNUSUAL)
def test_a_file_of_any_name_is_imported_and_says_so_in_one_line(look, folder, stored, name):
    lay_down(folder, name=name)
    said = look()
    assert len(said.splitlines()) == 1
    assert ": done. Import 1" in said
    (report,) = (folder / "done").glob("*.report.txt")
    assert report.with_name(report.name.removesuffix(".report.txt")).exists()
    assert count(stored, Student) == 2


@pytest.mark.parametrize("seconds", [3600, 10**11], ids=["an hour", "thousands of years"])
def test_a_time_in_the_future_does_not_keep_a_file_waiting(look, folder, stored, seconds):
    file = lay_down(folder)
    try:
        os.utime(file, (time.time() + seconds,) * 2)
    except OverflowError:
        pytest.fail("the file system of the tests can't keep such a time")
    assert "students.csv: done." in look("--settled", "0")
    assert count(stored, Student) == 2


def test_a_file_that_can_not_be_read_is_held_and_keeps_no_other_waiting(look, folder, stored, monkeypatch):
    lay_down(folder, minutes_ago=20, name="broken.csv")
    lay_down(folder, name="next.csv")
    receive = receiving.receive

    def receive_all_but_one(session, uploads, filename, *args, **kwargs):
        if filename == "broken.csv":
            raise ZeroDivisionError
        return receive(session, uploads, filename, *args, **kwargs)

    monkeypatch.setattr(receiving, "receive", receive_all_but_one)
    said = look(status=3)
    assert "broken.csv: held. Rollbook could not read this file." in said
    assert "next.csv: done." in said


def test_a_file_that_is_too_large_is_held_unread(looks, folder, stored):
    lay_down(folder)
    (outcome,) = looks(max_bytes=10)
    assert (outcome.kept_in, count(stored, Import)) == ("held", 0)
    assert "ROLLBOOK_MAX_UPLOAD_MB" in outcome.report


def test_what_is_done_may_be_kept_on_another_file_system(look, folder, stored, monkeypatch):
    lay_down(folder)
    rename = Path.rename

    def rename_within(self, target):
        if self.parent.parent.name == ".importing":
            raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", rename_within)
    assert "students.csv: done." in look()
    assert names(folder / "done") == ["students.csv", "students.csv.report.txt"]
    assert taken(folder) == []


def test_what_can_not_be_moved_aside_is_said_kept_and_tried_again(look, folder, stored, monkeypatch):
    lay_down(folder)

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(watch, "_move", full)
        assert "It could not be moved aside, and is tried again" in look(status=1)
    assert "students.csv: done." in look()
    assert count(stored, Import) == 1


@pytest.mark.parametrize("name", ["done", "held", ".importing"])
@pytest.mark.parametrize("what", ["file", "link"])
def test_a_folder_that_can_not_be_used_is_named_at_the_start(look, folder, tmp_path, name, what):
    (folder / name).symlink_to(tmp_path) if what == "link" else (folder / name).touch()
    assert f"{folder / name}" in look(status=1)
