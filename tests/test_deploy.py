"""What deploy/ brings is in order: the units, nginx's site, the image, the compose file."""

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import yaml

from cli.services import watch
from config import MEGABYTE, SETTINGS, load
from merge.unattended import Limits
from server import TOKEN_IN_PATH
from tests.cluster import free_port
from tests.nginx import find_nginx, make_certificate, running_nginx, temporary_folders
from tests.server import ROOT

DEPLOY = ROOT / "deploy"
UNITS = ("rollbook-web.service", "rollbook-worker.service", "rollbook-watch.service")
BACKUP = "rollbook-backup.service"
PROGRAMS = (["serve"], ["worker"], ["watch", "$LIMITS", "${FOLDER}"])
NAMES = {setting.name for setting in SETTINGS}
# The exposure that systemd-analyze reckons from 0 to 10; it calls 2 and less "OK".
MOST_EXPOSED = 20


class Unit(configparser.RawConfigParser):
    """A systemd unit: names in upper and lower case, some more than once."""

    def __init__(self, name):
        super().__init__(strict=False, delimiters=("=",), comment_prefixes=("#",))
        self.read_string((DEPLOY / name).read_text())

    def optionxform(self, optionstr):
        return optionstr


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_is_whole_hardened_and_runs_what_there_is(name):
    service = Unit(name)["Service"]
    assert service["User"] == "rollbook"
    assert service["Restart"] == "always"
    for wall in ("NoNewPrivileges", "PrivateTmp", "PrivateDevices", "ProtectHome", "RestrictNamespaces", "LockPersonality"):
        assert service[wall] == "yes", wall
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    program, *arguments = service["ExecStart"].split()
    assert program == "/opt/rollbook/deploy/rollbook"
    assert arguments in PROGRAMS


def test_the_watched_folder_may_be_written_to_and_its_limits_are_what_the_command_knows():
    settings = dict(re.findall(r'^Environment="?([A-Z]+)=(.*?)"?$', (DEPLOY / "rollbook-watch.service").read_text(), re.M))
    assert Unit("rollbook-watch.service")["Service"]["ReadWritePaths"] == settings["FOLDER"]
    with watch.make_context("watch", [*settings["LIMITS"].split(), str(DEPLOY)]) as given:
        assert Limits(*(given.params[f"most_{name}"] for name in ("inserts", "updates", "rejected"))) == Limits()


@pytest.mark.parametrize("name", [*UNITS, BACKUP])
def test_every_unit_has_the_same_walls(name):
    """Only what it runs, and what it waits for, tells one from another."""
    assert _walls(name) == _walls(UNITS[0])


def test_the_server_has_time_to_finish_before_it_is_killed():
    graceful = int(re.findall(r"^graceful_timeout = (\d+)", (ROOT / "gunicorn.conf.py").read_text(), re.M)[0])
    assert int(Unit("rollbook-web.service")["Service"]["TimeoutStopSec"]) > graceful
    web = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["web"]
    assert int(web["stop_grace_period"].removesuffix("s")) > graceful


@pytest.mark.parametrize("name", [*UNITS, BACKUP])
def test_systemd_itself_finds_no_fault(name, tmp_path):
    """Where there is no systemd, the tests above have to do."""
    program = shutil.which("systemd-analyze")
    unit = tmp_path / name
    unit.write_text((DEPLOY / name).read_text().replace("/opt/rollbook", str(ROOT)))
    checks = (["verify", "--man=no"], ["security", "--offline=yes", f"--threshold={MOST_EXPOSED}"]) if program else ()
    for check in checks:
        done = subprocess.run([program, *check, unit], capture_output=True, text=True, check=False)
        ours = [line for line in done.stderr.splitlines() if "rollbook" in line]
        assert (done.returncode, ours) == (0, []), done.stdout + done.stderr


def test_nginx_passes_on_what_rollbook_asks_for():
    directives = _directives((DEPLOY / "nginx.conf").read_text())
    assert directives["proxy_set_header"] == ['Connection ""', "Host $host", "X-Forwarded-For $proxy_add_x_forwarded_for"]
    assert directives["ssl_protocols"] == ["TLSv1.2 TLSv1.3"]
    assert all("ECDHE" in cipher for cipher in directives["ssl_ciphers"][0].split(":"))
    (largest,) = directives["client_max_body_size"]
    assert int(largest.removesuffix("m")) * MEGABYTE > load({}).max_upload
    assert "location ~ /metrics$ {\n        return 404;" in (DEPLOY / "nginx.conf").read_text()


