"""Read what the list's address asks for, and write it again: every view of the list is a link."""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import cached_property
from typing import Any

from merge.cells import Notation, read_text
from merge.columns import BY_NAME, COLUMNS, NAME, StudentColumn
from merge.problems import Problem
from merge.search import read_words
from time_zones import as_instant, day_begins
from words import _, day, later, moment, number, read_date_and_time

PER_PAGE = 50
MOST_PER_PAGE = 500
SIZES = (25, 50, 100, 250, 500)
# What bounds a column: from, up to, and up to but not with, for numbers that have no largest one under the next whole.
SIDES = ("min", "max", "below")
YES_OR_NO = {"yes": True, "no": False}
EXAMPLE = datetime(2026, 9, 1, 8, 30, tzinfo=UTC)
# More than any id, version or line has, and less than a database can't take.
DIGITS = 18
CUT_OFF = later("The address of this page was cut off or changed. Start again from the first page of the list.")
UNTYPABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


# By which of the ends are named: from, to, under.
RANGES = {
    (True, False, False): later("%(column)s at least %(low)s"),
    (False, True, False): later("%(column)s at most %(high)s"),
    (False, False, True): later("%(column)s under %(under)s"),
    (True, True, False): later("%(column)s from %(low)s to %(high)s"),
    (True, False, True): later("%(column)s from %(low)s to under %(under)s"),
    (False, True, True): later("%(column)s at most %(high)s and under %(under)s"),
    (True, True, True): later("%(column)s from %(low)s to %(high)s and under %(under)s"),
}


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
    outside: dict[str, bool] = field(default_factory=dict)
    """By column: whether its value is to be one that the column can't take, or not."""
    same_name: bool | None = None
    """Whether another student is to have the same name, or none."""
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
        # A time that names no offset means another one in another zone, such as where it is read by a program.
        read = {"since": self.since.isoformat()} if self.since else {}
        return {name: text for name, text in (self.typed | read).items() if name not in self.problems}

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
        makers = (self._range_chip, self._blank_chip, self._outside_chip)
        chips = [chip for column in COLUMNS for make in makers if (chip := make(column))]
        if self.same_name is not None:
            shared, own = (
                later("%(column)s is shared with another student"),
                later("%(column)s is not shared with another student"),
            )
            chips.append(Chip((shared if self.same_name else own) % {"column": NAME.label}, ("same_name",)))
        if self.since:
            chips.append(Chip(_("Changed since %(when)s", when=moment(self.since)), ("since",)))
        if self.import_id:
            chips.append(Chip(_("Changed by import %(id)s", id=self.import_id), ("import",)))
        return chips

    def sorted_by(self, column: str) -> dict[str, str]:
        """Give the address that sorts by the column, or the other way round if this list is sorted by it already."""
        turned = column == self.sort and not self.descending
        return replace(self, sort=column, descending=turned).address

    def without(self, chip: Chip) -> dict[str, str]:
        return {name: text for name, text in self.address.items() if name not in chip.parameters}

    def _range_chip(self, column: StudentColumn) -> Chip | None:
        low, high, under = (self.bounds.get(f"{side}_{column.name}") for side in SIDES)
        if low is None and high is None and under is None:
            return None
        written = {"column": column.label, "low": column.write(low), "high": column.write(high), "under": column.write(under)}
        if low == high and under is None:
            words = _("%(column)s is %(low)s", **written)
        else:
            # Both ends at the top are rare: an address that was put together by hand.
            words = RANGES[low is not None, high is not None, under is not None] % written
        return Chip(words, tuple(f"{side}_{column.name}" for side in SIDES))

    def _blank_chip(self, column: StudentColumn) -> Chip | None:
        if column.name not in self.blanks:
            return None
        blank, filled = later("%(column)s is blank"), later("%(column)s is not blank")
        sentence = (blank if self.blanks[column.name] else filled) % {"column": column.label}
        return Chip(sentence, (f"blank_{column.name}",))

    def _outside_chip(self, column: StudentColumn) -> Chip | None:
        if column.name not in self.outside:
            return None
        outside, within = (
            later("%(column)s is outside %(low)s to %(high)s"),
            later("%(column)s is not outside %(low)s to %(high)s"),
        )
        facts = {"column": column.label, "low": number(column.minimum or 0), "high": number(column.maximum or 0)}
        return Chip((outside if self.outside[column.name] else within) % facts, (f"outside_{column.name}",))


def parse_query(arguments: Mapping[str, str], zone: tzinfo = UTC) -> Query:
    """Read a list's address, whose times are the zone's. Raises BadQuery."""
    query = read_query(arguments, zone)
    for problem in query.problems.values():
        raise BadQuery(problem)
    return query


def read_query(arguments: Mapping[str, str], zone: tzinfo = UTC) -> Query:
    """Read a list's address, and keep what is wrong with a filter as somebody typed it. Raises BadQuery for all else."""
    order = arguments.get("sort") or NAME.name
    if order.removeprefix("-") not in BY_NAME:
        raise BadQuery(
            _(
                "The list can't be sorted by “%(order)s”. It can be sorted by %(columns)s.",
                order=order[:40],
                columns=", ".join(BY_NAME),
            )
        )
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
        zone,
    )


def words_of(arguments: Mapping[str, str]) -> str:
    """Read the words to search for as names are read, or nothing would be found. Raises BadQuery.

    What can't be typed can't be meant either.
    """
    try:
        return read_text(UNTYPABLE.sub(" ", arguments.get("q", "")))
    except Problem as problem:
        raise BadQuery(problem.sentence(_("The search"))) from None


