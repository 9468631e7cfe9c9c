"""Answer a question that a sheet leaves open: the sheet is read again as the answer has it."""

from sqlalchemy import select
from sqlalchemy.orm import Session

import audit
from audit import Act
from database import aside
from merge.choices import RE_READABLE, ReadingPlan, plan_reading, remember
from merge.decisions import WrongState, as_shown
from merge.imports.lifecycle import read_again
from merge.options import Options
from merge.questions import answered, load_questions
from merge.sheet import Sheet
from models import Import


def answer(session: Session, import_id: int, question: str, code: str, actor: str, *, version: int | None) -> None:
    """Take an answer by the question's key and its own code, for this sheet and the next ones with these headings.

    Raises WrongState unless the import is as it was shown at that version, and NoSuchAnswer where it does not ask this.
    """
    with aside(session):
        plan = _answered(session, import_id, question, code, version)
    remember(session, plan, actor)
    audit.add(session, Act.QUESTION_ANSWERED, f"import {import_id}", actor=actor, question=question, answer=code)
    read_again(session, import_id, plan, version=version)


def _answered(session: Session, import_id: int, question: str, code: str, version: int | None) -> ReadingPlan:
    shown = select(Import).where(as_shown(import_id, version, *RE_READABLE))
    import_ = session.scalar(shown.execution_options(populate_existing=True))
    if import_ is None:
        raise WrongState
    asked = load_questions(import_.questions)
    sheet, options = answered(asked, question, code, Sheet.from_json(import_.sheet), Options.from_json(import_.options))
    return plan_reading(sheet, options)
