"""The student's columns as the model names them, each with the reader that its cells obey."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from merge.cells import (
    PLAIN,
    Notation,
    read_number,
    read_plain_numbers,
    read_plain_texts,
    read_plain_wholes,
    read_text,
    read_whole,
    show_cell,
    write_cell,
)
from merge.headings import fold, without_qualifier
from merge.problems import Problem
from models import students
from text_bounds import MAX_LENGTH
from words import Later, _, later, number

READERS: dict[type, Callable[[str, Notation], Any]] = {int: read_whole, float: read_number, str: read_text}
# A cell at a time is what it takes to name a problem; most columns of most sheets have none and are read at once.
COLUMN_READERS: dict[type, Callable[[Sequence[str], Notation], Sequence[Any] | None]] = {
    int: read_plain_wholes,
    float: read_plain_numbers,
    str: read_plain_texts,
}
HINTS: dict[Any, Later] = {
    "text": later("At most %(maximum)s characters."),
    (int, True): later("A whole number from %(minimum)s to %(maximum)s."),
    (int, False): later("A whole number from %(minimum)s to %(maximum)s, or blank."),
    (float, True): later("A number from %(minimum)s to %(maximum)s."),
    (float, False): later("A number from %(minimum)s to %(maximum)s, or blank."),
}
# What `choices` calls the parts that the model names.
PARTS = (later("First name"), later("Last name"))
UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue"})
# So many cells are read one by one where one among them has a problem.
CELLS_IN_DOUBT = 200


@dataclass(frozen=True)
class StudentColumn:
    """One column of a student's record."""

    name: str
    heading: str
    """What a sheet of ours calls it, whoever reads it."""
    kind: type[int] | type[float] | type[str]
    required: bool
    key: bool
    minimum: int | None
    maximum: int | None
    by: str
    """The column that it is held against, if any."""
    own: frozenset[str]
    """Its name and its label, folded: whatever else another column may be called, these are this one."""
    headings: frozenset[str]
    """Every heading, folded, that a sheet may use for it."""
    stronger: frozenset[str]
    """Those that are meant where a sheet has several of them."""
    doubtful: frozenset[str]
    """Those that a sheet may as well use for something else, such as a running number or a year level."""
    match: bool
    """Whether rows of a sheet may find their students by it."""
    match_with: tuple[str, ...]
    """The columns together with which they may."""
    parts: Mapping[str, Mapping[str, frozenset[str]]]
    """The parts that it may be joined of, in order: for each of a part's headings those of which one must stand beside it."""

    @property
    def label(self) -> str:
        """Name it in the reader's language."""
        return _(self.heading)

    @property
    def choices(self) -> dict[str, str]:
        """Label what a sheet's column may be chosen as: the whole column, "name", or a part of it, "name:first"."""
        parts = {f"{self.name}:{part}": f"{part.capitalize()} {self.name}" for part in self.parts}
        return {self.name: self.label} | {choice: _(label) for choice, label in parts.items()}

    @property
    def bounded(self) -> bool:
        """Whether it holds numbers that the model bounds, and that can be too small or too large for it."""
        return self.kind is not str and not self.key and self.minimum is not None and self.maximum is not None

    @property
    def unbounded(self) -> "StudentColumn":
        """The same column for any amount, to see what a sheet counts in."""
        return replace(self, minimum=None, maximum=None)

    @property
    def hint(self) -> str:
        """Say in a few words what fits."""
        bounds = {"minimum": number(self.minimum or 0), "maximum": number(self.maximum or 0)}
        return HINTS["text" if self.kind is str else (self.kind, self.required)] % bounds

    def read(self, text: str, notation: Notation = PLAIN) -> Any:
        """Give the value of a cell, None for a blank one. Raises Problem."""
        if not text or text.isspace():
            if self.required:
                raise Problem("blank")
            return None
        if self.kind is str and len(text) > MAX_LENGTH:
            raise Problem("long", length=len(text), maximum=self.maximum or MAX_LENGTH)
        # Some systems write their IDs "#400123", so that a spreadsheet keeps them as texts.
        value = READERS[self.kind](text.strip().removeprefix("#") if self.key else text, notation)
        self._check(value, text)
        return value

    def take(self, value: Any) -> Any:
        """Give the value of a text or a number that another system sends, which has to obey what a cell does. Raises Problem."""
        fits = isinstance(value, str) if self.kind is str else isinstance(value, int | float) and not isinstance(value, bool)
        if value is not None and not fits:
            raise Problem("kind", kind="text" if self.kind is str else "number", text=json.dumps(value))
        return self.read(write_cell(value))

    def read_all(self, texts: Sequence[str], notation: Notation = PLAIN) -> tuple[Sequence[Any], dict[int, Problem]]:
        """Read many cells as `read` does: the values, and the problems by their place."""
        values = self._read_at_once(texts, notation)
        if values is not None:
            return values, {}
        known = self._read_distinct(list(set(texts)), notation)
        outcomes = [known[text] for text in texts]
        problems = {place: outcome for place, outcome in enumerate(outcomes) if isinstance(outcome, Problem)}
        return ([None if isinstance(o, Problem) else o for o in outcomes] if problems else outcomes), problems

    def _read_at_once(self, texts: Sequence[str], notation: Notation) -> Sequence[Any] | None:
        """Read cells without a step of Python a cell if nothing is wrong with any; None if something may be."""
        if all(texts):
            values = COLUMN_READERS[self.kind](texts, notation)
            return values if values is not None and self._all_fit(values) else None
        if self.required:
            return None
        filled = self._read_at_once(list(filter(None, texts)), notation)
        upcoming = iter(filled or ())
        return None if filled is None else [next(upcoming) if text else None for text in texts]

    def _read_distinct(self, texts: Sequence[str], notation: Notation) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for start in range(0, len(texts), CELLS_IN_DOUBT):
            part = texts[start : start + CELLS_IN_DOUBT]
            read = self._read_at_once(part, notation) or [self._read_or_problem(text, notation) for text in part]
            known.update(zip(part, read, strict=True))
        return known

    def _read_or_problem(self, text: str, notation: Notation) -> Any:
        try:
            return self.read(text, notation)
        except Problem as problem:
            return problem

    def _all_fit(self, values: Sequence[Any]) -> bool:
        if not values:
            return True
        sizes = [*map(len, values)] if self.kind is str else values
        low = 1 if self.kind is str else self.minimum
        return (low is None or min(sizes) >= low) and (self.maximum is None or max(sizes) <= self.maximum)

    def _check(self, value: Any, text: str) -> None:
        if isinstance(value, str):
            if not value:
                raise Problem("blank")
            if self.maximum is not None and len(value) > self.maximum:
                raise Problem("long", length=len(value), maximum=self.maximum)
        elif not self._all_fit([value]):
            raise Problem("range", minimum=self.minimum, maximum=self.maximum, text=text.strip())

    write = staticmethod(show_cell)


