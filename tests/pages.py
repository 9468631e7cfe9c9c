"""Read a page as a person and their screen reader do, and find fault with it."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise

from babel.dates import format_date

VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))
SILENT = ("script", "style", "template")
UNLABELLED = ("hidden", "submit", "button", "reset", "image")
TYPED = ("", "text", "search", "email", "tel", "url")
FULL_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d")
MINUTES = {
    "en_GB": ("just now", "{} minute ago", "{} minutes ago"),
    "de": ("gerade eben", "vor {} Minute", "vor {} Minuten"),
    "es": ("ahora mismo", "hace {} minuto", "hace {} minutos"),
}
TODAY = {"en_GB": "today", "de": "heute", "es": "hoy"}
YESTERDAY = {"en_GB": "yesterday", "de": "gestern", "es": "ayer"}
REFERENCES = ("for", "aria-describedby", "aria-labelledby", "aria-controls", "aria-errormessage", "list")


class Node:
    """An element: its tag, its attributes, what is in it."""

    def __init__(self, tag: str, attributes: dict[str, str], parent: "Node | None") -> None:
        self.tag = tag
        self.attributes = attributes
        self.parent = parent
        self.children: list[Node | str] = []

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    def walk(self) -> Iterator["Node"]:
        yield self
        for child in self.children:
            if isinstance(child, Node):
                yield from child.walk()

    def all(self, *tags: str) -> list["Node"]:
        return [node for node in self.walk() if node.tag in tags]

    @property
    def text(self) -> str:
        """What can be read in it, with each run of white space as one blank."""
        return " ".join(" ".join(self._texts()).split())

    def _texts(self) -> Iterator[str]:
        if self.tag not in SILENT:
            for child in self.children:
                yield from [child] if isinstance(child, str) else child._texts()

    def ancestors(self) -> Iterator["Node"]:
        if self.parent:
            yield self.parent
            yield from self.parent.ancestors()


class Page(HTMLParser):
    """A page, taken apart."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.root = self._open = Node("", {}, None)
        self.strays: list[str] = []
        self.feed(html)
        self.close()
        self.ids = {node.get("id"): node for node in self.root.walk() if "id" in node.attributes}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs}, self._open)
        self._open.children.append(node)
        if tag not in VOID:
            self._open = node

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._open.tag != tag or not self._open.parent:
            self.strays.append(tag)
            return
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        self._open.children.append(data)

    def all(self, *tags: str) -> list[Node]:
        return self.root.all(*tags)

    @property
    def text(self) -> str:
        return " ".join(node.text for node in self.all("body"))

    @property
    def heading(self) -> str:
        return " ".join(node.text for node in self.all("h1"))

    @property
    def fields(self) -> list[Node]:
        return [node for node in self.all("input", "select", "textarea") if node.get("type") not in ("submit", "button")]

    @property
    def values(self) -> dict[str, str]:
        """What would be sent, by name; of radio buttons and tick boxes those that are ticked."""
        return values_of(self.fields)

    @property
    def problems(self) -> dict[str, str]:
        """What stands beside each field that is marked as wrong, by the field's name."""
        wrong = [field for field in self.fields if field.get("aria-invalid") == "true"]
        return {field.get("name"): self._description(field) for field in wrong}

    @property
    def alerts(self) -> str:
        """What a screen reader says at once: the summary of what is wrong, and notices."""
        return " ".join(node.text for node in self.root.walk() if node.get("role") in ("alert", "status"))

    @property
    def rows(self) -> list[list[str]]:
        """The cells of each row of the tables; what is said of a row below it is its last."""
        found: list[list[str]] = []
        for row in (row for body in self.all("tbody") for row in body.all("tr")):
            cells = [cell.text for cell in row.all("th", "td")]
            if row.get("class") == "told":
                found[-1] += cells
            else:
                found.append(cells)
        return found

    @property
    def links(self) -> list[str]:
        return [link.get("href") for link in self.all("a")]

    def _description(self, field: Node) -> str:
        return " ".join(self.ids[name].text for name in field.get("aria-describedby").split() if name in self.ids)


def values_of(fields: list[Node]) -> dict[str, str]:
    return {field.get("name"): _value(field) for field in fields if _is_sent(field)}


