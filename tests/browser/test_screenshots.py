"""The pictures in the README and the handbooks are those that the script takes."""

import re

from docs.screenshots import take_pictures
from tests.server import ROOT

DOCS = ROOT / "docs"
TEXTS = (ROOT / "README.md", *DOCS.glob("*.md"))


def test_every_picture_in_the_handbooks_is_made_by_the_script(chromium, tmp_path):
    taken: dict[str, bytes] = {}
    take_pictures(chromium, tmp_path, taken.__setitem__)
    shown = {name for text in TEXTS for name in re.findall(r"!\[.+?\]\((?:docs/)?(\w+)\.png\)", text.read_text())}
    assert set(taken) == shown == {picture.stem for picture in DOCS.glob("*.png")}
