"""Every form that keeps what is typed, refused in every way, in Chromium and in Firefox.

`python -m tests.browser.refused_forms` goes through them all and prints them as a table, or only those forms and refusals that
are named behind it; the tests go through each form and each refusal once.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from flask import current_app
from marionette_driver.errors import MarionetteException
from playwright.sync_api import Error
from sqlalchemy import delete, make_url, update

import accounts
import worker
from merge import record
from merge.imports import receiving
from models import Throttle, UserSession, View, db, now
from tests.browser.conftest import QuickServer
from tests.browser.drivers import Chromium, Driver, Firefox, running_firefox
from tests.cluster import Cluster, running_cluster
from tests.conftest import PASSWORD
from tests.proxy import Proxy
from tests.server import running_chromium, serving

EMAIL, SECOND, THIRD = "head@school.example", "second@school.example", "third@school.example"
NAME = "Zoë Quüx"
SUBMIT = "//form[@method='post'][contains(@action, '{0}')]//button[not(@type='button')]"
SHEET = b"id,name\n1,Ada L.\n9,\n"


@dataclass(frozen=True)
class Form:
    """A form: the page it is on, what is typed, which part of its address tells it from others, and what stands there again."""

    page: str
    typed: dict[str, str]
    action: str
    shown: dict[str, str] | None = None
    chosen: bool = False
    """Whether it is on the page that is shown once students are chosen in the list."""

    @property
    def stays(self) -> bool:
        """Whether a script finds out that there is no connection before the page is left."""
        return self.chosen or "file" in self.typed or "id" in self.typed


FORMS = {
    "add a student": Form("/students/new", {"name": NAME, "age": "twelve"}, "/students/new"),
    "a student": Form("/students/1", {"name": NAME, "score": "88.5"}, "/students/1?"),
    "save a view": Form("/students", {"name": NAME}, "/students/views"),
    "rename a view": Form("/students/views", {"1-name": NAME}, "/students/views/1"),
    "choose students": Form("/students", {"id": "1"}, "/students/bulk", {"ids": "1"}),
    "set a column": Form("/students", {"value": "55.25"}, "/bulk/set", chosen=True),
    "export the chosen": Form("/students", {}, "/bulk/export", {"ids": "1"}, chosen=True),
    "delete the chosen": Form("/students", {}, "/bulk/delete", {"ids": "1"}, chosen=True),
    "upload a sheet": Form("/imports/new", {"file": "", "blank": "clear"}, "/imports/new", {"blank": "clear"}),
    "choose columns": Form("/imports/1/columns", {"decimal": ",", "blank": "clear"}, "/columns"),
    "correct rows": Form("/imports/1?verdict=rejected", {"cell-3-1": NAME}, "/imports/1/rows"),
    "invite a user": Form("/users", {"email": "new@school.example", "role": "editor"}, "/users"),
    "ask for a second factor": Form("/users", {"roles": "viewer"}, "/users/second-factor"),
    "change a user's name": Form("/users/2", {"name": NAME}, "/users/2/name"),
    "change a role": Form("/users/2", {"role": "viewer"}, "/role"),
    "make a token": Form("/profile/tokens", {"name": "timetable", "scopes": "read"}, "/profile/tokens"),
    "change the own name": Form("/profile", {"name": NAME}, "/profile/name"),
    "sign in": Form("/login", {"email": EMAIL, "password": PASSWORD}, "/login", {"email": EMAIL, "password": ""}),
}
CONFIRMED = (
    *("delete the chosen", "invite a user", "ask for a second factor", "change a user's name", "change a role", "make a token"),
)
FOR_VIEWERS = ("save a view", "rename a view", "export the chosen", "make a token", "change the own name", "sign in")


class Refusals:
    """Ways to have a form refused: each does what comes between the page and the form, and gives what lets it pass again."""

    def __init__(self, school: "School", driver: Driver) -> None:
        self.school, self.server, self.driver = school, school.server, driver

    def session_ended(self) -> Callable[[], None]:
        with self.server.app.app_context():
            db.session.execute(delete(UserSession))
            db.session.commit()
        return self._step

    def browser_restarted(self) -> Callable[[], None]:
        self.driver.set_cookie(self.server.app.config["SESSION_COOKIE_NAME"], "")
        return self._step

    def signed_in_again(self) -> Callable[[], None]:
        self.driver.new_tab("/profile")
        self.driver.click(SUBMIT.format("/logout"))
        assert self.driver.until(lambda: "/login" in self.driver.address)
        self.driver.sign_in(EMAIL, PASSWORD)
        self.driver.turn_to(0)
        return lambda: None

    def role_changed(self) -> Callable[[], None]:
        self._give_role("viewer")
        return lambda: self._give_role("admin")

    def confirmed_long_ago(self) -> Callable[[], None]:
        serializer = self.server.app.session_interface.get_signing_serializer(self.server.app)  # type: ignore[attr-defined]
        session = serializer.loads(self.driver.cookie(self.server.app.config["SESSION_COOKIE_NAME"]))
        session.pop("fs_gexp", None)
        self.driver.set_cookie(
            self.server.app.config["SESSION_COOKIE_NAME"], serializer.dumps({**session, "fs_paa": session["fs_paa"] - 2_400})
        )
        return self._step

    def second_factor_asked(self) -> Callable[[], None]:
        self._ask_for_second_factors("admin")
        return self._ask_for_second_factors

    def too_many_tries(self) -> Callable[[], None]:
        """Try in vain once, and let the counters of that try say that the next one has to wait."""
        for field, text in {"email": EMAIL, "password": "wrong"}.items():
            self.driver.fill(field, text)
        self.driver.click(SUBMIT.format("/login"))
        assert self.driver.has("Incorrect email or password"), self.driver.text
        self._let_tries_wait(timedelta(minutes=1))
        return lambda: self._let_tries_wait(timedelta())

    def database_away(self) -> Callable[[], None]:
        self.school.line.lose()
        return self.school.line.find

    def connection_lost(self) -> Callable[[], None]:
        self.school.way.lose()
        return self.school.way.find

    def _step(self) -> None:
        """Do in a second tab what the page asks for; signing in itself asks for nothing first."""
        if self.driver.address.startswith("/login"):
            return
        self.driver.click("//main//a[@target='_blank']")
        self.driver.turn_to(1)
        assert self.driver.until(lambda: self.driver.run("document.getElementsByName('password').length"))
        for field, text in {"email": EMAIL, "password": PASSWORD}.items():
            if self.driver.run(f"document.getElementsByName({field!r}).length"):
                self.driver.fill(field, text)
        self.driver.click("//main//form//button")
        assert self.driver.has("You can continue"), self.driver.text
        self.driver.turn_to(0)

    def _let_tries_wait(self, wait: timedelta) -> None:
        with self.server.app.app_context():
            db.session.execute(update(Throttle).values(until=now() + wait, failures=0))
            db.session.commit()

    def _give_role(self, role: str) -> None:
        with self.server.app.app_context():
            accounts.change_role(accounts.find_by_address(EMAIL), role)  # type: ignore[arg-type]

    def _ask_for_second_factors(self, *roles: str) -> None:
        with self.server.app.app_context():
            accounts.require_second_factor(roles)


REFUSALS = [name for name in vars(Refusals) if not name.startswith("_")]


def applies(form: str, refusal: str) -> bool:
    """Tell whether a form can be refused like that."""
    if refusal == "too_many_tries":
        return form == "sign in"
    if form == "sign in":
        return refusal in ("browser_restarted", "connection_lost")
    if refusal == "confirmed_long_ago":
        return form in CONFIRMED
    return refusal != "role_changed" or form not in FOR_VIEWERS


@dataclass(frozen=True)
class School:
    """A server, the line between it and its database, and a sheet to upload."""

    server: QuickServer
    line: Proxy
    """The line between the server and its database."""
    way: Proxy
    """The line between browsers and the server."""
    sheet: Path

    @property
    def url(self) -> str:
        """The address for browsers."""
        return f"http://127.0.0.1:{self.way.port}"


@contextmanager
def running_school(cluster: Cluster) -> Iterator[School]:
    """Serve a school whose database can be taken away."""
    with tempfile.TemporaryDirectory() as folder, closing(Proxy(cluster.port)) as line:
        url = make_url(cluster.create("refused")).set(port=line.port).render_as_string(hide_password=False)
        server = QuickServer(Path(folder) / "instance", url, ROLLBOOK_WORKER="none")
        server.flask("db", "upgrade")
        sheet = Path(folder) / "class.csv"
        sheet.write_bytes(SHEET)
        _fill(server)
        with serving(server), closing(Proxy(server.port)) as way:
            yield School(server, line, way, sheet)
        with server.app.app_context():
            db.engine.dispose()


def _fill(server: QuickServer) -> None:
    """Store two students, three administrators, a view, and a sheet that waits."""
    with server.app.app_context():
        users = [accounts.add_user(email, "admin", PASSWORD) for email in (EMAIL, SECOND, THIRD)]
        for name in ("Ada Lovelace", "Grace Hopper"):
            record.save(db.session(), {"name": name, "age": 16, "score": 77.0}, version=None, actor="test", reason="form")
        db.session.add(View(user_id=users[0].id, name="All", address="", shared=False))
        db.session.commit()
        receiving.receive(db.session(), current_app.config["UPLOADS"], "class.csv", BytesIO(SHEET), EMAIL)
        worker.run_until_idle()


def check(school: School, driver: Driver, form: Form, refusal: str) -> None:
    """Type, have it refused, let it pass again, and see that it stands there as it was typed."""
    driver.open("/login")
    if form.action != "/login":
        driver.sign_in(EMAIL, PASSWORD)
    driver.open(form.page)
    driver.run("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    if form.chosen:
        driver.fill("id", "1")
        driver.click(SUBMIT.format("/students/bulk"))
        assert driver.until(lambda: driver.run("document.getElementsByName('ids').length")), driver.text
    refusals = Refusals(school, driver)
    if refusal == "too_many_tries":
        mend = refusals.too_many_tries()
    for name, text in form.typed.items():
        driver.fill(name, text or str(school.sheet))
    if refusal != "too_many_tries":
        mend = getattr(refusals, refusal)()
    driver.click(SUBMIT.format(form.action))
    if refusal == "connection_lost" and form.stays:
        assert driver.until(lambda: driver.run("document.querySelector('.flash-warning').innerText")), driver.text
        mend()
    elif refusal == "connection_lost":
        assert driver.has_no_connection()
        mend()
        driver.back()
    else:
        _continue(driver, form, mend)
    for name, text in _expected(form, refusal).items():
        assert driver.until(lambda name=name, text=text: driver.value(name) == text), (name, driver.value(name), driver.text)


def _expected(form: Form, refusal: str) -> dict[str, str]:
    """Give what stands in the form that "Continue" shows, or "Back": that is the page on which it was typed."""
    if form.shown is None:
        return form.typed
    if refusal != "connection_lost" or form.chosen:
        return form.shown
    typed = {name: text for name, text in form.typed.items() if name != "file"}
    return typed | {name: text for name, text in form.shown.items() if name in form.typed}


def _continue(driver: Driver, form: Form, mend: Callable[[], None]) -> None:
    continues = "document.querySelectorAll('input[name=kept]').length"
    assert driver.until(lambda: driver.run(continues)), driver.text
    for text in {"name", "1-name", "cell-3-1", "email", "value"} & form.typed.keys():
        assert form.typed[text] in driver.text, driver.text
    assert PASSWORD not in driver.run("document.documentElement.outerHTML")
    mend()
    driver.click("//form[.//input[@name='kept']]//button")
    assert driver.until(lambda: not driver.run(continues)), driver.text


@contextmanager
def _both_browsers(url: str) -> Iterator[dict[str, Callable[[], Driver]]]:
    with ExitStack() as running:
        chromium, firefox = running.enter_context(running_chromium()), running.enter_context(running_firefox())
        yield {
            "Chromium": lambda: Chromium(chromium.new_context(base_url=url).new_page(), url),
            "Firefox": lambda: Firefox(firefox, url),
        }


def main(named: Sequence[str]) -> None:
    """Print the table of these forms and refusals, or of all."""
    forms = [name for name in FORMS if name in named] or [*FORMS]
    refusals = [name for name in REFUSALS if name in named] or REFUSALS
    _write("form", *(refusal.replace("_", " ") for refusal in refusals))
    _write(*["---"] * (len(refusals) + 1))
    with running_cluster() as cluster, running_school(cluster) as school, _both_browsers(school.url) as browsers:
        for name in forms:
            _write(name, *(_cell(school, browsers, name, FORMS[name], refusal) for refusal in refusals))


def _write(*cells: str) -> None:
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def _cell(school: School, browsers: dict[str, Callable[[], Driver]], name: str, form: Form, refusal: str) -> str:
    if not applies(name, refusal):
        return "–"
    return ", ".join(f"{browser} {_outcome(school, opened(), form, refusal)}" for browser, opened in browsers.items())


def _outcome(school: School, driver: Driver, form: Form, refusal: str) -> str:
    try:
        check(school, driver, form, refusal)
    except (AssertionError, Error, MarionetteException) as problem:
        return f"FAILS ({str(problem)[:80]!r})"
    finally:
        school.line.find()
        school.way.find()
    return "kept"


if __name__ == "__main__":
    main(sys.argv[1:])
