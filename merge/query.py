"""Read what the list's address asks for, and write it again: every view of the list is a link."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from merge.cells import read_text
from merge.columns import BY_NAME, COLUMNS, NAME, StudentColumn
from merge.problems import Problem
from merge.search import read_words

PER_PAGE = 50
MOST_PER_PAGE = 500
SIZES = (25, 50, 100, 250, 500)
SIDES = ("min", "max")
BLANK = {"yes": True, "no": False}
# More than any id, version or line has, and less than a database can't take.
DIGITS = 18
CUT_OFF = "The address of this page was cut off or changed. Start again from the first page of the list."
UNTYPABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class BadQuery(ValueError):
    """The address asks for something that no list has; the message says what, as a sentence."""


@dataclass(frozen=True)
class Chip:
    """A filter in words, and the address's parameters that make it."""

    label: str
    parameters: tuple[str, ...]


@dataclass(frozen=True)
class Query:
    """What the list's address asks for."""

    q: str = ""
    sort: str = NAME.name
    descending: bool = False
    per_page: int = PER_PAGE
    bounds: dict[str, Any] = field(default_factory=dict)
    """By parameter, such as min_age."""
    blanks: dict[str, bool] = field(default_factory=dict)
    """By column: whether it is to be blank, or not."""
    since: datetime | None = None
    import_id: int | None = None
    after: str | None = None
    before: str | None = None
    typed: dict[str, str] = field(default_factory=dict)
    """Each filter as it was typed, by parameter."""
    problems: dict[str, str] = field(default_factory=dict)
    """What is wrong with filters, which then count as none, as sentences by parameter."""

    @cached_property
    def words(self) -> tuple[str, ...]:
        return read_words(self.q)

    @property
    def order(self) -> str:
        return ("-" if self.descending else "") + self.sort

    @property
    def narrowed(self) -> bool:
        return bool(self.q or self.filters)

    @property
    def filters(self) -> dict[str, str]:
        """Give the address's parameters that filter, without those that are wrong."""
        return {name: text for name, text in self.typed.items() if name not in self.problems}

    @property
    def address(self) -> dict[str, str]:
        """Give the parameters that lead to the first page of this list, none that goes without saying."""
        own = {"q": self.q, **self.filters}
        own |= {"sort": self.order} if self.order != NAME.name else {}
        own |= {"per_page": str(self.per_page)} if self.per_page != PER_PAGE else {}
        return {name: text for name, text in own.items() if text}

    @property
    def chips(self) -> list[Chip]:
        """Say each filter in words."""
        chips = [chip for column in COLUMNS for chip in (self._range_chip(column), self._blank_chip(column)) if chip]
        if self.since:
            chips.append(Chip(f"Changed since {self.since:%-d %b %Y, %H:%M} UTC", ("since",)))
        if self.import_id:
            chips.append(Chip(f"Touched by import {self.import_id}", ("import",)))
        return chips

    def sorted_by(self, column: str) -> dict[str, str]:
        """Give the address that sorts by the column, or the other way round if this list is sorted by it already."""
        turned = column == self.sort and not self.descending
        return replace(self, sort=column, descending=turned).address

    def without(self, chip: Chip) -> dict[str, str]:
        return {name: text for name, text in self.address.items() if name not in chip.parameters}

    def _range_chip(self, column: StudentColumn) -> Chip | None:
        low, high = (self.bounds.get(f"{side}_{column.name}") for side in SIDES)
        if low is None and high is None:
            return None
        if low == high:
            words = f"{column.label} is {column.write(low)}"
        elif low is not None and high is not None:
            words = f"{column.label} from {column.write(low)} to {column.write(high)}"
        else:
            words = (
                f"{column.label} at least {column.write(low)}" if high is None else f"{column.label} at most {column.write(high)}"
            )
        return Chip(words, (f"min_{column.name}", f"max_{column.name}"))

    def _blank_chip(self, column: StudentColumn) -> Chip | None:
        if column.name not in self.blanks:
            return None
        return Chip(f"{column.label} is {'' if self.blanks[column.name] else 'not '}blank", (f"blank_{column.name}",))