def test_nothing_that_nginx_logs_holds_a_query_or_a_token(app):
    site = (DEPLOY / "nginx.conf").read_text()
    (layout,) = re.findall(r"log_format rollbook '([^']*)'", site)
    assert set(re.findall(r"\$\{?(\w+)", layout)) == {
        *("time_iso8601", "remote_addr", "request_method", "rollbook_path", "status", "body_bytes_sent", "request_time")
    }
    logs = re.findall(r"^\s*(access_log|error_log) \S+ (\w+);", site, re.MULTILINE)
    assert logs == [("access_log", "rollbook"), ("error_log", "crit")] * site.count("\nserver {")
    (pattern,) = re.findall(r'"~(\^.*)\)\." "\$rollbook_kept', site)
    hidden = re.compile(pattern.replace("?<", "?P<") + ").")
    for rule in app.url_map.iter_rules():
        assert bool(hidden.match(rule.rule)) >= ("token" in rule.arguments), rule
        assert bool(TOKEN_IN_PATH.match(rule.rule)) is bool(hidden.match(rule.rule)), rule


def test_nginx_itself_finds_no_fault(tmp_path):
    """Where there is no nginx, its braces and semicolons have been looked at above."""
    program = find_nginx()
    make_certificate(tmp_path)
    site = (
        (DEPLOY / "nginx.conf").read_text().replace("/etc/ssl/rollbook", str(tmp_path)).replace("/var/log/nginx", str(tmp_path))
    )
    (tmp_path / "site.conf").write_text(site)
    http = f"access_log off; {temporary_folders(tmp_path)} include {tmp_path}/site.conf;"
    main = f"pid {tmp_path}/pid; error_log stderr; events {{}} http {{ {http} }}"
    (tmp_path / "nginx.conf").write_text(main)
    if program:
        command = [program, "-t", "-q", "-p", tmp_path, "-c", tmp_path / "nginx.conf"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_image_is_built_as_images_should_be():
    steps = _steps((DEPLOY / "Containerfile").read_text())
    kinds = [kind for kind, _ in steps]
    assert kinds[0] == "FROM"
    for kind, rest in steps:
        if kind == "FROM":
            assert re.fullmatch(r"[\w./-]+:(?!latest)[\w.-]+", rest), "an image has a registry and a tag"
        if kind == "COPY":
            assert all((ROOT / source).exists() or list(ROOT.glob(source)) for source in rest.split()[:-1]), rest
        if "apt-get install" in rest:
            assert "--no-install-recommends" in rest
            assert "rm -rf /var/lib/apt/lists/*" in rest
        assert "pip install" not in rest or ("--require-hashes" in rest and "--no-cache-dir" in rest)
        assert kind not in ("ADD", "MAINTAINER")
        assert kind not in ("CMD", "ENTRYPOINT") or rest.startswith("["), "a program of its own hears SIGTERM, a shell's does not"
    user = next(rest for kind, rest in steps if kind == "USER")
    assert user.split(":")[0].isdecimal()
    assert user.split(":")[0] != "0"
    assert kinds.index("USER") < kinds.index("CMD")
    assert "HEALTHCHECK" in kinds


def test_the_image_holds_every_room():
    steps = _steps((DEPLOY / "Containerfile").read_text())
    copied = {source for kind, rest in steps if kind == "COPY" for source in rest.split()[:-1]}
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    rooms = {Path(file).parts[0] for file in tracked if "/" in file} - {
        ".ci",
        ".github",
        "benchmarks",
        "deploy",
        "docs",
        "instance",
        "tests",
    }
    assert rooms <= copied


def test_the_compose_file_runs_what_belongs_together():
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    services = compose["services"]
    assert set(services) == {"database", "migrate", "web", "worker"}
    for name in ("migrate", "web", "worker"):
        service = services[name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        assert "privileged" not in service
        assert set(service["environment"]) <= NAMES
    assert all(set(volume.split(":")[:1]) <= set(compose["volumes"]) | {"/tmp"} for volume in services["web"]["volumes"])  # noqa: S108  in the container
    assert services["web"]["ports"] == ["127.0.0.1:8000:8000"], "only a proxy that speaks TLS is to be reached from outside"


def test_no_setting_is_named_that_there_is_not():
    found = set()
    for file in DEPLOY.iterdir():
        found |= set(re.findall(r"\b(?:ROLLBOOK|DATABASE)_[A-Z_]+\b", file.read_text()))
    assert found - {"ROLLBOOK_ENV"} <= NAMES  # which says where the settings are


def _walls(name):
    return (DEPLOY / name).read_text().partition("StateDirectory=")[2].partition("[Install]")[0].rstrip()


def _directives(text):
    """Give nginx's directives by their names; braces have to match, and each line ends one or opens or closes a block."""
    found, depth = {}, 0
    for line in re.sub(r"^\s*#.*$", "", text, flags=re.M).splitlines():
        line = line.strip()
        assert not line or line[-1] in ";{}", line
        depth += line.count("{") - line.count("}")
        if line.endswith(";"):
            name, _, rest = line.rstrip(";").partition(" ")
            found.setdefault(name, []).append(rest)
    assert depth == 0
    return found


def _steps(text):
    """Give the instructions of a Containerfile: [(kind, the rest of it)]."""
    joined = re.sub(r"\\\n\s*", "", re.sub(r"^#.*\n", "", text, flags=re.M))
    return [tuple(line.split(maxsplit=1)) for line in joined.splitlines() if line]


def rollbook(tmp_path, *arguments, cwd=None, **environ):
    """Run the command as an operator does, from a folder that is not Rollbook's."""
    given = {"PATH": os.environ["PATH"], "ROLLBOOK_ENV": str(tmp_path / "rollbook.env"), **environ}
    command = [sys.executable, DEPLOY / "rollbook", *map(str, arguments)]
    return subprocess.run(command, env=given, cwd=cwd or tmp_path, capture_output=True, text=True, check=False)


@pytest.fixture
def installed(tmp_path):
    """An installation with an env file as systemd reads it, and nothing in the environment."""
    instance = tmp_path / "in stance"
    lines = [
        "# settings",
        f'ROLLBOOK_INSTANCE="{instance}"',
        "; remark",
        "SECRET_KEY='Xq3v-a key that # nobody guesses 8F2kL'",
        "PORT=8123",
    ]
    (tmp_path / "rollbook.env").write_text("\n".join(lines) + "\n")
    done = rollbook(tmp_path, "db", "upgrade")
    assert done.returncode == 0, done.stderr
    return tmp_path


def test_the_command_works_from_anywhere_with_the_settings_of_the_env_file(installed):
    link = rollbook(installed, "setup-link", cwd="/")
    assert "http://127.0.0.1:8123/setup?token=" in link.stdout
    assert rollbook(installed, "doctor", cwd="/").stdout.startswith("fine ")
    assert (installed / "in stance" / "rollbook.db").exists()
    assert not list(installed.glob("*.db"))


def test_the_environment_counts_more_than_the_env_file(installed):
    assert "http://127.0.0.1:9000/setup" in rollbook(installed, "setup-link", PORT="9000").stdout


def test_an_unknown_command_says_so_without_a_traceback(installed):
    done = rollbook(installed, "nonsense")
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_nightly_backup_keeps_the_newest_and_leaves_other_files_alone(installed):
    folder = installed / "backups"
    folder.mkdir()
    (folder / "notes.txt").touch()
    for day in range(1, 4):
        (folder / f"rollbook-2026-01-0{day}T023000Z.backup").touch()
    arguments = Unit(BACKUP)["Service"]["ExecStart"].split()[1:]
    done = rollbook(installed, *(word.replace("14", "2").replace("${FOLDER}", str(folder)) for word in arguments))
    assert done.returncode == 0, done.stderr
    kept = sorted(file.name for file in folder.iterdir())
    assert kept[:2] == ["notes.txt", "rollbook-2026-01-03T023000Z.backup"]
    assert len(kept) == 3


@pytest.mark.parametrize("arguments", [(), ("a", "--folder", ".")])
def test_a_backup_needs_either_a_file_or_a_folder(installed, arguments):
    assert "Name either a file, or a folder with --folder." in rollbook(installed, "backup", *arguments).stderr


@pytest.mark.parametrize("path", ["/", "/students?q=x"])
def test_nginx_shows_a_page_of_ours_while_rollbook_is_down(tmp_path, path):
    if not find_nginx():
        return  # where there is no nginx, the directives have been looked at above
    with running_nginx(tmp_path, free_port()) as (port, trusting), pytest.raises(HTTPError) as answer:
        urlopen(f"https://127.0.0.1:{port}{path}", context=trusting, timeout=10)
    assert answer.value.code == 502
    assert answer.value.headers["Retry-After"] == "30"
    assert "Rollbook is not available" in answer.value.read().decode()


@pytest.mark.parametrize("content", [b"\xff", b"PORT='a'b'", None])
def test_an_env_file_that_can_not_be_read_is_said_without_a_traceback(tmp_path, content):
    env = tmp_path / "rollbook.env"
    env.mkdir() if content is None else env.write_bytes(content)
    done = rollbook(tmp_path, "doctor")
    assert done.returncode == 1
    assert str(env) in done.stderr
    assert "Traceback" not in done.stderr
