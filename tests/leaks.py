"""Nothing personal is ever logged: every line that the tests cause, in this process or a server they start, is looked through."""

import logging
import re
from collections.abc import Iterator

import pytest

from demo import FAMILY, GIVEN
from logs import Lines

# Who and what the tests store and type. A test that plants more adds it to this set.
WORDS = {
    *GIVEN,
    *FAMILY,
    *("Ada", "Lovelace", "Bo", "Ben", "Cy", "Grace", "Hopper", "Nguyễn", "Mia", "Zoë", "Mallory"),
    *("school.example", "correct horse battery staple", "a long password", "another long password"),
    "a key that only the tests know",
}
# Too common a word to tell a name by.
EXCEPT = {"May", "Rose", "Will", "Mark", "Grant", "Young", "Long", "King"}
# Secrets of links, sessions, forms and tokens: long, and of more kinds of signs than a name in the code has.
TOKEN = re.compile(r"(?<![\w/.-])(?=[\w-]*[0-9])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{32,}")


class Collector(logging.Handler):
    """Keeps each record as the line that Rollbook would write."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(Lines())
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))

    def take(self) -> list[str]:
        """Give the lines since the last time."""
        taken, self.lines = self.lines, []
        return taken


collector = Collector()


def pytest_configure() -> None:
    """Listen where this module is a plugin of its own, without the rest of the tests."""
    listen()


@pytest.fixture(autouse=True)
def nothing_personal_is_logged() -> Iterator[None]:
    yield
    refuse_leaks(collector.take())


def listen() -> None:
    """Hear all loggers, as loud as in production."""
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger().addHandler(collector)


def leaks(line: str) -> list[str]:
    """Name what a line gives away."""
    found = [word for word in WORDS - EXCEPT if word in line and re.search(rf"(?<!\w){re.escape(word)}(?!\w)", line)]
    return found + TOKEN.findall(line)


def refuse_leaks(lines: list[str]) -> None:
    """Fail where a line gives something away."""
    bad = [f"{leaks(line)}: {line}" for line in lines if leaks(line)]
    assert not bad, "\n".join(["The log gives away what is nobody's business:", *bad])
