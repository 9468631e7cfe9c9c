"""What the handbooks tell of is there: each page, button, address, command and setting that they name."""

import re
import shlex
from itertools import chain

import pytest
from flask_migrate.cli import db

from tests.server import ROOT

HANDBOOKS = ("handbook.md", "administrators.md")
SOURCES = ("templates/**/*.html", "web/**/*.py", "merge/**/*.py", "cli/*.py", "*.py")
SETTINGS = r"ROLLBOOK_[A-Z_]+|DATABASE_[A-Z_]+|SECRET_KEY[A-Z_]*"


@pytest.fixture(params=HANDBOOKS)
def handbook(request):
    return (ROOT / "docs" / request.param).read_text()


def test_what_stands_on_a_page_is_named_as_it_stands_there(handbook):
    sources = chain.from_iterable(ROOT.glob(pattern) for pattern in SOURCES)
    pages = " ".join(" ".join(source.read_text().split()) for source in sources)
    named = set(re.findall(r"\*\*(.+?)\*\*", handbook)) - {"bold"}
    assert named
    assert {words for words in named if not re.search(rf"\b{re.escape(words)}\b", pages)} == set()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_address_can_be_opened(app, handbook):
    addresses = set(re.findall(r"`(/\w[^`\s?]*)", handbook))
    assert addresses
    assert {address for address in addresses if not app.url_map.bind("").test(address, "GET")} == set()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_command_can_be_given(app, handbook):
    for line in re.findall(r"`(?:\w+=\S+ )?flask ([^`]+)`", handbook):
        commands, words = {**app.cli.commands, "db": db}, shlex.split(line)
        while commands:
            command = commands[words.pop(0)]
            commands = getattr(command, "commands", None)
        options = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= options, line


def test_every_setting_is_read(handbook):
    settings = set(re.findall(SETTINGS, (ROOT / "config.py").read_text()))
    assert set(re.findall(SETTINGS, handbook)) <= settings


def test_every_link_leads_somewhere(handbook):
    for target in re.findall(r"[^!]\[.+?\]\(([^)#]+)", handbook):
        assert (ROOT / "docs" / target).exists(), target
