"""What the tests of crashes share: a server and a worker in processes of their own, on a database of their own."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from accounts import add_user
from tests.cluster import Cluster, running_cluster
from tests.colleague import Colleague
from tests.conftest import PASSWORD, migrate
from tests.server import Server
from tests.web.conftest import add, editor, upload, work  # noqa: F401  people do here what they do there

EMAIL = "office@school.example"


@pytest.fixture(scope="module")
def durable() -> Iterator[Cluster]:
    """A PostgreSQL with the settings that it comes with: the tests' own would lose what it had acknowledged."""
    with running_cluster(durable=True) as started:
        yield started


@pytest.fixture(scope="module")
def durable_template(durable: Cluster, tmp_path_factory: pytest.TempPathFactory) -> str:
    migrate(tmp_path_factory.mktemp("template"), durable.create("template"))
    return "template"


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database that has all tables and nothing in them."""
    if backend == "sqlite":
        yield f"sqlite:///{shutil.copy(request.getfixturevalue('sqlite_template'), tmp_path / 'rollbook.db')}"
    else:
        cluster = request.getfixturevalue("durable")
        yield cluster.create("school", request.getfixturevalue("durable_template"))
        cluster.drop("school")


def colleague(app: Flask, server: Server) -> Colleague:
    """Sign somebody in who may do what an editor may."""
    with app.app_context():
        add_user(EMAIL, "editor", PASSWORD)
    made = Colleague(server.url)
    made.sign_in(EMAIL, PASSWORD)
    return made