def match_headings(headings: Sequence[str]) -> list[str | None]:
    """Guess what each heading is: a student column "name", a part of one "name:first", or None where no column goes by it."""
    folded = [_known(heading) for heading in headings]
    guesses = [_meaning(heading, set(folded)) for heading in folded]
    for column in COLUMNS:
        strong = [place for place, guess in enumerate(guesses) if guess == column.name and folded[place] in column.stronger]
        parts = set(column.choices) - {column.name}
        drop = {column.name} if strong else parts if column.name in guesses or not parts <= set(guesses) else set()
        guesses = [guess if guess not in drop or place in strong else None for place, guess in enumerate(guesses)]
    return guesses


def places(columns: Sequence[str | None]) -> dict[str, list[int]]:
    """Give the places of the sheet's columns that make up each student column: one, or those of its parts in their order."""
    return {
        column.name: found
        for column in COLUMNS
        if (found := [columns.index(choice) for choice in column.choices if choice in columns])
    }


def column_of(choice: str) -> str:
    """Name the student column that "name" or "name:first" belongs to."""
    return choice.partition(":")[0]


def clashes(columns: Sequence[str | None]) -> dict[int, str]:
    """Say at each place what is wrong with the choice there: the same column twice, a part without the others."""
    chosen = Counter(filter(None, columns))
    return {place: sentence for place, choice in enumerate(columns) if choice and (sentence := _clash(choice, chosen))}