def lint_page(html: str) -> list[str]:
    """Give what is wrong with a page, a sentence each; nothing for a good one."""
    page = Page(html)
    return [
        *_frame_faults(page),
        *_outline_faults(page),
        *_reference_faults(page),
        *_label_faults(page),
        *_inline_faults(page),
        *_form_faults(page),
        *_time_faults(page),
    ]


def _frame_faults(page: Page) -> Iterator[str]:
    titles = [node.text for node in page.all("title") if not any(outer.tag == "svg" for outer in node.ancestors())]
    if not page.html.lstrip().lower().startswith("<!doctype html>"):
        yield "It does not begin with <!doctype html>."
    if not any(node.get("lang") for node in page.all("html")):
        yield "It does not say its language."
    if len(page.all("h1")) != 1:
        yield f"It has {len(page.all('h1'))} headings of the first rank."
    elif len(titles) != 1 or not titles[0].startswith(page.heading):
        yield f"Its title {titles} does not begin with its heading “{page.heading}”."
    if len(page.all("main")) != 1:
        yield f"It has {len(page.all('main'))} main parts."
    for tag in page.strays:
        yield f"A </{tag}> closes what is not open."


def _outline_faults(page: Page) -> Iterator[str]:
    """Find what somebody who goes by headings, landmarks and tables would not find their way through."""
    headings = page.all("h1", "h2", "h3", "h4", "h5", "h6")
    for above, heading in pairwise(headings):
        if int(heading.tag[1]) > int(above.tag[1]) + 1:
            yield f"The heading “{heading.text}” skips a rank after “{above.text}”."
    for node in page.all("nav", "section"):
        if not node.get("aria-label") and not node.get("aria-labelledby"):
            yield f"A <{node.tag}> has no name: {node.text[:60]}"
    for table in page.all("table"):
        if not any(outer.get("aria-label") for outer in [table, *table.ancestors()]):
            yield f"A table has no name: {table.text[:60]}"
        for cell in table.all("th"):
            if cell.get("scope") not in ("col", "row", "colgroup", "rowgroup"):
                yield f"The heading “{cell.text}” of a table does not say whether it names a column or a row."


def _reference_faults(page: Page) -> Iterator[str]:
    ids = Counter(node.get("id") for node in page.root.walk() if "id" in node.attributes)
    for name, number in ids.items():
        if number > 1 or not name:
            yield f"The id “{name}” occurs {number} times."
    for node in page.root.walk():
        names = [name for attribute in REFERENCES for name in node.get(attribute).split()]
        names += [node.get("href")[1:]] if node.get("href").startswith("#") and node.tag == "a" else []
        for name in set(names) - set(ids):
            yield f"A <{node.tag}> refers to the id “{name}”, which does not exist."


def _label_faults(page: Page) -> Iterator[str]:
    labelled = {label.get("for") for label in page.all("label") if label.text}
    for field in page.fields:
        own = field.get("aria-label") or field.get("aria-labelledby") or field.get("id") in labelled
        if field.get("type") not in UNLABELLED and not own and not any(outer.tag == "label" for outer in field.ancestors()):
            yield f"The field “{field.get('name')}” has no label."
    for node in page.all("a", "button"):
        if not node.text and not node.get("aria-label") and not any(image.get("alt") for image in node.all("img")):
            yield f"A <{node.tag}> says nothing: {node.attributes}."
    for image in page.all("img"):
        if "alt" not in image.attributes:
            yield f"The picture {image.get('src')} has no alternative text."


def _inline_faults(page: Page) -> Iterator[str]:
    """Find what the Content-Security-Policy would not run or show, and what would leave the house."""
    for node in page.root.walk():
        if node.tag == "style" or "style" in node.attributes or (node.tag == "script" and not node.get("src")):
            yield f"A <{node.tag}> carries an inline style or script."
        for name in node.attributes:
            if name.startswith("on"):
                yield f"A <{node.tag}> carries an inline {name}."
        if any(node.get(name).startswith(("http:", "https:", "//")) for name in ("src", "href", "action")):
            yield f"A <{node.tag}> refers to another host."


def _time_faults(page: Page) -> Iterator[str]:
    """Find times that are not said as the clock of their own offset shows them."""
    language = next((node.get("lang") for node in page.all("html")), "en")
    for node in page.all("time"):
        if not FULL_TIME.fullmatch(node.get("datetime")) or not node.get("title"):
            yield f"The time “{node.text}” does not say exactly when it is: {node.attributes}."
        elif node.text not in _told_times(
            datetime.fromisoformat(node.get("datetime")), "en_GB" if language == "en" else language
        ):
            yield f"The time “{node.text}” is not {node.get('datetime')}."


