"""What the tests of crashes share: a server and a worker in processes of their own, on a database of their own."""

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


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database that has all tables and nothing in them."""
    if backend == "sqlite":
        url = f"sqlite:///{tmp_path}/rollbook.db"
        migrate(tmp_path / "instance", url)
        yield url
    else:
        cluster = request.getfixturevalue("durable")
        url = cluster.create("school")
        migrate(tmp_path / "instance", url)
        yield url
        cluster.drop("school")


def colleague(app: Flask, server: Server) -> Colleague:
    """Sign somebody in who may do what an editor may."""
    with app.app_context():
        add_user(EMAIL, "editor", PASSWORD)
    made = Colleague(server.url)
    made.sign_in(EMAIL, PASSWORD)
    return made
