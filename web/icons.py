"""Icons of the vendored set, drawn into the page so that they take its colours and no request."""

import re
from functools import cache
from pathlib import Path

from flask import Flask
from markupsafe import Markup

DRAWING = re.compile(r"<svg[^>]*>(.*)</svg>", re.DOTALL)


def register_icons(app: Flask) -> None:
    folder = Path(str(app.static_folder)) / "vendor" / "lucide"

    @cache
    def drawing(name: str) -> Markup:
        """Give what is inside an icon's own file."""
        found = DRAWING.search((folder / f"{name}.svg").read_text())
        assert found
        return Markup(" ".join(found[1].split()))  # noqa: S704  a file of ours

    app.jinja_env.globals["drawing"] = drawing
    app.jinja_env.globals["icons"] = sorted(file.stem for file in folder.glob("*.svg"))
