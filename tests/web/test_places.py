"""On SQLite, pages are made a few at a time; nobody waits for ever for that, and nobody keeps a place."""

import threading

import pytest

from tests.cluster import wait_until
from web import places


class Slow:
    """Pages that are made until somebody lets them."""

    def __init__(self, app, visitor):
        self.inside, self.answers, self._let = [], [], threading.Event()
        self.visitor, self._made = visitor, app.view_functions["students.list_"]
        app.view_functions["students.list_"] = self._make

    def ask(self, number):
        for _ in range(number):
            threading.Thread(target=self._ask, daemon=True).start()

    def let(self):
        self._let.set()

    def _ask(self):
        self.answers.append(self.visitor.open("/students").status_code)

    def _make(self, **arguments):
        self.inside.append(True)
        self._let.wait(20)
        return self._made(**arguments)


@pytest.fixture
def slow(app, sign_in):
    made = Slow(app, sign_in("viewer"))
    yield made
    made.let()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_pages_are_made_a_few_at_a_time_and_the_others_wait_their_turn(slow, client):
    slow.ask(places.AT_ONCE + 3)
    assert wait_until(lambda: len(slow.inside) == places.AT_ONCE)
    assert client.open("/healthz").status_code == 200
    assert len(slow.inside) == places.AT_ONCE
    slow.let()
    assert wait_until(lambda: slow.answers == [200] * (places.AT_ONCE + 3))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_who_has_waited_for_long_is_let_in_all_the_same(slow, monkeypatch):
    monkeypatch.setattr(places, "PATIENCE_S", 0.05)
    slow.ask(places.AT_ONCE + 3)
    assert wait_until(lambda: len(slow.inside) == places.AT_ONCE + 3)


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("path", ["/changes", "/nowhere", "/changes?from=soon", "/students/7", "/students.csv"])
def test_every_answer_gives_its_place_back(slow, monkeypatch, path):
    monkeypatch.setattr(places, "PATIENCE_S", 60)
    for _ in range(places.AT_ONCE):
        slow.visitor.open(path)
    slow.ask(places.AT_ONCE)
    assert wait_until(lambda: len(slow.inside) == places.AT_ONCE)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_postgresql_works_in_processes_of_its_own_so_everybody_comes_in(slow):
    slow.ask(places.AT_ONCE + 3)
    assert wait_until(lambda: len(slow.inside) == places.AT_ONCE + 3)