def _told_times(at: datetime, language: str) -> set[str]:
    """Say a time in each way that is right now, or was when the page was made."""
    day, clock = format_date(at, "long", language), f"{at:%H:%M}"
    told = {f"{day}, {clock}"}
    present = datetime.now(at.tzinfo)
    for passed in range(max(0, int((present - at).total_seconds()) // 60 - 1), int((present - at).total_seconds()) // 60 + 1):
        told |= {MINUTES[language][min(passed, 2)].format(passed)} if passed < 60 else set()
    days = [(present - timedelta(minutes=1)).date(), present.date()]
    told |= {f"{TODAY[language]}, {clock}"} if at.date() in days and at < present else set()
    return told | ({f"{YESTERDAY[language]}, {clock}"} if at.date() + timedelta(days=1) in days else set())


def _form_faults(page: Page) -> Iterator[str]:
    for form in page.all("form"):
        posts = form.get("method").lower() == "post"
        token = any(field.get("name") == "csrf_token" and field.get("value") for field in form.all("input"))
        if posts != token:
            yield f"The form to “{form.get('action')}” {'lacks a' if posts else 'shows its'} token."
        yield from _main_button_faults(form, _submitters(page, form))
        for field in page.fields if posts else ():
            # A code is no use a second time.
            if field.tag != "select" and field.get("type") in TYPED and field.get("name") != "code" and _is_of(field, form):
                yield from _typing_faults(field)
    for table in page.all("table"):
        for field in table.all("input"):
            if field.get("type") in ("checkbox", "radio") and field.get("autocomplete") != "off":
                yield f"“{field.get('name')}” in a table of rows is restored by its position when somebody comes back."


def _typing_faults(field: Node) -> Iterator[str]:
    """Find what would be lost of what somebody types: by going back, or because more fits than the form may bring."""
    if field.get("autocomplete") == "off":
        yield f"Chromium does not restore what was typed into “{field.get('name')}” when somebody goes back."
    if "maxlength" not in field.attributes:
        yield f"More can be typed into “{field.get('name')}” than is taken."


def _submitters(page: Page, form: Node) -> list[Node]:
    """Give the buttons that send a form, in the order of the tree, those too that only name it by its id."""
    return [node for node in page.all("button", "input") if _submits(node) and _is_of(node, form)]


def _is_of(node: Node, form: Node) -> bool:
    if "form" in node.attributes:
        return node.get("form") == form.get("id")
    return any(outer is form for outer in node.ancestors())


def _submits(node: Node) -> bool:
    types = ("", "submit") if node.tag == "button" else ("submit", "image")
    return node.get("type").lower() in types


def _main_button_faults(form: Node, submitters: list[Node]) -> Iterator[str]:
    """Find where Enter does not do the main thing: a browser then takes the first button that sends, hidden or not."""
    if not submitters:
        return
    first, *others = submitters
    what = f"Enter in the form to “{form.get('action')}” presses “{first.text}”, which"
    if "disabled" in first.attributes or any("hidden" in node.attributes for node in (first, *first.ancestors())):
        yield f"{what} can’t be seen or pressed."
    ranks = [_rank(button) for button in submitters]
    if others and ranks[0] != min(ranks):
        yield f"{what} is not the main one."
    if ranks.count(0) > 1:
        yield f"The form to “{form.get('action')}” has several main buttons."


def _rank(button: Node) -> int:
    """Tell how much a button is the main one of its form, from 0 on."""
    kinds = ("button-primary", "button-secondary", "button-danger", "button-quiet")
    return next((rank for rank, kind in enumerate(kinds) if kind in button.get("class").split()), len(kinds))


def _is_sent(field: Node) -> bool:
    if "disabled" in field.attributes:
        return False
    return bool(field.get("name")) and (field.get("type") not in ("radio", "checkbox") or "checked" in field.attributes)


def _value(field: Node) -> str:
    if field.tag == "textarea":
        return "".join(child for child in field.children if isinstance(child, str))
    if field.tag == "select":
        options = field.all("option")
        chosen = [option for option in options if "selected" in option.attributes] or options[:1]
        return next((option.attributes.get("value", option.text) for option in chosen), "")
    return field.get("value") or ("on" if field.get("type") == "checkbox" else "")
