"""Who is who: classes and sheets are made up so that it is known whom each row means, and what came of them is judged by that.

Each row of a sheet has a score that no other has: whoever has it after the import is whom the row was taken to mean.
"""

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from merge import record
from merge.door import let_students_follow, open_change
from merge.fold import fold_name, name_key
from merge.identity import alike_keys, spelling_keys
from merge.imports import lifecycle, receiving
from merge.merge_students import merge_students
from models import Student, merged_ids, revisions
from tests.merge.conftest import run
from tests.merge.test_agreement import _empty as empty

GIVEN = (
    *(
        "Ada",
        "Anna Lena",
        "Lena Anna",
        "Anna-Lena",
        "Jan",
        "Jana",
        "Marie",
        "Maria",
        "René",
        "Rene",
        "Zoë",
        "Mohammed",
        "Mohamed",
    ),
    *("Siobhán", "Jürgen", "Juergen", "Łukasz", "Ngọc Ánh", "Bo", "B.", "Kim", "王", "Özgür", "Chloé", "Ben", "Noor"),
)
FAMILY = (
    *("Lovelace", "Meier", "Meier-Groß", "Groß", "O'Brien", "García López", "López", "Nguyễn", "Lee", "Kowalski", "Kowalska"),
    *("Müller", "Mueller", "de la Cruz", "Roy", "小明", "Yılmaz", "Smith"),
)


@dataclass(frozen=True)
class Person:
    """Somebody, whatever they are called."""

    number: int
    given: str
    family: str

    @property
    def name(self) -> str:
        return f"{self.given} {self.family}"


@dataclass(frozen=True)
class Row:
    """A row of the sheet: whom it is about, and what it says."""

    person: Person
    student_id: int | None
    name: str


@dataclass
class Class:
    """Who is stored under which ID, whose ID a deleted student had, and which IDs lead to others."""

    stored: dict[int, Person] = field(default_factory=dict)
    deleted: dict[int, Person] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    people: int = 0

    def somebody(self, random: Random) -> Person:
        """Make up a person: often a sibling of somebody, now and then a twin, or somebody of the very same name."""
        self.people += 1
        given, family = random.choice(GIVEN), random.choice(FAMILY)
        if self.stored and random.random() < 0.4:
            family = random.choice([*self.stored.values()]).family
        return Person(self.people, given, family)


def made_up(random: Random, size: int) -> Class:
    made = Class()
    for student_id in random.sample(range(1, size + 1), size):
        made.stored[student_id] = made.somebody(random)
    return made


def _rows(made: Class) -> list[Row]:
    return [Row(person, student_id, person.name) for student_id, person in sorted(made.stored.items())]


def _swapped(random: Random, made: Class) -> list[Row]:
    """Two rows have each other's ID. Of two people of one name nothing in the sheet could tell that."""
    rows = _rows(made)
    one = random.randrange(len(rows))
    other = random.choice([place for place, row in enumerate(rows) if row.name != rows[one].name] or [one])
    first, second = rows[one], rows[other]
    rows[one], rows[other] = replace(first, student_id=second.student_id), replace(second, student_id=first.student_id)
    return rows


def _sorted_alone(_random: Random, made: Class) -> list[Row]:
    """The column of names was sorted by itself, so that each name stands beside somebody else's number and score."""
    rows = _rows(made)
    return [replace(row, name=name) for row, name in zip(rows, sorted(row.name for row in rows), strict=True)]


def _renumbered(random: Random, made: Class) -> list[Row]:
    rows = random.sample(_rows(made), len(made.stored))
    return [replace(row, student_id=number) for number, row in enumerate(rows, 1)]


def _shifted(_random: Random, made: Class) -> list[Row]:
    rows = _rows(made)
    ids = [row.student_id for row in rows]
    return [replace(row, student_id=student_id) for row, student_id in zip(rows, [*ids[1:], ids[0]], strict=True)]


