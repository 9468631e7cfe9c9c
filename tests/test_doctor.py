"""What would put the records at risk keeps Rollbook from starting, and `flask doctor` names each of it."""

import os
import secrets
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from flask_migrate import downgrade
from sqlalchemy import text

import doctor
from app import create_app
from models import db
from tests.cluster import free_port, wait_until
from tests.conftest import SECRET, settings
from tests.server import ROOT

STRONG = secrets.token_urlsafe(48)


@pytest.fixture
def environ(tmp_path, database_url):
    """The environment of somebody who starts Rollbook, with this database."""
    given = {"ROLLBOOK_INSTANCE": str(tmp_path / "instance"), "DATABASE_URL": database_url, "SECRET_KEY": STRONG}
    return {"PATH": os.environ["PATH"], "PORT": str(free_port()), **given}


@pytest.fixture
def found(tmp_path, database_url):
    """Examine the database with more settings: found(FLASK_DEBUG="1") gives the sentences, by verdict."""

    def found(**more):
        findings = list(doctor.examine(settings(tmp_path / "instance", database_url, **{"SECRET_KEY": STRONG, **more})))
        return {verdict: [f.sentence for f in findings if f.verdict == verdict] for verdict in {f.verdict for f in findings}}

    return found


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("changeme", "has 8 characters, and needs at least 32"),
        ("changeme" * 8, "is easy to guess"),
        ("password123" * 4, "is easy to guess"),
        (SECRET, "printed in a manual"),
        ("192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf", "printed in a manual"),
    ],
)
def test_a_key_that_is_weak_or_known_is_unsafe(found, key, problem):
    (sentence,) = found(SECRET_KEY=key)["unsafe"]
    assert problem in sentence
    assert key not in sentence


def test_keys_as_people_make_them_are_fine(found):
    for key in (STRONG, secrets.token_hex(16), secrets.token_hex(32)):
        assert found(SECRET_KEY=key).keys() == {"fine"}


def test_debugging_is_for_this_machine_alone(found):
    assert found(FLASK_DEBUG="1").keys() == {"fine"}
    for more in ({"HOST": "0.0.0.0"}, {"ROLLBOOK_URL": "https://rollbook.school.example"}):  # noqa: S104  what is to be refused
        assert ["FLASK_DEBUG is on" in sentence for sentence in found(FLASK_DEBUG="true", **more)["unsafe"]] == [True]
        assert found(FLASK_DEBUG="0", **more).keys() == {"fine"}


@pytest.mark.parametrize("name", doctor.NEEDED_ON_POSTGRESQL)
def test_a_postgresql_that_does_not_write_safely_is_unsafe(found, backend, request, name):
    if backend == "sqlite":
        assert any(sentence.startswith("SQLite 3.") for sentence in found()["fine"])
        return
    cluster = request.getfixturevalue("cluster")
    with_setting(cluster, name, "off")
    try:
        (sentence,) = found()["unsafe"]
        assert f"PostgreSQL's {name} is off" in sentence
        assert f"ALTER SYSTEM SET {name} = on" in sentence
    finally:
        with_setting(cluster, name, "on")
    assert found().keys() == {"fine"}


def test_a_database_that_is_away_is_named_and_keeps_nobody_from_starting(tmp_path, caplog):
    away = settings(tmp_path, f"postgresql://me:secret-word@127.0.0.1:{free_port()}/school", SECRET_KEY=STRONG)
    doctor.refuse_unsafe(away)
    assert "The database can't be reached" in caplog.text
    assert "secret-word" not in caplog.text


def test_the_command_names_each_danger_and_what_is_fine(app, tmp_path, database_url):
    result = app.test_cli_runner().invoke(args=["doctor"])
    assert result.exit_code == 1
    assert "UNSAFE  SECRET_KEY is one that is printed in a manual" in result.output
    assert "fine    The tables are up to date" in result.output
    fine = create_app(settings(tmp_path, database_url, SECRET_KEY=STRONG)).test_cli_runner().invoke(args=["doctor"])
    assert (fine.exit_code, fine.output.count("\n"), fine.output.count("fine ")) == (0, *[len(fine.output.splitlines())] * 2)


def test_an_old_schema_does_not_start_and_the_command_it_names_mends_it(app, environ, found):
    with app.app_context():
        db.engine.dispose()
        downgrade(revision="0006")
        db.engine.dispose()
    for command in (["gunicorn"], ["flask", "worker"], ["flask", "watch", "."], ["flask", "run"]):
        refused = start(environ, *command)
        assert refused.returncode == 1
        assert "Rollbook does not start:\nThe database's tables are at migration 0006" in refused.stderr
        assert "run: .venv/bin/flask db upgrade" in refused.stderr
    assert start(environ, "flask", "db", "upgrade").returncode == 0
    assert found().keys() == {"fine"}


