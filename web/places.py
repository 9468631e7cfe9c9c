"""Have only a few pages looked up and made at a time where the database works in this process; the others wait their turn."""

import threading
from collections import deque

from flask import Flask, Response, g, request

from database import reading
from models import db

# More of them at once only take the interpreter from each other, and from those who write: nobody is served sooner.
AT_ONCE = 4
# Then a page is made all the same: whatever the others wait for must not keep everybody out.
PATIENCE_S = 5


def register_places(app: Flask) -> None:
    """Let those who only read come in a few at a time; whoever writes waits for the one lock anyway, and a probe for nobody."""
    with app.app_context():
        if db.engine.dialect.name != "sqlite":
            return
    places = Turns(AT_ONCE)

    @app.before_request
    def come_in() -> None:
        g.has_place = reading.get() and request.blueprint != "health" and places.take(PATIENCE_S)

    # A request ends only when its answer is sent, which a download may take minutes for; and one that breaks has no answer.
    @app.after_request
    def leave(response: Response) -> Response:
        _give_back(places)
        return response

    @app.teardown_request
    def leave_at_last(_error: BaseException | None) -> None:
        _give_back(places)


class Turns:
    """Lets the threads of this process have something a few at a time, in the order they came in."""

    def __init__(self, at_once: int) -> None:
        self._guard = threading.Lock()
        self._free = at_once
        self._waiting: deque[threading.Event] = deque()

    def take(self, patience_s: float) -> bool:
        """Wait for a turn, and tell whether it came in time."""
        mine = threading.Event()
        with self._guard:
            if self._free:
                self._free -= 1
                return True
            self._waiting.append(mine)
        if mine.wait(patience_s):
            return True
        with self._guard:
            if not mine.is_set():
                self._waiting.remove(mine)
            return mine.is_set()

    def give(self) -> None:
        """Let the next one have it."""
        with self._guard:
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._free += 1


def _give_back(places: Turns) -> None:
    if g.pop("has_place", False):
        places.give()
