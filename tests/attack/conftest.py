"""One school a database for all attacks: each of them has to leave it standing."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.attacker import Attacker
from tests.attack.school import School, running_school


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def school(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[School]:
    folder: Path = tmp_path_factory.mktemp("school")
    if request.param == "sqlite":
        copy = shutil.copy(request.getfixturevalue("sqlite_template"), folder / "rollbook.db")
        url = f"sqlite:///{copy}"
    else:
        cluster = request.getfixturevalue("cluster")
        url = cluster.create("attacked", request.getfixturevalue("postgresql_template"))
    with running_school(folder, url) as running:
        yield running


@pytest.fixture
def stranger(school: School) -> Attacker:
    return school.stranger()


@pytest.fixture
def viewer(school: School) -> Attacker:
    return school.member("viewer")


@pytest.fixture
def editor(school: School) -> Attacker:
    return school.member("editor")


@pytest.fixture
def admin(school: School) -> Attacker:
    return school.member("admin")
