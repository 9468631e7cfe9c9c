"""What the tests share: both databases, the app on each of them, and visitors who are signed in."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
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
from tests.cluster import Cluster, running_cluster
from tests.visitor import Visitor

SECRET = "a key that only the tests know"
PASSWORD = "correct horse battery staple"
# The roles stay: a migration put them in. DELETE takes 4 ms; TRUNCATE makes each table and index a new file, and takes 55.
EMPTYING = "; ".join(
    [
        *(f"DELETE FROM {table.name}" for table in reversed(Base.metadata.sorted_tables) if table.name != "roles"),  # noqa: S608  names of our own
        "UPDATE roles SET needs_second_factor = false",
        "SELECT setval(oid::regclass, 1, false) FROM pg_class WHERE relkind = 'S' AND relname <> 'roles_id_seq'",
    ]
)


def pytest_configure() -> None:
    """Let neither the settings of this machine nor those of whoever runs the tests reach them."""
    ours = ("PG", "FLASK_", "ROLLBOOK_", "DATABASE_URL", "SECRET_KEY", "HOST", "PORT")
    for name in [name for name in os.environ if name.startswith(ours)]:
        del os.environ[name]


def settings(folder: Path, database_url: str, **more: str) -> config.Settings:
    """Read settings as the app does, from an environment of our own."""
    environ = {"ROLLBOOK_INSTANCE": str(folder), "DATABASE_URL": database_url, "SECRET_KEY": SECRET}
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


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database that has all tables and nothing in them."""
    if backend == "sqlite":
        copy = shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "rollbook.db")
        yield f"sqlite:///{copy}"
    else:
        template = request.getfixturevalue("postgresql_template")
        yield request.getfixturevalue("cluster").clean_copy(template, EMPTYING)


@pytest.fixture
def app(database_url: str, tmp_path: Path) -> Iterator[Flask]:
    """The app, with no worker running beside it; a test that needs one runs `worker.run_until_idle()`."""
    made = create_app(settings(tmp_path / "instance", database_url))
    # A password's hash is meant to be slow, and every test that signs in would wait for two; test_accounts looks at the real one.
    made.extensions["security"].pwd_context.update(argon2__time_cost=1, argon2__memory_cost=64, argon2__parallelism=1)
    yield made
    with made.app_context():
        db.engine.dispose()


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
            return db.session.execute(statement).all()

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
