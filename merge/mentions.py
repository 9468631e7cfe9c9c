"""Take a student's names out of texts that people wrote for another purpose, when the student is erased."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any
from urllib.parse import parse_qs

from sqlalchemy import delete, exists, select, update
from sqlalchemy.orm import Session

from merge.columns import NAME
from merge.fold import fold_name
from merge.merged_ids import all_ids
from merge.search import has_words, read_words
from models import Import, KeptAnswer, View, revisions, students, title_of
from words import later

WORD = re.compile(r"\w+")
REMOVED = later("This text was removed when a student was erased.")
RENAMED = "sheet"


def names_of(session: Session, student_id: int) -> list[str]:
    """Give each name that the student has had, also in records that were merged into theirs."""
    named = revisions.c[NAME.name].is_not(None)
    return list(
        session.scalars(select(revisions.c[NAME.name]).distinct().where(revisions.c.student_id.in_(all_ids(student_id)), named))
    )


def scrub_mentions(session: Session, names: Sequence[str]) -> None:
    """Remove the names from saved views, from what imports are called and say, and from kept answers. Does not commit.

    To be called when no student has the names by this student's record any more: a view that searches for them goes only
    where it finds no other student.
    """
    sought = Names(names)
    _scrub_views(session, sought)
    _scrub_imports(session, sought)
    _scrub_answers(session, sought)


class Names:
    """Several people's names, to be looked for in many texts."""

    def __init__(self, names: Sequence[str]) -> None:
        self._folded = sorted({fold_name(name) for name in names})
        # A text is compared only with names of which it has the first word.
        self._by_word = defaultdict[str, list[set[str]]](list)
        for words in filter(None, map(_words, self._folded)):
            self._by_word[min(words)].append(words)

    def in_text(self, text: str) -> bool:
        """Tell whether a text has all words of one of the names, in any order."""
        found = _words(text)
        return any(words <= found for word in found for words in self._by_word.get(word, ()))

    def have(self, parts: Sequence[str]) -> bool:
        """Tell whether one of the names has each of these parts of words, as search would find it."""
        return any(all(part in name for part in parts) for name in self._folded)


def _scrub_views(session: Session, sought: Names) -> None:
    for view in session.scalars(select(View)).all():
        if sought.in_text(view.name) or _finds_only(session, view.address, sought):
            session.delete(view)


def _finds_only(session: Session, address: str, sought: Names) -> bool:
    """Tell whether a list searches for one of the names, and finds nobody else by it."""
    words = read_words(" ".join(parse_qs(address).get("q", [])))
    if not words or not sought.have(words):
        return False
    return not session.scalar(select(exists().where(has_words(students, words))))


def _scrub_imports(session: Session, sought: Names) -> None:
    said = select(Import.id, Import.filename, Import.failure, Import.options, Import.sheet)
    for import_id, filename, failure, options, sheet in session.execute(said).all():
        changed: dict[str, Any] = {}
        if sought.in_text(filename):
            changed["filename"] = RENAMED + PurePath(filename).suffix
        if failure and sought.in_text(str(failure)):
            changed["failure"] = REMOVED
        if sought.in_text(str(title_of("", options))):
            changed["options"] = {name: value for name, value in options.items() if name != "title"}
        if sought.in_text(" ".join(sheet.get("headings", []))):
            changed["sheet"] = {**sheet, "headings": [""] * len(sheet["headings"])}
        if changed:
            session.execute(update(Import).where(Import.id == import_id).values(changed))


def _scrub_answers(session: Session, sought: Names) -> None:
    """Delete answers of the API that mention one of the names; those about one student go by the student's id."""
    answers = session.execute(select(KeptAnswer.user_id, KeptAnswer.key, KeptAnswer.body).where(KeptAnswer.student_id.is_(None)))
    for user_id, key, body in answers.all():
        if sought.in_text(" ".join(_texts(json.loads(body or "null")))):
            session.execute(delete(KeptAnswer).where(KeptAnswer.user_id == user_id, KeptAnswer.key == key))


def _words(text: str) -> set[str]:
    return set(WORD.findall(fold_name(text)))


def _texts(read: Any) -> Iterator[str]:
    """Give every text in a JSON document, wherever it is nested."""
    pending = [read]
    while pending:
        part = pending.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, dict):
            pending += [*part, *part.values()]
        elif isinstance(part, list):
            pending += part
