"""How pages looked when somebody last agreed to it, kept as small pictures."""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image, ImageChops
from playwright.sync_api import Browser, Page

KEPT = Path(__file__).parent / "pictures"
RENEW = os.environ.get("PICTURES") == "renew"
SHRINK, BITS, NOTICEABLE, TOLERATED = 2, 5, 20, 12
COARSE = [level >> (8 - BITS) << (8 - BITS) for level in range(256)]
# Moments, one-time codes and their pictures are others each time, and the choice of a language is the same everywhere.
# CSS may not come from the page, by its own policy.
HIDE = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`
        time { display: inline-block; width: 9em; height: 1em; overflow: hidden; visibility: hidden; }
        main code, .qr svg, .varies { visibility: hidden; }
        .one-time code { display: block; height: 3em; overflow: hidden; }
        .foot .languages { display: none; }
    `);
    document.adoptedStyleSheets = [sheet];
}"""
SHOW = "() => { document.adoptedStyleSheets = []; }"
# Nothing of ours: it looks different only where the browser or its fonts are others than when the pictures were made.
CALIBRATION = """<!doctype html><title>Calibration</title>
<p style="font: 28px Charter, Cambria, Georgia, serif">Hamburgefonstiv 0123456789</p>
<p style="font: 15px system-ui, sans-serif">Hamburgefonstiv 0123456789 šđčćž 山田</p>
<p style="font: 14px ui-monospace, monospace">Hamburgefonstiv 0123456789</p>
<input value="Input"> <select><option>Select</select> <input type="checkbox" checked> <input type="radio"> <input type="file">
<button>Button</button> <progress value="0.4"></progress>"""
ELSEWHERE = (
    "The looks of pages were not compared: this browser or its fonts draw otherwise than those that made tests/browser/pictures. "
    "`make pictures` makes them anew."
)


@dataclass
class Looks:
    """The pictures of one test, each beside the one that is kept of it."""

    prefix: str
    output: Path
    comparable: bool
    changed: list[str] = field(default_factory=list)
    names: set[str] = field(default_factory=set)

    def take(self, page: Page, name: str) -> None:
        """Take a picture of the whole page, and note where it has changed."""
        assert name not in self.names, f"Two pictures of this test are named {name}."
        self.names.add(name)
        page.evaluate(HIDE)
        shot = page.screenshot(full_page=True, animations="disabled")
        page.evaluate(SHOW)
        (self.output / f"{name}.png").write_bytes(shot)
        kept = KEPT / f"{self.prefix}-{name}.png"
        if RENEW:
            _keep(_small(shot), kept)
        elif self.comparable and not _alike(_small(shot), kept):
            self.changed.append(f"{self.output / name}.png was {kept}")

    def check(self) -> None:
        """Fail where a page does not look as it is kept."""
        advice = "Look at them. If they are meant, `make pictures` keeps them, and the change shows them."
        assert not self.changed, "\n".join(["These pages look different:", *self.changed, advice])


def is_comparable(browser: Browser) -> bool:
    """Tell whether this machine draws as the one that made the pictures did."""
    page = browser.new_page(viewport={"width": 640, "height": 320})
    page.set_content(CALIBRATION)
    drawn = _small(page.screenshot(animations="disabled"))
    page.close()
    if RENEW:
        _keep(drawn, KEPT / "calibration.png")
    return _alike(drawn, KEPT / "calibration.png")


def shows_the_same(shot: bytes, kept: Path) -> bool:
    """Tell whether a picture that is kept in full size shows the page as it is."""
    return kept.exists() and _differ_little(_small(shot), _small(kept.read_bytes()))


def _small(shot: bytes) -> Image.Image:
    """Shrink it to a picture of few colours; the same shot gives the same ones."""
    picture = Image.open(io.BytesIO(shot)).convert("RGB").reduce(SHRINK).point(COARSE * 3)
    return picture.quantize(256, dither=Image.Dither.NONE)


def _keep(picture: Image.Image, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    picture.save(path, optimize=True)


def _alike(picture: Image.Image, path: Path) -> bool:
    if not path.exists():
        return False
    with Image.open(path) as kept:
        return _differ_little(picture, kept)


def _differ_little(picture: Image.Image, kept: Image.Image) -> bool:
    """Tell whether no more than a few pixels differ noticeably, as one whose edge falls a little otherwise may."""
    if kept.size != picture.size:
        return False
    bands = ImageChops.difference(kept.convert("RGB"), picture.convert("RGB")).split()
    most = ImageChops.lighter(ImageChops.lighter(bands[0], bands[1]), bands[2])
    return sum(most.histogram()[NOTICEABLE:]) <= TOLERATED
