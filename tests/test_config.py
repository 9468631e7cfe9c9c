"""Settings come from the environment, with defaults that need no setting up."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from flask_migrate import upgrade

from app import create_app
from backup import back_up
from config import DEFAULTS, load
from docs import settings as settings_page
from models import db
from tests.server import ROOT


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


@pytest.mark.parametrize(
    ("name", "value"),
    [("PORT", "http"), ("ROLLBOOK_WORKER", "maybe"), ("ROLLBOOK_MAX_UPLOAD_MB", "-1"), ("WEB_CONCURRENCY", "0")],
)
def test_a_setting_that_can_not_be_used_is_named(tmp_path, name, value):
    with pytest.raises(ValueError, match=f"{name} is “{value}”"):
        load({"ROLLBOOK_INSTANCE": str(tmp_path), name: value})


@pytest.mark.parametrize(
    ("environ", "cores", "processes"),
    [
        ({}, 1, 1),
        ({}, 64, 2),
        ({"DATABASE_URL": "postgres://db/school"}, 1, 1),
        ({"DATABASE_URL": "postgres://db/school"}, 2, 2),
        ({"DATABASE_URL": "postgresql://db/school"}, 64, 4),
        ({"DATABASE_URL": "postgresql://db/school", "WEB_CONCURRENCY": "6"}, 2, 6),
        ({"WEB_CONCURRENCY": "2"}, 1, 2),
    ],
)
def test_web_processes_follow_the_cores_unless_they_are_set(tmp_path, monkeypatch, environ, cores, processes):
    monkeypatch.setattr("os.sched_getaffinity", lambda _process: set(range(cores)))
    assert load({"ROLLBOOK_INSTANCE": str(tmp_path), **environ}).web_processes == processes


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


WHOLE = ("", "http", "-1", "1.5", "1e3", "9" * 40, "٣", "1 000", "0x10")
FOLDERS = ("/dev/null/below", "/proc/1/nowhere", "/dev/null")
DATABASES = (
    "rollbook",
    "mysql://me:pw@db/school",
    "oracle://me:pw@db/school",
    "postgresql+psycopg://me:pw@db/school",
    "postgresql+asyncpg://me:pw@db/school",
    "postgresql://me:p/w@db/school",
    "postgresql://me:p@w@db/school",
    "postgresql://me:p?w@db/school",
    "postgresql://me:pw@db:port/school",
    "postgresql://me:pw@db:99999/school",
    "postgresql://me:pw@db:0/school",
    "postgresql://me:pw@a:1,b:x/school",
    "postgresql://me:pw@db/school?speed=high",
    "postgresql://me:pw@db/school?=",
    "postgresql://me:pw@db/school#part",
    "sqlite://",
    "sqlite:///",
    "sqlite:///:memory:",
    "sqlite:////nowhere/at/all/rollbook.db",
    "sqlite:////tmp",
    "sqlite:////tmp/rollbook.db?mode=ro",
    "sqlite:///file:rollbook.db?uri=true",
)
URLS = (
    "rollbook.example",
    "ftp://host",
    "http://",
    "https://:443",
    "http://host:port",
    "http://[::1",
    "http://a b",
    "http://host:99999",
)
BAD: dict[str, tuple[str, ...]] = {
    "DATABASE_URL": DATABASES,
    "DATABASE_REPLICA_URL": (*DATABASES, "postgresql://me:pw@db/school"),
    "PORT": (*WHOLE[1:], "0", "65536"),
    "HOST": ("not a host", "256.1.1.1", "http://127.0.0.1", "a" * 300, "..."),
    "ROLLBOOK_INSTANCE": FOLDERS,
    "ROLLBOOK_UPLOADS": FOLDERS,
    "ROLLBOOK_ACCESS_LOG": ("/nowhere/at/all.log", "/"),
    "ROLLBOOK_KEEP_AUDIT_DAYS": (*WHOLE[1:], "0"),
    "ROLLBOOK_KEEP_DELETED_DAYS": WHOLE[1:],
    "ROLLBOOK_KEEP_SHEETS_DAYS": WHOLE[1:],
    "ROLLBOOK_KEEP_WAITING_DAYS": WHOLE[1:],
    "ROLLBOOK_MAIL_FROM": ("rollbook", "a@", "@b", "a b@c", "a@b\nBcc: c@d"),
    "ROLLBOOK_MAX_FORM_MB": (*WHOLE[1:], "0"),
    "ROLLBOOK_MAX_UPLOAD_MB": WHOLE[1:],
    "ROLLBOOK_METRICS_TOKEN": (" at its end ", "schlüssel", "a\nb"),
    "ROLLBOOK_PROXIES": (*WHOLE[1:], "17"),
    "ROLLBOOK_SESSION_HOURS": (*WHOLE[1:], "0"),
    "ROLLBOOK_SESSION_IDLE_MINUTES": (*WHOLE[1:], "0"),
    "ROLLBOOK_SMTP": (*URLS, "smtp://", "smtp://host:port", "https://host"),
    "ROLLBOOK_TIME_ZONE": ("Berlin", "UTC+1", "../UTC", "/etc/localtime", "Europe", "Europe/Berlín", "UTC\n", "a" * 300),
    "ROLLBOOK_TRACES": URLS,
    "ROLLBOOK_URL": (
        *URLS,
        "https://me@host",
        "https://host?x=1",
        "https://host#x",
        "https://xn--\u0301.example",
        "https://a..é",
        *(f"https://host/{path}" for path in ("a//b", "..", "a/../b", "a%2fb", "a;b", "ä", "a\\b", "{x}")),
    ),
    "ROLLBOOK_WORKER": ("maybe", "Inline", "none "),
    "WEB_CONCURRENCY": (*WHOLE[1:], "0", "65"),
}
# Any text is a secret; how good a one, flask doctor says. Of FLASK_DEBUG, whether it is on is all that is asked. TZ is the
# machine's, and may name a zone in ways that only its C library knows.
ANY_TEXT = {"SECRET_KEY", "SECRET_KEY_FALLBACKS", "FLASK_DEBUG", "TZ"}


def test_bad_values_are_tried_of_each_setting():
    assert set(BAD) | ANY_TEXT == set(DEFAULTS)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_in_a_sentence_that_names_its_setting(tmp_path, name, value):
    primary = {"DATABASE_URL": "postgresql://me@db/school"} if name == "DATABASE_REPLICA_URL" and value in DATABASES else {}
    with pytest.raises(ValueError, match=rf"^{name} [^\n]*\.?$") as refused:
        load({"ROLLBOOK_INSTANCE": str(tmp_path), **primary, name: value})
    assert "p/w" not in str(refused.value)
    assert "p@w" not in str(refused.value)


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_setting_that_is_not_utf8_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=f"^{name} has bytes that are not UTF-8"):
        load({"ROLLBOOK_INSTANCE": str(tmp_path), name: os.fsdecode(b"\xff/x")})


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("postgres://me@db", "postgresql+psycopg2://me@db/"),
        ("postgresql:///school", "postgresql+psycopg2:///school"),
        ("postgresql+psycopg2://me:p%40w@[::1]:6432/school", "postgresql+psycopg2://me:p%40w@[::1]:6432/school"),
        ("postgresql://me:p#w@db/school?sslmode=require", "postgresql+psycopg2://me:p#w@db/school?sslmode=require"),
        (
            "postgresql://me@a:1,b:2/school?target_session_attrs=read-write",
            "postgresql+psycopg2://me@/school?host=a%2Cb&port=1%2C2&target_session_attrs=read-write",
        ),
        ("postgresql://a,b/school", "postgresql+psycopg2:///school?host=a%2Cb&port=5432%2C5432"),
    ],
)
def test_an_address_of_postgresql_is_read_in_each_form_that_libpq_has(tmp_path, given, understood):
    assert load({"ROLLBOOK_INSTANCE": str(tmp_path), "DATABASE_URL": given}).database_url == understood


def test_a_sqlite_file_without_a_whole_path_is_in_the_instance_folder(tmp_path):
    found = load({"ROLLBOOK_INSTANCE": str(tmp_path), "DATABASE_URL": "sqlite:///school.db"}).database_url
    assert found == f"sqlite:///{tmp_path / 'school.db'}"


@pytest.mark.parametrize("sign", ["?", "#", "%", "%20", " ", "ü", "&", "'"])
def test_an_instance_folder_of_any_name_works(tmp_path, sign):
    folder = tmp_path / f"a{sign}b"
    loaded = load({"ROLLBOOK_INSTANCE": str(folder), "SECRET_KEY": "x" * 40})
    with create_app(loaded).app_context():
        upgrade()
        back_up(db.engine.url, folder / "backup")
    assert (folder / "rollbook.db").exists()


@pytest.mark.parametrize(
    ("given", "understood"),
    [
        ("https://schüler.example", "https://xn--schler-5ya.example"),
        ("https://straße.example:8443/rollbook/", "https://xn--strae-oqa.example:8443/rollbook"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://Rollbook.example/", "https://Rollbook.example"),
    ],
)
def test_the_address_is_written_as_browsers_send_it(tmp_path, given, understood):
    assert load({"ROLLBOOK_INSTANCE": str(tmp_path), "ROLLBOOK_URL": given}).address == understood


def test_an_empty_secret_key_is_named_with_the_way_out(tmp_path):
    (tmp_path / "secret_key").touch()
    with pytest.raises(ValueError, match=r"secret_key is empty\. Restore it from a backup, or delete it"):
        load({"ROLLBOOK_INSTANCE": str(tmp_path)})


def test_a_start_that_breaks_off_leaves_no_empty_secret_key(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda _: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        load({"ROLLBOOK_INSTANCE": str(tmp_path)})
    assert [file.name for file in tmp_path.iterdir()] == []


@pytest.mark.parametrize("program", ["flask", "gunicorn"])
def test_a_bad_setting_ends_each_program_with_its_sentence(tmp_path, program):
    command = [sys.executable, "-m", program, *(["verify"] if program == "flask" else [])]
    environ = {"PATH": os.environ["PATH"], "ROLLBOOK_INSTANCE": str(tmp_path), "DATABASE_URL": "mysql://db"}
    done = subprocess.run(command, env=environ, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("DATABASE_URL must begin with postgresql:// or sqlite:///.")
    assert "Traceback" not in done.stderr


def as_pipe(path):
    os.mkfifo(path)


def as_loop(path):
    path.symlink_to(path)


def as_dangling_link(path):
    path.symlink_to(path.with_name("nowhere"))


def as_bytes(path):
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("what", [as_pipe, as_loop, as_dangling_link, as_bytes, Path.mkdir])
def test_a_secret_key_that_is_no_file_of_text_is_said_and_not_waited_for(tmp_path, what):
    what(tmp_path / "secret_key")
    with pytest.raises(ValueError, match=r"^The secret key in \S+/secret_key can't be read: .*\. Restore it from a backup\.$"):
        load({"ROLLBOOK_INSTANCE": str(tmp_path)})


@pytest.mark.parametrize("what", [as_pipe, as_loop, Path.mkdir])
@pytest.mark.parametrize("name", ["ROLLBOOK_INSTANCE", "ROLLBOOK_UPLOADS", "ROLLBOOK_ACCESS_LOG"])
def test_a_path_that_is_something_else_is_refused_and_not_waited_for(tmp_path, name, what):
    path = tmp_path / "it"
    what(path)
    given = {"ROLLBOOK_INSTANCE": str(tmp_path), name: str(path)}
    if what is Path.mkdir and name != "ROLLBOOK_ACCESS_LOG":
        assert load(given)
        return
    with pytest.raises(ValueError, match=f"^{name} "):
        load(given)


@pytest.mark.parametrize("what", [as_pipe, as_loop, as_bytes, Path.mkdir])
def test_a_sqlite_database_that_is_none_is_said_without_a_traceback(tmp_path, what):
    what(tmp_path / "rollbook.db")
    for command in (["db", "upgrade"], ["doctor"], ["verify"]):
        environ = {"PATH": os.environ["PATH"], "ROLLBOOK_INSTANCE": str(tmp_path), "SECRET_KEY": "x" * 40}
        arguments = [sys.executable, "-m", "flask", *command]
        done = subprocess.run(arguments, env=environ, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1, done
        assert "Traceback" not in done.stderr, done.stderr
