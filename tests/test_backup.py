"""A backup holds what stood at one moment, is made while people work, and comes back whole or not at all."""

import os
import resource
import stat
import threading

import pytest
from sqlalchemy import delete, make_url, select

import backup
from merge import record
from merge.merge_students import merge_students
from models import Student, db, merged_ids
from tests.cluster import wait_until


@pytest.fixture
def flask(app):
    def flask(*arguments):
        return app.test_cli_runner().invoke(args=[str(argument) for argument in arguments])

    return flask


@pytest.fixture
def save(app):
    def save(name):
        with app.app_context():
            record.save(
                db.session(), {"id": None, "name": name, "age": None, "score": None}, version=None, actor="t", reason="form"
            )

    return save


@pytest.fixture
def names(stored):
    return lambda: [name for (name,) in stored(select(Student.name).order_by(Student.id))]


def test_a_backup_brings_back_what_stood_when_it_was_made(flask, save, names, tmp_path):
    save("Ada")
    written = flask("backup", tmp_path / "school.backup")
    assert written.exit_code == 0, written.output
    assert "is written and checked" in written.output
    save("Bo")
    refused = flask("restore", tmp_path / "school.backup")
    assert refused.exit_code == 1
    assert "The database holds records already." in refused.output
    assert names() == ["Ada", "Bo"]
    restored = flask("restore", tmp_path / "school.backup", "--overwrite")
    assert restored.exit_code == 0, restored.output
    assert "BROKEN" not in restored.output
    assert names() == ["Ada"]


def test_a_backup_brings_back_which_records_were_merged(app, flask, save, stored, tmp_path):
    save("Ada")
    save("Ada")
    with app.app_context():
        values = {"name": "Ada", "age": None, "score": None}
        merge_students(db.session(), 1, 2, values, versions=(1, 1), actor="head@school.test")
    flask("backup", tmp_path / "school.backup")
    with app.app_context():
        db.session.execute(delete(merged_ids))
        db.session.commit()
    restored = flask("restore", tmp_path / "school.backup", "--overwrite")
    assert (restored.exit_code, "BROKEN" in restored.output) == (0, False)
    assert stored(select(merged_ids.c.student_id, merged_ids.c.survivor_id)) == [(2, 1)]


def test_a_backup_never_overwrites_a_file(flask, tmp_path):
    (tmp_path / "school.backup").write_text("precious")
    assert "never overwrites anything" in flask("backup", tmp_path / "school.backup").output
    assert (tmp_path / "school.backup").read_text() == "precious"


def test_a_damaged_backup_is_refused_and_nothing_lost(flask, save, names, tmp_path):
    save("Ada")
    flask("backup", tmp_path / "school.backup")
    whole = (tmp_path / "school.backup").read_bytes()
    (tmp_path / "half.backup").write_bytes(whole[: len(whole) // 2])
    refused = flask("restore", tmp_path / "half.backup", "--overwrite")
    assert refused.exit_code == 1
    assert names() == ["Ada"]


def test_a_backup_that_is_not_there_is_said(flask, tmp_path):
    assert "There is no file" in flask("restore", tmp_path / "nothing.backup", "--overwrite").output


def test_people_go_on_saving_while_a_backup_is_made(flask, save, names, tmp_path):
    over = threading.Event()

    def keep_saving():
        number = 0
        while not over.is_set():
            save(f"Student {number}")
            number += 1

    saving = threading.Thread(target=keep_saving)
    saving.start()
    try:
        assert wait_until(names)
        assert flask("backup", tmp_path / "school.backup").exit_code == 0
        then = len(names())
        assert wait_until(lambda: len(names()) > then)
    finally:
        over.set()
        saving.join()
    saved = names()
    flask("restore", tmp_path / "school.backup", "--overwrite")
    back = names()
    assert 0 < len(back) < len(saved)
    assert back == saved[: len(back)]


def test_verify_ends_with_one_where_a_promise_is_broken(app, flask, save):
    save("Ada")
    assert flask("verify").exit_code == 0
    with app.app_context():
        db.session.connection().exec_driver_sql("UPDATE students SET name = 'Eve'")
        db.session.commit()
    broken = flask("verify")
    assert broken.exit_code == 1
    assert "BROKEN every student stands as the revision of the same version says: 1, such as 1" in broken.output


def test_nobody_else_may_read_a_backup_nor_what_is_restored(app, tmp_path):
    file = tmp_path / "backup"
    with app.app_context():
        backup.back_up(db.engine.url, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    if not file.read_bytes().startswith(b"SQLite"):
        return
    restored = tmp_path / "restored.db"
    backup.restore(make_url(f"sqlite:///{restored}"), file, overwrite=True)
    assert stat.S_IMODE(restored.stat().st_mode) == 0o600


def test_the_reason_is_found_among_what_a_program_says():
    said = (
        "pg_restore: error: could not execute query: ERROR:  permission denied for schema public\nCommand was: CREATE TABLE x\n"
    )
    assert backup._reason(said) == "could not execute query: ERROR:  permission denied for schema public"
    assert backup._reason("pg_dump: something odd\nand more") == "pg_dump: something odd"


@pytest.mark.parametrize("backend", ["postgresql"])
def test_what_the_database_says_is_printed(database_url, tmp_path, flask):
    assert flask("backup", tmp_path / "school.backup").exit_code == 0
    ours = make_url(database_url).set(drivername="postgresql+psycopg2")
    nobody = ours.set(password="wrong")
    for act in (
        lambda: backup.back_up(nobody, tmp_path / "x"),
        lambda: backup.restore(nobody, tmp_path / "school.backup", overwrite=False),
    ):
        with pytest.raises(backup.NotDone, match="password authentication failed"):
            act()
    with pytest.raises(backup.NotDone, match="does not exist"):
        backup.restore(ours.set(database="nowhere"), tmp_path / "school.backup", overwrite=True)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_disk_that_is_full_is_said_and_the_database_stays_as_it_was(app, flask, save, names, tmp_path):
    save("Ada")
    flask("backup", tmp_path / "school.backup")
    save("Bo")
    now, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, most))
    try:
        written = flask("backup", tmp_path / "another.backup")
        brought_back = flask("restore", tmp_path / "school.backup", "--overwrite")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (now, most))
    assert "The backup could not be written: " in written.output
    assert "The backup could not be brought back, and nothing was changed: " in brought_back.output
    assert [file.name for file in tmp_path.iterdir()] == ["school.backup"]
    assert names() == ["Ada", "Bo"]


def test_what_a_killed_backup_has_left_behind_goes_with_a_later_one(flask, tmp_path):
    broken_off, running, other = (tmp_path / f"rollbook-2026-01-0{day}T023000Z.backup.x" for day in (1, 2, 3))
    for folder in (broken_off, running):
        folder.mkdir()
        (folder / "part").touch()
    os.utime(broken_off, (0, 0))
    other.symlink_to(tmp_path)
    assert flask("backup", "--folder", tmp_path).exit_code == 0
    assert (broken_off.exists(), running.exists(), other.is_symlink()) == (False, True, True)