def parse_per_page(arguments: Mapping[str, str]) -> int:
    """Read how many students a page shall hold. Raises BadQuery."""
    text = arguments.get("per_page") or str(PER_PAGE)
    if not is_whole(text) or not 1 <= int(text) <= MOST_PER_PAGE:
        raise BadQuery(_("A page can show 1 to %(most)s students, not “%(text)s”.", most=MOST_PER_PAGE, text=text[:40]))
    return int(text)


def parse_place(arguments: Mapping[str, str], name: str) -> int | None:
    """Read the whole number next to which a page begins; None if the address names none. Raises BadQuery."""
    text = arguments.get(name, "").strip()
    if not text:
        return None
    if not is_whole(text):
        raise BadQuery(str(CUT_OFF))
    return int(text)


def typed_name(arguments: Mapping[str, str], name: str) -> str:
    """Read a name to filter by; what can't be typed is in none of them."""
    return UNTYPABLE.sub("", arguments.get(name, "")).strip()[:255]


def parse_day(arguments: Mapping[str, str], name: str) -> date | None:
    """Read a day; None if the address names none. Raises BadQuery."""
    text = arguments.get(name, "").strip()
    try:
        if written := read_date_and_time(text):
            return written[0]
        return date.fromisoformat(text) if text else None
    except ValueError:
        raise BadQuery(
            _("“%(text)s” is not a date. Enter it like this: %(example)s.", text=text[:40], example=day(EXAMPLE))
        ) from None


def parse_moment(text: str, zone: tzinfo = UTC) -> datetime:
    """Read a date and time, or a date for when its day begins; one that names no offset is the zone's. Raises BadQuery.

    It comes back with the offset that the zone has then.
    """
    try:
        return _with_offset(_instant(text, zone), zone)
    except (ValueError, OverflowError):
        raise BadQuery(
            _("“%(text)s” is not a date and time. Enter them like this: %(example)s.", text=text[:40], example=example_of_time())
        ) from None


def example_of_time() -> str:
    """Write a date and time as people do in the reader's language."""
    return f"{day(EXAMPLE)}, {EXAMPLE:%H:%M}"


def _instant(text: str, zone: tzinfo) -> datetime:
    """Read what people write, or programs. Raises ValueError and OverflowError."""
    if written := read_date_and_time(text):
        on, clock = written
        return as_instant(datetime.combine(on, clock), zone) if clock else day_begins(on, zone)
    with suppress(ValueError):
        return day_begins(date.fromisoformat(text.strip()), zone)
    return as_instant(datetime.fromisoformat(text.strip().replace(" ", "+") if "T" in text else text.strip()), zone)


def _with_offset(at: datetime, zone: tzinfo) -> datetime:
    """Give it as the zone's clock shows it; by its offset alone, as Python counts wrongly between two offsets of one zone."""
    offset = at.astimezone(zone).utcoffset() or timedelta()
    return at.astimezone(timezone(offset))


def is_whole(text: str) -> bool:
    """Tell whether it is a whole number that any database takes."""
    return text.isascii() and text.isdecimal() and len(text) <= DIGITS


def filter_names() -> list[str]:
    """Name each parameter that filters."""
    bounds = [f"{side}_{column.name}" for column in COLUMNS if column.kind is not str for side in SIDES]
    blanks = [f"blank_{column.name}" for column in COLUMNS if not column.required]
    outside = [f"outside_{column.name}" for column in COLUMNS if column.bounded]
    return [*bounds, *blanks, *outside, "same_name", "since", "import"]


def _with_filters(query: Query, arguments: Mapping[str, str], zone: tzinfo) -> Query:
    typed = {name: text for name in filter_names() if (text := UNTYPABLE.sub(" ", arguments.get(name, "")).strip())}
    read, problems = dict[str, Any](), dict[str, str]()
    for name, text in typed.items():
        try:
            read[name] = parse_moment(text, zone) if name == "since" else _read_filter(name, text)
        except BadQuery as problem:
            problems[name] = str(problem)
    return replace(
        query,
        bounds={name: read[name] for name in read if name.partition("_")[0] in SIDES},
        blanks=_by_column(read, "blank_"),
        outside=_by_column(read, "outside_"),
        same_name=read.get("same_name"),
        since=read.get("since"),
        import_id=read.get("import"),
        typed=typed,
        problems=problems,
    )


def _by_column(read: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name.removeprefix(prefix): value for name, value in read.items() if name.startswith(prefix)}


def _read_filter(name: str, text: str) -> Any:
    kind, _, column = name.partition("_")
    if kind in SIDES:
        return _read_bound(BY_NAME[column], text)
    return _read_import(text) if name == "import" else _read_yes_or_no(text)


def _read_bound(column: StudentColumn, text: str) -> Any:
    try:
        return _read_in_either_way(column, text)
    except Problem as problem:
        raise BadQuery(problem.sentence(column.label)) from None


def _read_in_either_way(column: StudentColumn, text: str) -> Any:
    """Read a number with either sign before decimals: a link that one reader sends to another goes on to mean the same."""
    try:
        return column.read(text)
    except Problem as problem:
        if problem.code != "decimal":
            raise
        return column.read(text, Notation(","))


def _read_yes_or_no(text: str) -> bool:
    if text not in YES_OR_NO:
        raise BadQuery(_("Enter “yes” or “no” instead of “%(text)s”.", text=text[:40]))
    return YES_OR_NO[text]


def _read_import(text: str) -> int:
    if not is_whole(text) or not int(text):
        raise BadQuery(_("“%(text)s” is not the number of an import. The list of imports shows the numbers.", text=text[:40]))
    return int(text)
