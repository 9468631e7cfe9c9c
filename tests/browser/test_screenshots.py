"""The pictures in the README and the handbooks show the pages as they are now."""

import re

from docs.screenshots import take_pictures
from tests.browser import looks
from tests.server import ROOT

DOCS = ROOT / "docs"
TEXTS = (ROOT / "README.md", *DOCS.glob("*.md"))


def test_every_picture_in_the_handbooks_is_made_by_the_script_and_up_to_date(chromium, comparable, tmp_path, request):
    taken: dict[str, bytes] = {}
    take_pictures(chromium, tmp_path, taken.__setitem__)
    shown = {name for text in TEXTS for name in re.findall(r"!\[.+?\]\((?:docs/)?(\w+)\.png\)", text.read_text())}
    assert set(taken) == shown == {picture.stem for picture in DOCS.glob("*.png")}
    if not comparable:
        request.node.user_properties.append(("note", looks.ELSEWHERE))
        return
    outdated = [name for name, shot in taken.items() if not looks.shows_the_same(shot, DOCS / f"{name}.png")]
    assert not outdated, "These pages look different now; `make screenshots` takes them anew."
