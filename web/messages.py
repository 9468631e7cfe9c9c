"""What the next page says was done, and the way back that it offers."""

from dataclasses import dataclass
from typing import cast

from flask import flash, get_flashed_messages

from merge import undo_change as undoing
from models import Student, db
from web.access import may
from web.acts import UNDO_CHANGE

UNDO = "undo"


@dataclass(frozen=True)
class Message:
    """A sentence, its kind as the style sheet knows it, and the change that a button beside it undoes."""

    kind: str
    sentence: str
    change_id: int | None = None


def flash_change(sentence: str, change_id: int | None) -> None:
    """Say what a change did, and offer to undo it; None where there was nothing to change."""
    flash(sentence, "success")
    if change_id is not None:
        flash(str(change_id), UNDO)


def flash_saved(sentence: str, student: Student, over: int | None) -> None:
    """Say that a student was saved over a version, None for one who was not there, and offer to undo it."""
    flash_change(sentence, change_of_save(student, over))


def change_of_save(student: Student, over: int | None) -> int | None:
    """Find the change that saved a student over a version; None where there was nothing to change."""
    return None if student.version == over else undoing.change_of(db.session(), student.id, student.version)


def messages() -> list[Message]:
    """Give what is to be said on this page. Nobody is offered what they may not do, such as after signing out."""
    found: list[Message] = []
    said = cast("list[tuple[str, str]]", get_flashed_messages(with_categories=True))
    for kind, text in said:
        if kind != UNDO:
            found.append(Message(kind, text))
        elif found and may(UNDO_CHANGE):
            found[-1] = Message(found[-1].kind, found[-1].sentence, int(text))
    return found
