"""`make check` fails on a known vulnerability, says where nobody could be asked, and silences no safety rule without a reason."""

import json
import re
import sys
import tomllib

import pytest

from tests.advisories import ask
from tests.server import ROOT

SOUND = {"name": "flask", "version": "3.1.3", "vulns": []}
BROKEN = {"name": "jinja2", "version": "3.1.0", "vulns": [{"id": "CVE-2099-1", "fix_versions": ["3.1.9"]}]}
UNKNOWN = {"name": "ours", "skip_reason": "not found"}
# A safety rule that a line opts out of, without words after it.
BARE = re.compile(r"# noqa: (?:[A-Z]+\d+, )*S\d+(?:, [A-Z]+\d+)*\s*$", re.MULTILINE)


@pytest.mark.parametrize(
    ("packages", "status", "said"),
    [
        ([SOUND], 0, ""),
        ([SOUND, BROKEN], 1, "jinja2 3.1.0 has a known vulnerability, CVE-2099-1; mended in 3.1.9."),
        ([SOUND, UNKNOWN], 0, "The advisory service knows nothing of 1 of 2 packages: ours, say."),
    ],
)
def test_what_the_service_knows_decides(packages, status, said):
    answer = json.dumps({"dependencies": packages})
    assert ask([sys.executable, "-c", f"print({answer!r})"]) == (status, said)


def test_a_service_that_is_out_of_reach_is_said_and_stops_nobody():
    status, said = ask([sys.executable, "-c", "raise SystemExit('ConnectionError')"])
    assert status == 0
    assert said.startswith("The advisory service can't be reached")


def test_no_safety_rule_is_silenced_without_a_reason():
    own = [path for path in ROOT.rglob("*.py") if not {".venv", "node_modules"} & set(path.parts)]
    assert [str(path.relative_to(ROOT)) for path in own if BARE.search(path.read_text())] == []


def test_safety_rules_are_on_and_each_folder_that_does_without_one_says_why():
    text = (ROOT / "pyproject.toml").read_text()
    lint = tomllib.loads(text)["tool"]["ruff"]["lint"]
    assert "S" in lint["select"]
    lines = text.splitlines()
    silenced = [place for place, line in enumerate(lines) if re.search(r'"S\d+"', line)]
    assert [lines[place] for place in silenced if "#" not in lines[place] and not lines[place - 1].startswith("#")] == []