def _reused(random: Random, made: Class) -> list[Row]:
    """Somebody left, and their number is given to somebody else."""
    student_id = random.choice([*made.stored])
    made.deleted[student_id] = made.stored.pop(student_id)
    return [*_rows(made), Row(new := made.somebody(random), student_id, new.name)]


def _merged(random: Random, made: Class) -> list[Row]:
    """Somebody was stored twice, which was mended, and the sheet has the other number."""
    student_id = random.choice([*made.stored])
    other = max(made.stored) + 1
    made.merged[other] = student_id
    return [replace(row, student_id=other) if row.student_id == student_id else row for row in _rows(made)]


def _newcomers(random: Random, made: Class) -> list[Row]:
    rows = random.sample(_rows(made), len(made.stored) * 3 // 4)
    # Of a sheet by name nobody could tell somebody new from a student of the same name who is not in the sheet.
    for person in (made.somebody(random) for _ in range(3)):
        if not any(could_be(person, other) for other in [*made.stored.values(), *(row.person for row in rows)]):
            rows.append(Row(person, 100 + person.number, person.name))
    return rows


def _renamed(random: Random, made: Class) -> list[Row]:
    rows = _rows(made)
    place = random.randrange(len(rows))
    rows[place] = replace(rows[place], name=f"{rows[place].person.given} {random.choice(FAMILY)}")
    return rows


KINDS: dict[str, Callable[[Random, Class], list[Row]]] = {
    "other values": lambda _random, made: _rows(made),
    "two IDs swapped": _swapped,
    "names sorted alone": _sorted_alone,
    "rows numbered": _renumbered,
    "IDs moved by a row": _shifted,
    "a deleted student's ID": _reused,
    "a merged student's ID": _merged,
    "some new": _newcomers,
    "somebody renamed": _renamed,
}
BY_NAME = ("other values", "some new", "a merged student's ID", "a deleted student's ID")
"""What a sheet without IDs can be about: of somebody who has another name by now, nothing else could say who they are."""
ACCENTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ö": "Oe", "ß": "ss"})
WRITINGS: dict[str, Callable[[str, Person], str]] = {
    "as stored": lambda name, _: name,
    "in capitals": lambda name, _: name.upper(),
    "without accents": lambda name, _: name if _is_signs(name) else fold_name(name).title(),
    "umlauts written out": lambda name, _: name.translate(ACCENTS),
    "last, first": lambda name, _: ", ".join(reversed(_parted(name))),
    "last first": lambda name, _: " ".join(reversed(_parted(name))),
    "blanks for signs": lambda name, _: name.replace("-", " ").replace("'", " "),
    "an initial": lambda name, _: f"{name[0]}. {_parted(name)[1]}",
}
SAME = ("as stored", "in capitals", "without accents", "last, first", "last first", "blanks for signs")
"""The writings in which a name is the same person's by definition."""


def could_be(one: Person, other: Person) -> bool:
    """Tell whether a name, however it is written, can be the other's too: the same parts, or the same but for umlauts."""
    return bool(_spellings(one.name) & _spellings(other.name))


def _spellings(name: str) -> set[str]:
    return {key for written in (name, name.translate(ACCENTS)) for key in spelling_keys(written) | alike_keys(written)}


def _is_signs(name: str) -> bool:
    return any("\u3400" <= sign <= "\u9fff" for sign in name)


def _parted(name: str) -> tuple[str, str]:
    """Part a name into given and family name, wherever it is known that they part."""
    family = next((family for family in sorted(FAMILY, key=len, reverse=True) if name.endswith(f" {family}")), name.split()[-1])
    return name.removesuffix(family).strip() or name, family


def scores_of(rows: list[Row]) -> list[float]:
    """Give each row its score, near those that are stored."""
    return [40.25 + place / 2 for place in range(len(rows))]


def as_csv(rows: list[Row], writing: str, *, ids: bool) -> str:
    lines = ["id,name,score" if ids else "name,score"]
    for row, score in zip(rows, scores_of(rows), strict=True):
        cells = [f'"{WRITINGS[writing](row.name, row.person)}"', str(score)]
        lines.append(",".join([str(row.student_id), *cells] if ids else cells))
    return "\n".join(lines) + "\n"


def wrong(made: Class, rows: list[Row], after: dict[int, tuple[str, float | None]]) -> list[str]:
    """Say which rows went to somebody else, made a second record of somebody, or gave a record somebody else's name."""
    home = {person: student_id for student_id, person in made.stored.items()}
    owners = {**made.deleted, **made.stored}
    given = {score: student_id for student_id, (_, score) in after.items()}
    found = []
    for row, score in zip(rows, scores_of(rows), strict=True):
        taken = given.get(score)
        if taken is not None and taken != home.get(row.person, taken):
            found.append(f"{row} went to {taken}")
        if taken is not None and row.person not in home and taken in owners:
            found.append(f"{row} went to {taken}, who is {owners[taken]}")
    names = Counter(name_key(fold_name(person.name)) for person in made.stored.values())
    for student_id, person in made.stored.items():
        key = name_key(fold_name(after[student_id][0]))
        if key != name_key(fold_name(person.name)) and names[key]:
            found.append(f"{person} has the name {after[student_id][0]}")
    return found


def needless(made: Class, rows: list[Row], after: dict[int, tuple[str, float | None]], *, ids: bool) -> int:
    """Count the rows that were held though nothing could be doubted: with IDs, or a name that nobody else could have."""
    there = {score for _, score in after.values()}
    stored = [*made.stored.values()]
    clear = [ids or sum(could_be(row.person, other) for other in stored) == 1 for row in rows]
    return sum(ok and score not in there for ok, score in zip(clear, scores_of(rows), strict=True))


@dataclass(frozen=True)
class Judged:
    """What came of one sheet."""

    wrong: list[str]
    rows: int
    held: int
    """Rows that were not applied: in review, rejected, or of a sheet that was asked about."""
    needless: int


def judge(session: Session, uploads: Path, random: Random, kind: str, writing: str, *, ids: bool, size: int = 12) -> Judged:
    """Store a class, import a sheet as a person would who confirms and answers nothing, and judge what came of it."""
    made = made_up(random, size)
    before = dict(made.stored)
    rows = KINDS[kind](random, made)
    _store(session, made, before)
    stream = io.BytesIO(as_csv(rows, writing, ids=ids).encode())
    import_ = run(session, receiving.receive(session, uploads, "sheet.csv", stream, "sec@school.test").id)
    if import_.state == "ready" and not import_.questions and import_.inserts + import_.updates:
        lifecycle.start_apply(session, import_.id, "sec@school.test", version=import_.version)
        run(session, import_.id)
    session.expire_all()
    after = {student.id: (student.name, student.score) for student in session.scalars(select(Student))}
    there = {score for _, score in after.values()}
    held = sum(score not in there for score in scores_of(rows))
    return Judged(wrong(made, rows, after), len(rows), held, needless(made, rows, after, ids=ids))


def _store(session: Session, made: Class, people: dict[int, Person]) -> None:
    """Store the class as it once was, let those leave who are deleted, and merge the records that are."""
    empty(session)
    session.execute(delete(merged_ids))
    doubled = people | {other: people[survivor] for other, survivor in made.merged.items()}
    change_id = open_change(session, "office@school.test", "form")
    rows = [
        {"student_id": key, "version": 1, "change_id": change_id, "name": one.name, "score": 60} for key, one in doubled.items()
    ]
    session.execute(insert(revisions), rows)
    let_students_follow(session, change_id, len(rows), lambda _share: None)
    session.commit()
    for student_id in made.deleted:
        record.remove(session, student_id, version=1, actor="office@school.test", reason="form")
    for other, survivor in made.merged.items():
        values = {"name": people[survivor].name, "age": None, "score": 60.0}
        merge_students(session, survivor, other, values, versions=(1, 1), actor="office@school.test")
    session.expunge_all()
