"""What a sheet leaves open: a question in plain words, the columns that it is about, and its answers, each one click away.

An answer says how the sheet is read from then on: other columns, other options, or only that the question is settled.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from documents import known
from merge.columns import NAME, StudentColumn
from merge.options import Options
from merge.sheet import Sheet
from words import Later, later

# Answers to these hold for one sheet: the next one with the same headings may number other students.
ASKED_EACH_TIME = ("unnamed-key", "other-names")
# Answers to these hold as long as the same names are beside the same IDs.
ASKED_OF_NAMES = ("unnamed",)


class NoSuchAnswer(LookupError):
    """The import does not ask this, or not any more, or offers other answers."""


@dataclass(frozen=True)
class Answer:
    """What a person may choose, and what the sheet is read like then."""

    code: str
    label: Later
    columns: Mapping[int, str | None] = field(default_factory=dict)
    """The student's column for the sheet's column at each place."""
    options: Mapping[str, Any] = field(default_factory=dict)
    settles: tuple[str, ...] = ()
    """The keys of other questions that it answers as well."""

    def to_json(self) -> dict[str, Any]:
        columns = {str(place): column for place, column in self.columns.items()}
        return {**vars(self), "label": self.label.dump(), "columns": columns, "settles": list(self.settles)}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Answer":
        columns = {int(place): column for place, column in kept.get("columns", {}).items()}
        read = {"label": Later.load(kept["label"]), "columns": columns, "settles": tuple(kept.get("settles", ()))}
        return known(cls, {**kept, **read})


@dataclass(frozen=True)
class Question:
    """What has to be decided before the sheet may change a student."""

    code: str
    places: tuple[int, ...]
    """The sheet's columns that it is about."""
    sentence: Later
    answers: tuple[Answer, ...] = ()
    """None where only the page of the columns has the answer."""
    blocks: bool = False
    """Whether the rows mean nothing before it is answered, so that they are not read."""

    @property
    def key(self) -> str:
        """Tell it from the same question about other columns."""
        return f"{self.code}:{','.join(map(str, self.places))}"

    def to_json(self) -> dict[str, Any]:
        answers = [answer.to_json() for answer in self.answers]
        return {**vars(self), "places": list(self.places), "sentence": self.sentence.dump(), "answers": answers}

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Question":
        answers = tuple(map(Answer.from_json, kept.get("answers", ())))
        read = {"places": tuple(kept["places"]), "sentence": Later.load(kept["sentence"]), "answers": answers}
        return known(cls, {**kept, **read})


def load_questions(kept: Sequence[Mapping[str, Any]] | None) -> list[Question]:
    return [Question.from_json(question) for question in kept or ()]


def dump_questions(questions: Iterable[Question]) -> list[dict[str, Any]] | None:
    """Write them as an import keeps them: None where there are none."""
    return [question.to_json() for question in questions] or None


def unanswered(questions: Iterable[Question], options: Options) -> list[Question]:
    return [question for question in questions if question.key not in options.answers]


def answered(questions: Iterable[Question], key: str, code: str, sheet: Sheet, options: Options) -> tuple[Sheet, Options]:
    """Give the sheet and options as the answer has them read. Raises NoSuchAnswer."""
    for question in questions:
        for answer in question.answers:
            if (question.key, answer.code) == (key, code):
                return _read_so(question, answer, sheet, options)
    raise NoSuchAnswer(key, code)


def named(sheet: Sheet, place: int) -> Later:
    """Name a column of the sheet within a sentence."""
    if sheet.headings[place]:
        return later("“%(text)s”", text=sheet.headings[place])
    return later("column %(place)s, which has no heading,", place=place + 1) if place else FIRST


def is_column(sheet: Sheet, place: int, column: StudentColumn, **options: str) -> Answer:
    """Take a column of the sheet for one of the student's."""
    label = later("%(heading)s is the %(column)s", heading=named(sheet, place), column=later(column.heading))
    return Answer(str(place), label, {place: column.name}, options)


def by_name(place: int) -> Answer:
    """Match rows by name, and leave alone what was taken for the ID."""
    name = later("Match by name instead")
    return Answer("name", name, {place: None}, {"match": NAME.name}, settles=(f"ignored-ids:{place}",))


FIRST = later("the first column, which has no heading,")


def without(answers: Mapping[str, str], codes: Iterable[str]) -> dict[str, str]:
    """Leave out the answers to questions of these codes."""
    return {key: answer for key, answer in answers.items() if key.partition(":")[0] not in set(codes)}


def places_of(answers: Iterable[str], *codes: str) -> set[int]:
    """Give the columns that questions of these codes were about, or of any code, by their keys."""
    keys = [key.partition(":") for key in answers]
    return {int(place) for code, _, places in keys if not codes or code in codes for place in places.split(",") if place}


def _read_so(question: Question, answer: Answer, sheet: Sheet, options: Options) -> tuple[Sheet, Options]:
    columns = [answer.columns.get(place, column) for place, column in enumerate(sheet.columns)]
    changed: dict[str, Any] = {}
    for name, value in answer.options.items():
        changed[name] = {**getattr(options, name), **value} if isinstance(value, dict) else value
    settled = {**options.answers, question.key: answer.code, **dict.fromkeys(answer.settles, answer.code)}
    return replace(sheet, columns=columns), replace(options, **changed, answers=settled)
