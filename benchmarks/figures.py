"""Put the pages that the measurements have written together to one: python -m benchmarks.figures"""

import re
from pathlib import Path

FOLDER = Path(__file__).parent
PAGE = FOLDER / "README.md"
# From the first sheet of a school to many members of staff; whatever else was measured comes after that.
ORDER = ("first_sheet", "imports", "large", "list", "export", "dashboard", "as_of", "load", "processes", "floods", "scale")
INTRODUCTION = """# What was measured
`make benchmark` measures all of this anew, which takes hours, and puts it together; `python -m benchmarks.figures` only puts it
together. Seconds say something about the machine that they were taken on; a ratio's two sides ran in turn on the same one.
An import stands beside its floor, the bare database, and beside `session.merge` a row, which it is in the end.

"""


def figures() -> str:
    """Give the one page as it has to be."""
    pages = [path.read_text() for path in sorted(FOLDER.glob("*.md"), key=_place) if path != PAGE]
    headings = [page.splitlines()[0].removeprefix("# ") for page in pages]
    contents = "".join(f"- [{heading}](#{_anchor(heading)})\n" for heading in headings)
    return INTRODUCTION + contents + "".join(f"\n#{page}" for page in pages)


def _place(page: Path) -> tuple[int, str]:
    return ORDER.index(page.stem) if page.stem in ORDER else len(ORDER), page.stem


def _anchor(heading: str) -> str:
    """Give the anchor that a heading gets where Markdown is shown."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


if __name__ == "__main__":
    PAGE.write_text(figures())
