"""Every parameter of every page, found as somebody finds them who reads the pages' source."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from tests.attack.attacker import Answer, Attacker
from tests.pages import Page, values_of
from tests.web.test_route_matrix import TABLE

# What addresses take beside what stands in the links and forms of the pages below.
HIDDEN = {
    "/students": ("as_of", "after", "before", "sort", "per_page", "since", "import", "min_id"),
    "/students.csv": ("as_of", "q", "sort", "min_age", "max_score", "since", "import", "blank_age"),
    "/students.xlsx": ("as_of", "q", "sort"),
    "/students/7": ("within",),
    "/students/7/history": ("before",),
    "/changes": ("actor", "import", "from", "to", "before"),
    "/imports/1": ("verdict", "q", "after", "before"),
    "/imports/1/missing": ("after", "before"),
    "{waiting}": ("verdict", "q", "after", "before"),
    "{waiting}/columns": ("tab", "encoding", "delimiter"),
    "/login": ("next",),
    "/verify": ("next",),
    "/setup": ("token",),
    "/join": ("token",),
}
# Forms of pages that only another form leads to, filled in.
FORMS = {
    "/students/bulk": {"within": "q=ada", "id": "7", "all": "1"},
    "/students/bulk/set": {"within": "", "ids": "7", "column": "name", "value": "Ada"},
    "/students/bulk/delete": {"within": "", "ids": "7"},
    "/students/bulk/export": {"within": "", "ids": "7"},
    "/students/7/cell": {"column": "age", "value": "12", "version": "1"},
    "{waiting}/rows": {"cell-2-0": "7", "cell-2-2": "300"},
    "{waiting}/rows/2": {"cell-2-0": "7", "cell-2-2": "300"},
}
UNSENT = ("submit", "button", "reset", "image", "file")
# What would end the walk of whoever sends it, or shut them out.
ENDING = ("/logout", "/profile/sessions/end", "/profile/password", "/verify", "/users/#/deactivate")


@dataclass(frozen=True)
class Parameter:
    """One that can be filled in, and what goes along with it."""

    method: str
    path: str
    name: str
    others: dict[str, str] = field(default_factory=dict)

    def send(self, attacker: Attacker, value: str | bytes, token: str) -> Answer:
        fields = {name: text.encode() for name, text in self.others.items()}
        fields[self.name] = value if isinstance(value, bytes) else value.encode("utf-8", "surrogatepass")
        if self.method == "GET":
            return attacker.open(f"{self.path}?{urlencode(fields)}")
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return attacker.ask("POST", self.path, urlencode(fields | {"csrf_token": token.encode()}).encode(), form)


def find_parameters(attacker: Attacker, waiting: str, *more_pages: str) -> list[Parameter]:
    """Open every page, and give each parameter once, however many ids it has; `waiting` is an import with a rejected row."""
    found: dict[tuple[str, str, str], Parameter] = {}
    own = [path for method, path in TABLE if method == "GET"]
    pages = dict.fromkeys([*own, waiting, f"{waiting}/columns", f"{waiting}?verdict=rejected", *more_pages])
    for parameter in [*_hidden(waiting), *(parameter for path in pages for parameter in _of_page(path, attacker.open(path)))]:
        place = re.sub(r"\d+", "#", parameter.path)
        if place not in ENDING and parameter.name not in ("csrf_token", "v"):
            found.setdefault((parameter.method, place, re.sub(r"\d+", "#", parameter.name)), parameter)
    return [found[key] for key in sorted(found)]


def _hidden(waiting: str) -> Iterator[Parameter]:
    for path, names in HIDDEN.items():
        yield from (Parameter("GET", path.format(waiting=waiting), name) for name in names)
    for path, fields in FORMS.items():
        yield from (Parameter("POST", path.format(waiting=waiting), name, fields) for name in fields)


def _of_page(path: str, page: Page) -> Iterator[Parameter]:
    for link in page.links:
        target = urlsplit(urljoin(path, link))
        yield from (Parameter("GET", target.path, name) for name, _ in parse_qsl(target.query))
    for form in page.all("form"):
        beside = [node for node in page.all("input", "select") if node.get("form") and node.get("form") == form.get("id")]
        fields = [node for node in form.all("input", "select", "textarea", "button") + beside if node.get("type") not in UNSENT]
        values, action = values_of(fields), urljoin(path, form.get("action") or path)
        for name in {node.get("name") for node in fields if node.get("name")}:
            yield Parameter((form.get("method") or "get").upper(), action, name, values)
