"""Everything moves from one database to one of the other kind, and back; or nothing does."""

import json

import pytest
from sqlalchemy import create_engine, select, text

import database
import database_move
from app import create_app
from database_url import read_database_url
from merge import file_rewrite, record, search
from merge.ids import last_assigned, next_id
from merge.verify import verify
from models import Base, Import, Student, View, db
from tests.conftest import migrate, settings

NAMES = ("Ada", "Nguyễn Thị Ánh", "tab\there", "back\\slash", "\\N", "line\nbreak", "'quoted\"", "👩‍🎓")


@pytest.fixture
def target_url(backend, cluster, tmp_path):
    """The address of an empty database of the other kind."""
    if backend == "sqlite":
        yield cluster.create("moved")
        cluster.drop("moved")
    else:
        yield f"sqlite:///{tmp_path / 'moved.db'}"


@pytest.fixture
def school(app, sign_in, editor, upload, work):
    """A school that has used everything: students with versions, imports with rows, views, tokens, the audit log."""
    for number, name in enumerate(NAMES, 1):
        editor.send("/students/new", {"id": number, "name": name.replace("\n", " "), "score": "33.3"})
    page = upload("id,name,age\n1,Ada,12\n9,Bo,\nx,Wrong,1\n")
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    upload("id,name,age\n1,Ada,13\n")
    with app.app_context():
        session = db.session()
        deleted = record.save(
            session, {"id": None, "name": "Gone", "age": 1, "score": None}, version=None, actor="t", reason="form"
        )
        record.remove(session, deleted.id, version=1, actor="t", reason="form")
        session.add(View(user_id=1, name="Mine", address="q=a", shared=True))
        file_rewrite.request_rewrite(session)
        session.commit()


@pytest.fixture
def target(target_url, tmp_path):
    migrate(tmp_path / "target", target_url)
    url = read_database_url("--to", target_url, tmp_path)
    engine = create_engine(url, **database.engine_options(url))
    database.prepare(engine)
    search.prepare(engine)
    yield engine
    engine.dispose()


def test_everything_moves_and_both_are_the_same(app, school, target, target_url, tmp_path):
    advanced = []
    with app.app_context():
        source = db.engine
        moved = database_move.move(source, target, advanced.append)
        assert {done.table for done in moved} == set(Base.metadata.tables)
        assert sum(advanced) == 2 * database_move.count_rows(source) == 2 * sum(done.rows for done in moved)
        here = {table.name: rows(source, table) for table in Base.metadata.sorted_tables}
        last = last_assigned(db.session())
    assert here == {table.name: rows(target, table) for table in Base.metadata.sorted_tables}
    assert all(here[name] for name in ("audit", "staged_rows", "planned_rows", "sessions", "views"))
    there = create_app(settings(tmp_path / "there", target_url))
    with there.app_context():
        session = db.session()
        assert [finding for finding in verify(session) if finding.broken] == []
        assert next_id(session) > last
        session.rollback()
        session.add(Import(actor="t", filename="a", path="", size=0, sha256="", state="failed"))
        session.flush()
        session.rollback()
        found = search.find_ids(session, search.read_words("nguyen"))
        assert session.scalars(select(Student.name).where(Student.id.in_(found))).all() == ["Nguyễn Thị Ánh"]
        db.engine.dispose()


def rows(engine, table):
    with database.only_reading(), engine.connect() as connection:
        found = connection.execute(select(*table.columns)).all()
    return sorted(json.dumps(tuple(row), default=str, sort_keys=True) for row in found)


def test_a_target_with_records_is_left_alone(app, school, target):
    with target.begin() as connection:
        connection.execute(Student.__table__.insert().values(id=5, name="There", version=1))
    with app.app_context(), pytest.raises(database_move.NotMoved, match="holds records already, in the table students"):
        database_move.move(db.engine, target, lambda _rows: None)
    assert len(rows(target, Student.__table__)) == 1
    assert rows(target, Base.metadata.tables["users"]) == []


def test_a_difference_leaves_nothing_in_the_target(app, school, target, monkeypatch):
    summed = database_move._summed

    def summed_wrong(table, connection, keep):
        found = summed(table, connection, keep)
        wrong = table.name == "revisions" and connection.engine is target
        return database_move.Moved(found.table, found.rows, "0") if wrong else found

    monkeypatch.setattr(database_move, "_summed", summed_wrong)
    with app.app_context(), pytest.raises(database_move.NotMoved, match="The table revisions is not the same"):
        database_move.move(db.engine, target, lambda _rows: None)
    assert rows(target, Student.__table__) == []


def test_a_checksum_tells_each_kind_of_change(app, school):
    with app.app_context(), database.only_reading():
        first = _sum_of_students()
        db.session.rollback()
    for change in ("name = name || ' '", "score = score + 1e-12", "age = coalesce(age, 0) + 1"):
        with app.app_context():
            db.session.execute(text(f"UPDATE students SET {change} WHERE id = 1"))  # noqa: S608  of our own
            assert _sum_of_students() != first, change
            db.session.rollback()


def _sum_of_students():
    return database_move._summed(Student.__table__, db.session.connection(), lambda _batch: None)


def test_the_command_moves_prints_a_checksum_a_table_and_refuses_a_second_time(app, school, target_url):
    runner = app.test_cli_runner()
    done = runner.invoke(args=["move", "--to", target_url])
    assert done.exit_code == 0, done.output
    assert "Everything is moved and checked." in done.output
    again = runner.invoke(args=["move", "--to", target_url])
    assert again.exit_code == 1
    assert "holds records already" in again.output


@pytest.mark.parametrize("backend", ["sqlite"])
def test_an_address_that_can_not_be_used_is_named(app):
    done = app.test_cli_runner().invoke(args=["move", "--to", "mysql://db"])
    assert (done.exit_code, "--to must begin with postgresql:// or sqlite:///" in done.output) == (1, True)


def test_a_backup_of_the_other_kind_is_not_restored_but_told_how_to_move(app, backend, tmp_path):
    other = tmp_path / "other.backup"
    other.write_bytes(b"PGDMP\x01" if backend == "sqlite" else b"SQLite format 3\x00")
    done = app.test_cli_runner().invoke(args=["restore", str(other), "--overwrite"])
    assert done.exit_code == 1
    assert "Restore it into a database of its own kind, then run: flask move --to" in done.output