def _known(heading: str) -> str:
    """Fold a heading; without its qualifier where it is known only so."""
    folded, bare = fold(heading), fold(without_qualifier(heading))
    return bare if bare != folded and _meaning(folded, set()) is None else folded


def _meaning(folded: str, beside: set[str]) -> str | None:
    """Name the column or part that goes by the heading; a part first, if what has to stand beside it does."""
    for column in COLUMNS:
        for part, headings in column.parts.items():
            if folded in headings and (not headings[folded] or headings[folded] & beside):
                return f"{column.name}:{part}"
    named = (column.name for headings in ("own", "headings") for column in COLUMNS if folded in getattr(column, headings))
    return next(named, None)


def _clash(choice: str, chosen: Counter[str]) -> str | None:
    column = BY_NAME[column_of(choice)]
    label = column.choices[choice]
    if chosen[choice] > 1:
        return _("%(label)s is chosen more than once. Keep one of these columns and ignore the others.", label=label)
    if choice == column.name:
        return None
    if chosen[column.name]:
        return _(
            "There is already a %(column)s column, so %(part)s can’t be joined to it. Ignore one of the two.",
            column=column.label,
            part=label,
        )
    missing = [other for part, other in column.choices.items() if part != column.name and not chosen[part]]
    if not missing:
        return None
    return _(
        "%(part)s alone is not the whole %(column)s. Choose a column for %(missing)s too.",
        part=label,
        column=column.label,
        missing=missing[0],
    )


def _student_columns() -> Iterable[StudentColumn]:
    for column in students.columns:
        if "label" not in column.info:
            continue
        info = column.info
        yield StudentColumn(
            name=column.name,
            heading=str(info["label"]),
            kind=column.type.python_type,
            required=not column.nullable,
            key=column.primary_key,
            minimum=info.get("min"),
            maximum=column.type.length if isinstance(column.type, sa.String) else info.get("max"),
            by=info.get("by", ""),
            own=_folded(column.name, str(info["label"])),
            headings=_folded(column.name, str(info["label"]), *info.get("headings", ()), *info.get("stronger", ())),
            stronger=_folded(*info.get("stronger", ())),
            doubtful=_folded(*info.get("doubtful", ())),
            match=info.get("match", False),
            match_with=tuple(info.get("match_with", ())),
            parts={part: _with_beside(headings) for part, headings in info.get("parts", {}).items()},
        )


def _folded(*headings: str) -> frozenset[str]:
    """Fold headings, those with an umlaut also as systems without it write them."""
    return frozenset(fold(written) for heading in headings for written in (heading, heading.casefold().translate(UMLAUTS)))


def _with_beside(headings: Iterable[str]) -> dict[str, frozenset[str]]:
    """Take "nom beside prénom" apart; a heading may be listed beside several."""
    beside: dict[str, set[str]] = {}
    for heading in headings:
        own, _, other = heading.partition(" beside ")
        beside.setdefault(fold(own), set()).update({fold(other)} if other else ())
    return {own: frozenset(others) for own, others in beside.items()}


COLUMNS = tuple(_student_columns())
BY_NAME = {column.name: column for column in COLUMNS}
KEY = next(column for column in COLUMNS if column.key)
VALUES = tuple(column for column in COLUMNS if not column.key)
NAME = BY_NAME["name"]
# A row finds its student by any of them.
MATCHING = {column.name for column in COLUMNS if column.match}
