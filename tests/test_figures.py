"""The one page of figures holds all that was measured, as it was measured last."""

import re

from benchmarks import figures
from tests.server import ROOT


def test_the_one_page_is_put_together_from_the_pages_of_all_measurements():
    assert figures.PAGE.read_text() == figures.figures(), "put it together anew: python -m benchmarks.figures"


def test_it_begins_with_links_to_what_is_in_it():
    page = figures.figures()
    linked = re.findall(r"\]\(#([\w-]+)\)", page)
    assert linked == [figures._anchor(heading) for heading in re.findall(r"^## (.+)", page, re.M)]


def test_one_command_measures_everything():
    recipe = (ROOT / "Makefile").read_text().split("\nbenchmark:")[1].split("\n\n")[0]
    measured = re.findall(r"benchmarks\.(\w+)", recipe)
    writes = re.compile(r"PAGE\.write_text|write_page\(PAGE")
    writing = {module.stem for module in figures.FOLDER.glob("*.py") if writes.search(module.read_text())}
    assert set(measured) == writing
    assert measured[-1] == "figures"
