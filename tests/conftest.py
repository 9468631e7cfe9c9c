"""What the tests share: both databases, the app on each of them, and visitors who are signed in."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy.orm import Session
from sqlalchemy.sql import Executable

import config
from accounts import add_user
from app import create_app
from models import Base, db
from tests import leaks
from tests.cluster import Cluster, running_cluster
from tests.visitor import Visitor

SECRET = "a key that only the tests know"
PASSWORD = "correct horse battery staple"
nothing_personal_is_logged = leaks.nothing_personal_is_logged

KEPT = ("roles", "audit_retention")
# The roles stay: a migration put them in. DELETE takes 4 ms; TRUNCATE makes each table and index a new file, and takes 55.
EMPTYING = "; ".join(
    [
        "UPDATE audit_retention SET until = 'infinity'",
        *(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables) if table.name not in KEPT),  # noqa: S608  names of our own
        "UPDATE audit_retention SET until = NULL",
        "UPDATE roles SET needs_second_factor = false",
        "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relname <> 'roles_id_seq'",
    ]
)


def pytest_configure() -> None:
    """Let neither the settings of this machine nor those of whoever runs the tests reach them."""
    ours = ("PG", "FLASK_", "ROLLBOOK_", "DATABASE_URL", "SECRET_KEY", "HOST", "PORT", "WEB_CONCURRENCY", "PROMETHEUS_")
    for name in [name for name in os.environ if name.startswith(ours)]:
        del os.environ[name]
    leaks.listen()


def settings(folder: Path, database_url: str, **more: str) -> config.Settings:
    """Read settings as the app does, from an environment of our own."""
    environ = {"ROLLBOOK_INSTANCE": str(folder), "DATABASE_URL": database_url, "SECRET_KEY": SECRET, "TZ": "UTC"}
    return config.load(environ | {"ROLLBOOK_WORKER": "none", "ROLLBOOK_MAX_UPLOAD_MB": "1"} | more)


def migrate(folder: Path, database_url: str) -> None:
    """Bring an empty database to what the models say."""
    app = create_app(settings(folder, database_url))
    with app.app_context():
        upgrade()
        db.engine.dispose()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this session's own."""
    with running_cluster() as started:
        yield started


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    migrate(folder, f"sqlite:///{folder / 'rollbook.db'}")
    return folder / "rollbook.db"


@pytest.fixture(scope="session")
def postgresql_template(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    migrate(tmp_path_factory.mktemp("template"), cluster.create("template"))
    return "template"


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each of the two databases in turn."""
    return str(request.param)


@pytest.fixture(scope="session")
def school_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the database and the uploads that the tests have one after the other."""
    return tmp_path_factory.mktemp("school")


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, school_folder: Path) -> str:
    """The address of a database that has all tables and nothing in them."""
    if backend == "postgresql":
        template = request.getfixturevalue("postgresql_template")
        return request.getfixturevalue("cluster").clean_copy(template, EMPTYING)
    for file in school_folder.glob("rollbook.db*"):
        file.unlink()
    return f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), school_folder / 'rollbook.db')}"


@pytest.fixture(scope="session")
def made_apps(school_folder: Path) -> Callable[[str], Flask]:
    """Make the app for a database once: its templates and statements are compiled as they are first met, which takes longest."""

    @cache
    def make(database_url: str) -> Flask:
        made = create_app(settings(school_folder / "instance", database_url))
        # A hash is meant to be slow, and each test that signs in would wait for two; test_accounts looks at the real one.
        made.extensions["security"].pwd_context.update(argon2__time_cost=1, argon2__memory_cost=64, argon2__parallelism=1)
        return made

    return make


@pytest.fixture
def app(database_url: str, made_apps: Callable[[str], Flask]) -> Iterator[Flask]:
    """The app, with no worker running beside it; a test that needs one runs `worker.run_until_idle()`."""
    made = made_apps(database_url)
    settled = dict(made.config)
    yield made
    with made.app_context():
        db.engine.dispose()
    made.config.clear()
    made.config.update(settled)
    for file in (*made.config["UPLOADS"].iterdir(), *(Path(made.instance_path) / "audit").glob("*")):
        file.unlink()


@pytest.fixture
def session(app: Flask) -> Iterator[Session]:
    """The database, as code inside the app has it. Not for tests that also have `client`: on SQLite each waits for the other."""
    with app.app_context():
        yield db.session()
        db.session.rollback()


@pytest.fixture
def stored(app: Flask) -> Callable[[Executable], Sequence[Any]]:
    """Look into the database between two requests: `stored(select(Student.name))`."""

    def run(statement: Executable) -> Sequence[Any]:
        with app.app_context():
            rows = db.session.execute(statement).all()
            db.session.expunge_all()  # they are looked at when the session is over
            return rows

    return run


@pytest.fixture
def client(app: Flask) -> Visitor:
    """Somebody who is not signed in."""
    return Visitor(app)


@pytest.fixture
def sign_in(app: Flask) -> Callable[[str], Visitor]:
    """Make a user with a role, and sign them in through the login page: `sign_in("editor")`."""

    def sign_in(role: str) -> Visitor:
        email = f"{role}@school.example"
        with app.app_context():
            add_user(email, role, PASSWORD)
        visitor = Visitor(app)
        visitor.send("/login", {"email": email, "password": PASSWORD}, status=302)
        return visitor

    return sign_in