def test_tables_of_a_newer_rollbook_are_left_alone(app, found):
    with app.app_context():
        newest = db.session.scalar(text("SELECT version_num FROM alembic_version"))
    stamp(app, "9999")
    (sentence,) = found()["unsafe"]
    stamp(app, newest)  # the next test has this database again
    assert "A newer Rollbook has changed the tables (migration 9999" in sentence


@pytest.mark.parametrize("backend", ["sqlite"])
def test_each_danger_is_named_before_anything_is_served(environ):
    refused = start(environ | {"SECRET_KEY": "secret", "FLASK_DEBUG": "1", "HOST": "0.0.0.0"}, "gunicorn")  # noqa: S104  what is to be refused
    assert refused.returncode == 1
    named = refused.stderr.partition("Rollbook does not start:\n")[2]
    assert [line.split()[0] for line in named.splitlines()] == ["SECRET_KEY", "FLASK_DEBUG"]
    open_to_all = start(environ, "flask", "--debug", "run", "--host", "0.0.0.0")  # noqa: S104  what is to be refused
    assert (open_to_all.returncode, "FLASK_DEBUG is on" in open_to_all.stderr) == (1, True)
    unusable = start(environ | {"PORT": "http"}, "gunicorn")
    assert (unusable.returncode, unusable.stderr.splitlines()[-1]) == (
        1,
        "PORT is “http”, but must be a whole number from 1 to 65535.",
    )


def stamp(app, migration):
    with app.app_context():
        db.session.execute(text("UPDATE alembic_version SET version_num = :migration"), {"migration": migration})
        db.session.commit()
        db.engine.dispose()


def start(environ, *command):
    """Run one of the programs to its end: it has to refuse."""
    return subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def with_setting(cluster, name, value):
    cluster.execute(f"ALTER SYSTEM SET {name} = {value}")
    cluster.execute("SELECT pg_reload_conf()")
    assert wait_until(lambda: cluster.value(f"SHOW {name}") == value)


WEAK_KEYS = ["dev", "changeme" * 8, SECRET]


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("weak", WEAK_KEYS)
def test_each_earlier_key_is_examined(found, weak, place):
    keys = [secrets.token_urlsafe(48) for _ in range(2)]
    keys.insert(place, weak)
    (sentence,) = found(SECRET_KEY_FALLBACKS=",".join(keys))["unsafe"]
    assert sentence.startswith(f"Earlier key {place + 1} ")


def test_each_key_in_the_file_is_examined_and_nobody_else_may_read_it(found, tmp_path):
    kept = tmp_path / "instance" / "secret_key"
    kept.parent.mkdir()
    kept.write_text(f"{STRONG}\nchangeme\n")
    kept.chmod(0o600)
    (sentence,) = found(SECRET_KEY="")["unsafe"]
    assert sentence.startswith("Earlier key 1 ")
    kept.write_text(STRONG)
    assert found(SECRET_KEY="").keys() == {"fine"}
    for mode in (0o640, 0o604, 0o644):
        kept.chmod(mode)
        (sentence,) = found(SECRET_KEY="")["unsafe"]
        assert sentence.endswith(f"chmod 600 {kept}")


def test_a_metrics_token_that_is_easy_to_guess_is_named_and_does_not_stop_the_start(found, tmp_path, database_url, caplog):
    (sentence,) = found(ROLLBOOK_METRICS_TOKEN="secret")["weak"]
    assert "ROLLBOOK_METRICS_TOKEN" in sentence
    doctor.refuse_unsafe(settings(tmp_path / "instance", database_url, SECRET_KEY=STRONG, ROLLBOOK_METRICS_TOKEN="secret"))
    assert sentence in caplog.text
    assert "weak" not in found(ROLLBOOK_METRICS_TOKEN=secrets.token_urlsafe(48))


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644])
def test_a_database_that_others_may_read_is_named(found, database_url, mode):
    file = Path(database_url.removeprefix("sqlite:///"))
    file.chmod(mode)
    (sentence,) = found()["weak"]
    assert sentence.endswith(f"chmod 600 {file}")


def test_a_new_database_and_its_log_are_for_rollbook_alone(tmp_path):
    file = tmp_path / "new.db"
    app = create_app(settings(tmp_path / "instance", f"sqlite:///{file}"))
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(text("CREATE TABLE one (id INTEGER)"))
        assert {stat.S_IMODE(made.stat().st_mode) for made in tmp_path.glob("new.db*")} == {0o600}
    with app.app_context():
        db.engine.dispose()


def test_the_instance_folder_is_closed_to_others_at_start(tmp_path):
    folder = tmp_path / "instance"
    folder.mkdir(mode=0o755)
    settings(folder, f"sqlite:///{tmp_path / 'rollbook.db'}")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_folder_that_everybody_writes_to_stays_open(tmp_path):
    folder = tmp_path / "like-tmp"
    folder.mkdir()
    folder.chmod(0o1777)
    settings(folder, f"sqlite:///{tmp_path / 'rollbook.db'}")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o1777
