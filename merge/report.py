"""Tell what became of an import: to a program in values that JSON has, to a person in sentences."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy.orm import Session

from merge.choose import candidates
from merge.columns import COLUMNS, KEY, NAME
from merge.preview import Row, are_rows_kept, counts, rows
from merge.questions import Question, load_questions
from merge.reading_notes import reading_notes
from merge.sanity import Finding, load_findings
from merge.sheet import Sheet
from merge.unattended import held_back
from models import Import, Student
from words import Later


def report(session: Session, import_: Import) -> dict[str, Any]:
    """Give its state and counts, the version that a decision names, what was left out or rejected, and what keeps it back."""
    return {
        "id": import_.id,
        "filename": str(import_.title),
        "state": import_.state,
        "version": import_.version,
        "at": import_.at.isoformat(),
        "actor": import_.actor,
        "applied_by": import_.applied_by,
        "rest_of": import_.rest_of,
        "rows": import_.rows,
        **counts(import_),
        "ignored": _ignored(import_),
        "left_out": [{"line": line, "reason": str(Later.load(reason))} for line, reason in import_.sheet["left_out"]],
        "notes": [str(note) for note in reading_notes(Sheet.from_json(import_.sheet))],
        "rejected_rows": [{"line": row.line, "problems": row.problems} for row in _rejected(session, import_)],
        "review_rows": _review_rows(session, import_),
        "questions": [_question(import_, question) for question in load_questions(import_.questions)],
        "findings": [_finding(finding) for finding in load_findings(import_.findings)],
        "held_back": held_back(import_),
        "failure": str(import_.failure) if import_.failure else None,
    }


def summary(session: Session, import_: Import) -> list[str]:
    """Say it, a sentence a line."""
    if import_.failure:
        return [str(import_.failure)]
    numbers = ", ".join(f"{number:,} {verdict}" for verdict, number in counts(import_).items())
    said = [f"Import {import_.id} ({import_.title}) is {import_.state}: {import_.rows:,} rows, {numbers}."]
    for question in load_questions(import_.questions):
        said.append(str(question.sentence))
        said += [f"  --answer {question.key}={answer.code}  {answer.label}" for answer in question.answers]
    said += [f"Check: {finding.sentence}." for finding in load_findings(import_.findings)]
    said += held_back(import_)
    said += [str(note) for note in reading_notes(Sheet.from_json(import_.sheet))]
    said += [f"Skipped, from line {line:,}: {Later.load(reason)}" for line, reason in import_.sheet["left_out"]]
    return said + [
        f"Line {row.line:,}: {' '.join(row.problems)}" for row in [*_reviews(session, import_), *_rejected(session, import_)]
    ]


def _finding(finding: Finding) -> dict[str, Any]:
    told = {"finding": finding.code, "column": finding.column, "number": finding.number, "of": finding.of}
    return told | {"sentence": finding.sentence, "stops": finding.stops}


def _question(import_: Import, question: Question) -> dict[str, Any]:
    return {
        "question": question.key,
        "sentence": str(question.sentence),
        "columns": [import_.sheet["headings"][place] for place in question.places],
        "answers": [{"answer": answer.code, "label": str(answer.label)} for answer in question.answers],
    }


def _rejected(session: Session, import_: Import) -> list[Row]:
    """Give the first hundred rows that can't be used."""
    return rows(session, import_, "rejected") if import_.rejected and are_rows_kept(import_) else []


def _reviews(session: Session, import_: Import) -> list[Row]:
    """Give the first hundred rows that need review."""
    return rows(session, import_, "review") if import_.reviews and are_rows_kept(import_) else []


def _review_rows(session: Session, import_: Import) -> list[dict[str, Any]]:
    rows = _reviews(session, import_)
    found = candidates(session, import_, [row.line for row in rows if row.needs_choice])
    return [_review(row, found.get(row.line, ())) for row in rows]


def _review(row: Row, candidates: Iterable[Student]) -> dict[str, Any]:
    """Tell a row that needs review: whom it means, how the sheet names them, how Rollbook does, and why they may be two."""
    assert row.review is not None
    names = {column.name: cell for column, cell in zip(COLUMNS, row.cells, strict=True)}
    student_id, name = names[KEY.name].after, names[NAME.name]
    return {
        "line": row.line,
        "student_id": int(student_id) if student_id else None,
        "name": name.after,
        "stored_name": (name.after if name.before is None else name.before) if row.review.action == "update" else None,
        "action": row.review.action,
        "reason": row.review.reason,
        "related": row.review.related,
        "problems": row.problems,
        "candidates": [{column.name: getattr(student, column.name) for column in COLUMNS} for student in candidates],
    }


def _ignored(import_: Import) -> list[str]:
    return [heading for heading, column in zip(import_.sheet["headings"], import_.sheet["columns"], strict=True) if not column]
