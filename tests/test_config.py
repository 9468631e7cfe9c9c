"""Settings come from the environment, with defaults that need no setting up."""

import stat

import pytest

from config import load


def test_the_defaults_keep_everything_in_the_instance_folder(tmp_path):
    settings = load({"ROLLBOOK_INSTANCE": str(tmp_path / "here")})
    assert settings.database_url == f"sqlite:///{tmp_path / 'here' / 'rollbook.db'}"
    assert (settings.host, settings.port, settings.worker) == ("127.0.0.1", 8000, "inline")
    assert settings.max_upload == 512 * 1024 * 1024
    assert settings.uploads.is_dir()


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_postgresql_goes_by_both_its_names(tmp_path, scheme):
    settings = load({"ROLLBOOK_INSTANCE": str(tmp_path), "DATABASE_URL": f"{scheme}://me:pw@db/school"})
    assert settings.database_url == "postgresql+psycopg2://me:pw@db/school"


def test_the_secret_is_made_once_and_kept_for_the_owner_alone(tmp_path):
    first, second = (load({"ROLLBOOK_INSTANCE": str(tmp_path)}).secret_key for _ in range(2))
    assert first == second
    assert len(first) >= 48
    assert stat.S_IMODE((tmp_path / "secret_key").stat().st_mode) == 0o600


def test_a_secret_from_the_environment_is_not_written_down(tmp_path):
    assert load({"ROLLBOOK_INSTANCE": str(tmp_path), "SECRET_KEY": "mine"}).secret_key == "mine"
    assert not (tmp_path / "secret_key").exists()


@pytest.mark.parametrize(("name", "value"), [("PORT", "http"), ("ROLLBOOK_WORKER", "maybe"), ("ROLLBOOK_MAX_UPLOAD_MB", "-1")])
def test_a_setting_that_can_not_be_used_is_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name} is “{value}”"):
        load({"ROLLBOOK_INSTANCE": str(tmp_path), name: value})
