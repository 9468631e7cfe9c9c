"""Readers of texts from outside, each with the texts that hurt it most, and how long it takes for n and 2n characters.

`python -m tests.attack.worst_texts` prints the table.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from functools import partial

import accounts
import mailboxes
import people
from accounts import password_problem
from merge import (
    cells,
    encodings,
    fold,
    headings,
    left_out,
    options,
    pages,
    query,
    rows,
    search,
    workbook_errors,
    workbook_percents,
)
from merge.cells import Notation
from merge.columns import BY_NAME, COLUMNS, match_headings
from merge.delimiters import _rows as rows_of
from merge.imports.receiving import _shown_name
from merge.problems import Problem
from merge.query import BadQuery
from web.addresses import leads_below
from web.body_kinds import NotAnObject, read_object
from web.factors import _hash_code

# Accents that stand in the wrong order, so that to normalize takes the square of their number.
ACCENTS = "\u0301\u0316"
NOTATIONS = (Notation(), Notation(",", ".", percent=True), Notation(".", "'"), Notation(",", " "))

WORST: dict[str, Callable[[int], str]] = {
    "accents": lambda n: "a" + ACCENTS * (n // 2),
    "accents apart": lambda n: ("a" + ACCENTS * 15) * (n // 31),
    "precomposed": lambda n: "\u1e69\u0345" * (n // 2),
    "ligatures": lambda n: "\ufdfa" * n,
    "Hangul": lambda n: "\u1100\u1161" * (n // 2),
    "digits": lambda n: "1" * n,
    "digits and a letter": lambda n: "1" * n + "x",
    "digits and a point": lambda n: "1" * (n // 2) + "." + "1" * (n // 2) + "x",
    "points": lambda n: "1." * (n // 2),
    "thousands": lambda n: "1" + ",111" * (n // 4) + "x",
    "groups": lambda n: "1" + ".111" * (n // 4) + "x",
    "zeros": lambda n: "0" * n + "1",
    "an exponent": lambda n: "1e" + "9" * n,
    "percents": lambda n: "1" + "%" * n + "x",
    "blanks": lambda n: "a" + " " * n + "x",
    "blanks in a number": lambda n: "1" + " " * n + "1",
    "blanks in a unit": lambda n: "max" + " " * n + "x",
    "units": lambda n: "a in % " * (n // 7),
    "brackets": lambda n: "(" * n,
    "square brackets": lambda n: "[" * n,
    "quotation marks": lambda n: '"' * n,
    "apostrophes": lambda n: "'" * n + "=",
    "signs": lambda n: "=-" * (n // 2),
    "separators": lambda n: ", ;\t" * (n // 4) + "x",
    "hyphens": lambda n: "-" * n + "x",
    "months": lambda n: "1-jan" + "a" * n,
    "words": lambda n: "".join(f"{number:x} " for number in range(n // 5)),
    "the same word": lambda n: "ab " * (n // 3),
    "words within words": lambda n: " ".join("a" * length for length in range(1, int((2 * n) ** 0.5))),
    "addresses": lambda n: "a@" * (n // 2),
    "domains": lambda n: "a@" + "a." * (n // 2),
    "an umlaut domain": lambda n: "a@" + "ä" * n + ".example",
    "slashes": lambda n: "/" * n + "\n",
    "parameters": lambda n: "q=a&" * (n // 4),
    "percent signs": lambda n: "q=" + "%41" * (n // 3),
    "lists": lambda n: "[" * n,
    "objects": lambda n: '{"a":' * (n // 5),
    "odd capitals": lambda n: "aB" * (n // 2),
    "signs in words": lambda n: "£a±" * (n // 3),
    "cells": lambda n: '<c t="e"' * (n // 8),
    "cells and values": lambda n: '<c t="e"><v>' * (n // 12),
    "formats": lambda n: '"' + "[" * n,
}


def readers() -> dict[str, Callable[[str], object]]:
    """Give each reader that a text from outside comes to, by what it reads."""
    return {
        **{f"{column.name}, one cell": column.read for column in COLUMNS},
        **{f"{column.name}, another notation": partial(_notated, column.name) for column in COLUMNS},
        **{f"{column.name}, many cells": partial(_column, column.name) for column in COLUMNS},
        **{f"{column.name}, from JSON": column.take for column in COLUMNS},
        "a name that is searched": fold.fold_name,
        "words to search for": lambda text: query.words_of({"q": text}),
        "words, marked": lambda text: fold.mark(text[:255], search.read_words(text[:4_000])),
        "words among rows": lambda text: pages.parse_query({"q": text}, "all"),
        "a filter": lambda text: query.read_query({"min_age": text, "since": text, "import": text, "same_name": text}),
        "an actor": lambda text: query.typed_name({"actor": text}, "actor"),
        "a day": lambda text: query.parse_day({"from": text}, "from"),
        "a heading": headings.fold,
        "headings": lambda text: match_headings([text, f"{text}2"]),
        "a row of units": lambda text: left_out.is_units_row([text, text], ["id", "name"]),
        "a row of totals": lambda text: left_out.is_totals_row([text, text], ["id", "name"]),
        "options of a sheet": lambda text: options.guess(["id", "score"], [[text, text]]),
        "delimiters": lambda text: rows_of(text, ","),
        "an encoding": lambda text: encodings.oddness(text, western=True),
        "letters of an encoding": lambda text: list(encodings.FOREIGN.finditer(text.encode())),
        "errors of a workbook": lambda text: list(workbook_errors._errors_of(text.encode(), {b""})),
        "whether a workbook is to be calculated": lambda text: workbook_errors.TO_BE_CALCULATED.search(text.encode()),
        "a line with backslashes": rows._doubled,
        "a heading without its qualifier": headings.without_qualifier,
        "headings over two rows": lambda text: left_out.join_headings([[text, text], [text, text]], 0),
        "signs that nobody sees": fold.drop_unseen,
        "a format of a workbook": lambda text: workbook_percents._is_percent("1", {"1": text}),
        "an e-mail address": mailboxes.spell,
        "whoever signs in": mailboxes.spell_any,
        "a user's name": people.spell_name,
        "whom a name means": people.addresses,
        "a new password": lambda text: password_problem(text, text[:255]),
        "a recovery code": _hash_code,
        "a secret": accounts.hash_token,
        "a way back": partial(leads_below, "/rollbook"),
        "JSON": read_object,
        "a file's name": _shown_name,
    }


def measure(read: Callable[[str], object], text: str, rounds: int = 3) -> float:
    """Give the least CPU seconds of this thread that a reader takes, whatever it makes of the text."""
    return min(_once(read, text) for _ in range(rounds))


def table(n: int) -> Iterator[tuple[str, str, float, float]]:
    """Give reader, text, and the seconds for n and for 2n characters, of the text that takes each reader longest."""
    for name, read in readers().items():
        worst = max(WORST, key=lambda what: measure(read, WORST[what](n), 1))
        yield name, worst, measure(read, WORST[worst](n)), measure(read, WORST[worst](2 * n))


def _once(read: Callable[[str], object], text: str) -> float:
    started = time.thread_time()
    with contextlib.suppress(Problem, BadQuery, NotAnObject, mailboxes.NoAddress, people.BadName):
        read(text)
    return time.thread_time() - started


def _notated(name: str, text: str) -> None:
    for notation in NOTATIONS:
        with contextlib.suppress(Problem):
            BY_NAME[name].read(text, notation)


def _column(name: str, text: str) -> None:
    for notation in NOTATIONS:
        BY_NAME[name].read_all([text, f"{text} ", "1"], notation)
    cells.read_plain_texts([text])


if __name__ == "__main__":
    N = 50_000
    print(f"{'reader':28} {'worst text':22} {f'{N:,}':>10} {f'{2 * N:,}':>10}  ms of CPU")  # noqa: T201
    for name, text, once, twice in table(N):
        print(f"{name:28} {text:22} {once * 1e3:10.3f} {twice * 1e3:10.3f}")  # noqa: T201
