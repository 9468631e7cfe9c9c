"""docs/asvs.md leaves out no requirement of levels 1 and 2, makes none up, and names only tests and files that there are."""

import ast
import re
from functools import cache

import pytest

from tests.server import ROOT

# The numbers and levels of OWASP's own list, 5.0.0.
REQUIREMENTS = dict(line.split() for line in (ROOT / "tests" / "files" / "asvs-5.0.0.txt").read_text().splitlines())
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in (ROOT / "docs" / "asvs.md").read_text().splitlines()
    if line.startswith("| V")
]
TEST = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
DOCUMENTED = "Documented: "
REASONS = ("Does not apply: ", "Up to the school: ", "Missing: ")


def test_each_requirement_of_the_first_two_levels_stands_there_once_in_its_order():
    assert [(number, level) for number, level, *_ in ROWS] == list(REQUIREMENTS.items())
    assert set(REQUIREMENTS.values()) == {"1", "2"}
    assert len(REQUIREMENTS) == 253


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_each_is_shown_by_a_test_that_there_is_or_has_a_reason(row):
    *_, shown = row
    if shown.startswith(DOCUMENTED):
        assert (ROOT / shown.removeprefix(DOCUMENTED)).is_file()
    elif not shown.startswith(REASONS):
        named = TEST.findall(shown)
        assert named, f"{shown} names no test"
        assert [test for file, test in named if test not in names_in(file)] == []


@cache
def names_in(file):
    return {node.name for node in ast.walk(ast.parse((ROOT / file).read_text())) if isinstance(node, ast.FunctionDef)}
