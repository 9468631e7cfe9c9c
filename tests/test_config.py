"""Settings come from the environment, with defaults that need no setting up."""

import stat

import pytest

from config import DEFAULTS, load
from docs import settings as settings_page


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


def test_each_setting_that_is_read_stands_in_the_table_and_its_page(tmp_path):
    asked = set()

    class Environ(dict):
        def get(self, name, default=None):
            asked.add(name)
            return super().get(name, default)

    for more in ({}, {"SECRET_KEY": "mine"}):
        load(Environ(ROLLBOOK_INSTANCE=str(tmp_path), **more))
    assert asked == set(DEFAULTS)
    assert settings_page.PAGE.read_text() == settings_page.page(), "write it anew: python -m docs.settings"


def test_sheets_may_lie_in_a_folder_that_servers_share(tmp_path):
    shared = tmp_path / "on another machine" / "sheets"
    assert load({"ROLLBOOK_INSTANCE": str(tmp_path), "ROLLBOOK_UPLOADS": str(shared)}).uploads == shared
    assert shared.is_dir()


def test_the_address_is_where_it_listens_unless_a_setting_says_otherwise(tmp_path):
    here = load({"ROLLBOOK_INSTANCE": str(tmp_path)})
    assert (here.address, here.https, here.proxies) == ("http://127.0.0.1:8000", False, 0)
    there = load({"ROLLBOOK_INSTANCE": str(tmp_path), "ROLLBOOK_URL": "https://Rollbook.school.example/", "HOST": "192.0.2.1"})
    assert (there.address, there.https) == ("https://Rollbook.school.example", True)
    assert set(there.hosts) == {"rollbook.school.example", "192.0.2.1", "localhost", "127.0.0.1", "::1"}
    assert load({"ROLLBOOK_INSTANCE": str(tmp_path), "HOST": "::1"}).address == "http://[::1]:8000"


def test_older_keys_stand_beside_the_one_in_force(tmp_path):
    given = {"ROLLBOOK_INSTANCE": str(tmp_path), "SECRET_KEY": "a new one", "SECRET_KEY_FALLBACKS": "an old one, an older one,"}
    assert load(given).secret_key == "a new one"
    assert load(given).old_secret_keys == ("an old one", "an older one")
    (tmp_path / "secret_key").write_text("new\nold\n")
    kept = load({"ROLLBOOK_INSTANCE": str(tmp_path)})
    assert (kept.secret_key, kept.old_secret_keys) == ("new", ("old",))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROLLBOOK_URL", "rollbook.school.example"),
        ("ROLLBOOK_URL", "ftp://rollbook.school.example"),
        ("ROLLBOOK_SMTP", "mail.school.example"),
        ("ROLLBOOK_SESSION_IDLE_MINUTES", "0"),
        ("ROLLBOOK_SESSION_HOURS", "a day"),
        ("ROLLBOOK_PROXIES", "-1"),
    ],
)
def test_a_setting_about_access_that_can_not_be_used_is_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=name):
        load({"ROLLBOOK_INSTANCE": str(tmp_path), name: value})


def test_how_long_things_are_kept_are_settings_and_the_deleted_are_kept_for_ever_unless_told(tmp_path):
    usual = load({"ROLLBOOK_INSTANCE": str(tmp_path)})
    assert (usual.keep_sheets.days, usual.keep_audit.days, usual.keep_deleted) == (14, 730, None)
    days = {"ROLLBOOK_KEEP_SHEETS_DAYS": "3", "ROLLBOOK_KEEP_AUDIT_DAYS": "90", "ROLLBOOK_KEEP_DELETED_DAYS": "365"}
    told = load({"ROLLBOOK_INSTANCE": str(tmp_path), **days})
    assert (told.keep_sheets.days, told.keep_audit.days, told.keep_deleted.days) == (3, 90, 365)