def parse_query(arguments: Mapping[str, str]) -> Query:
    """Read a list's address. Raises BadQuery."""
    query = read_query(arguments)
    for problem in query.problems.values():
        raise BadQuery(problem)
    return query


def read_query(arguments: Mapping[str, str]) -> Query:
    """Read a list's address, and keep what is wrong with a filter as somebody typed it. Raises BadQuery for all else."""
    order = arguments.get("sort") or NAME.name
    if order.removeprefix("-") not in BY_NAME:
        raise BadQuery(f"The list can't be sorted by “{order[:40]}”. It can be sorted by {', '.join(BY_NAME)}.")
    return _with_filters(
        Query(
            q=words_of(arguments),
            sort=order.removeprefix("-"),
            descending=order.startswith("-"),
            per_page=parse_per_page(arguments),
            after=arguments.get("after") or None,
            before=arguments.get("before") or None,
        ),
        arguments,
    )


def words_of(arguments: Mapping[str, str]) -> str:
    """Read the words to search for as names are read, or nothing would be found; what can't be typed can't be meant either."""
    return read_text(UNTYPABLE.sub(" ", arguments.get("q", "")))


def parse_per_page(arguments: Mapping[str, str]) -> int:
    """Read how many students a page shall hold. Raises BadQuery."""
    text = arguments.get("per_page") or str(PER_PAGE)
    if not _is_whole(text) or not 1 <= int(text) <= MOST_PER_PAGE:
        raise BadQuery(f"A page can hold 1 to {MOST_PER_PAGE} students, but the address asks for “{text[:40]}”.")
    return int(text)


def parse_place(arguments: Mapping[str, str], name: str) -> int | None:
    """Read the whole number next to which a page begins; None if the address names none. Raises BadQuery."""
    text = arguments.get(name, "").strip()
    if not text:
        return None
    if not _is_whole(text):
        raise BadQuery(CUT_OFF)
    return int(text)


def parse_moment(text: str) -> datetime:
    """Read a date, or a date and time; one that names no offset is meant in UTC. Raises BadQuery."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip())
        return (moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment).astimezone(UTC)
    except (ValueError, OverflowError):
        raise BadQuery(f"“{text[:40]}” is no moment. Write a date and a time, such as 2026-03-01T12:00.") from None


def filter_names() -> list[str]:
    """Name each parameter that filters."""
    numbers = [column.name for column in COLUMNS if column.kind is not str]
    blanks = [f"blank_{column.name}" for column in COLUMNS if not column.required]
    return [*(f"{side}_{name}" for name in numbers for side in SIDES), *blanks, "since", "import"]


def _with_filters(query: Query, arguments: Mapping[str, str]) -> Query:
    bounds, blanks, read = dict[str, Any](), dict[str, bool](), dict[str, Any]()
    typed = {name: text for name in filter_names() if (text := UNTYPABLE.sub(" ", arguments.get(name, "")).strip())}
    problems: dict[str, str] = {}
    for name, text in typed.items():
        kind, _, column = name.partition("_")
        try:
            if kind in SIDES:
                bounds[name] = _read_bound(BY_NAME[column], text)
            elif kind == "blank":
                blanks[column] = _read_blank(text)
            else:
                read["since" if kind == "since" else "import_id"] = (parse_moment if kind == "since" else _read_import)(text)
        except BadQuery as problem:
            problems[name] = str(problem)
    return replace(query, bounds=bounds, blanks=blanks, typed=typed, problems=problems, **read)


def _read_bound(column: StudentColumn, text: str) -> Any:
    try:
        return column.read(text)
    except Problem as problem:
        raise BadQuery(problem.sentence(column.label)) from None


def _read_blank(text: str) -> bool:
    if text not in BLANK:
        raise BadQuery("A column is blank or not: “yes” or “no”.")
    return BLANK[text]


def _read_import(text: str) -> int:
    if not _is_whole(text) or not int(text):
        raise BadQuery(f"“{text[:40]}” is not the number of an import. Numbers stand in the list of imports.")
    return int(text)


def _is_whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS
