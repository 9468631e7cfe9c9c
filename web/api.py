"""What other systems of the school ask for: students, one by one and as a list, and sheets to import."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Blueprint, Response, abort, current_app, jsonify, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from forms import DeliveryForm
from merge import answers, choose, history, listing, record, rest, review
from merge.columns import COLUMNS, KEY, NAME, VALUES
from merge.decisions import WrongState
from merge.former_ids import former_owner, said
from merge.imports import lifecycle, receiving
from merge.merged_ids import survivor_of
from merge.pages import BEYOND as LAST_LINE
from merge.problems import Problem, SheetRefused
from merge.query import filter_names
from merge.questions import NoSuchAnswer
from merge.report import report
from models import Import, Student, db
from web.access import actor, check, import_owner, public, requires_token, to_apply, token_may
from web.acts import (
    ANSWER_QUESTION,
    APPLY_IMPORT,
    CHOOSE_STUDENT,
    CONFIRM_ROWS,
    GO_ON_WITH_REST,
    READ_IMPORTS,
    READ_STUDENTS,
    UNDO_IMPORT,
    UPLOAD_SHEET,
    WRITE_STUDENT,
)
from web.body_kinds import sent_object
from web.head_check import takes_sheets
from web.openapi import document
from web.refusals import Refusal
from web.repeats import once, once_prepared
from words import _

api = Blueprint("api", __name__, url_prefix="/api/v1")

# Of names that there are not, so many are named, and so much of each.
MAX_NAMED, MAX_NAMED_LENGTH = 5, 40
ASKABLE = {"q", "sort", "per_page", "after", "before", *filter_names()}


def _sheet_sent() -> receiving.Upload:
    """Look at the sheet that was sent. What can't be used is refused."""
    form = DeliveryForm(request.form | request.files)
    _refuse_unknown({**request.form, **request.files}, set(form.data))
    if not form.validate():
        raise _unfit({name: " ".join(map(str, errors)) for name, errors in form.errors.items()})
    file = form.file.data
    try:
        return receiving.look_at(db.session(), current_app.config["UPLOADS"], file.filename, file.stream, form.asked)
    except SheetRefused as refused:
        raise _unfit({"file": str(refused)}) from None


@api.get("/openapi.json")
@public
def openapi() -> ResponseReturnValue:
    """Describe all of this to programs."""
    return jsonify(document(current_app.config["ADDRESS"]))


@api.get("/students")
@requires_token(READ_STUDENTS)
def list_students() -> ResponseReturnValue:
    """Give a page of the list, with the cursors of its neighbours."""
    _refuse_unknown(request.args, ASKABLE)
    _refuse_empty(request.args)
    query = listing.parse_query(request.args)
    page, count = listing.page_and_count(db.session(), query)
    return jsonify(
        students=[_record(student) for student in page.students],
        count={"number": count.number, "kind": count.kind or "exactly"},
        before=page.before,
        after=page.after,
    )


@api.get("/students/<id:student_id>")
@requires_token(READ_STUDENTS)
def show_student(student_id: int) -> ResponseReturnValue:
    """Give one student; the tag of the answer is the version."""
    student = db.session.get(Student, student_id) or abort(404)
    return _tagged(student).make_conditional(request)


@api.put("/students/<id:student_id>")
@requires_token(WRITE_STUDENT)
@once
def put_student(student_id: int) -> ResponseReturnValue:
    """Merge a student: a new one, or over the version that the other system has seen."""
    values = _values(student_id)
    version = _seen_version(student_id)
    was_there = db.session.get(Student, student_id) is not None
    try:
        student = record.save(db.session(), values, version=version, actor=actor(), reason="api")
    except record.MergedAway as merged:
        raise _merged(student_id, merged.survivor_id) from None
    except record.Reused:
        raise _reused(student_id) from None
    except record.Conflict:
        raise _overtaken(student_id) from None
    answer = _tagged(student, [*values, KEY.name])
    if not was_there:
        answer.status_code = 201
        answer.headers["Location"] = url_for("api.show_student", student_id=student.id)
    return answer


@api.post("/imports")
@requires_token(UPLOAD_SHEET)
@takes_sheets
@once_prepared(_sheet_sent)
def upload(sent: receiving.Upload) -> ResponseReturnValue:
    """Take in a sheet, which waits for a person unless it is to be applied within limits."""
    return _import_answer(receiving.queue(db.session(), sent, actor(), limits=DeliveryForm(request.form).limits).id)


@api.get("/imports/<id:import_id>")
@requires_token(READ_IMPORTS)
def show_import(import_id: int) -> ResponseReturnValue:
    """Tell how an import stands; the tag of the answer is the version that a decision names."""
    return _told(_import_or_404(import_id))


@api.post("/imports/<id:import_id>/apply")
@requires_token(APPLY_IMPORT)
@once
def apply(import_id: int) -> ResponseReturnValue:
    """Let a worker do what the comparison showed."""
    import_ = _import_or_404(import_id)
    check(to_apply(import_))
    with _deciding(import_) as version:
        lifecycle.start_apply(db.session(), import_id, actor(), version=version)
    return _import_answer(import_id)


@api.post("/imports/<id:import_id>/answers")
@requires_token(ANSWER_QUESTION)
@once
def answer(import_id: int) -> ResponseReturnValue:
    """Take an answer to a question that the sheet leaves open, and let a worker read it so."""
    import_ = _import_or_404(import_id)
    question, code = _answer_sent()
    try:
        with _deciding(import_) as version:
            answers.answer(db.session(), import_id, question, code, actor(), version=version)
    except NoSuchAnswer:
        raise _unfit({"answer": _("The import does not ask this, or offers other answers.")}) from None
    return _import_answer(import_id)


@api.post("/imports/<id:import_id>/confirm")
@requires_token(CONFIRM_ROWS)
@once
def confirm(import_id: int) -> ResponseReturnValue:
    """Let rows that need review be applied: those on the lines that are sent, or all."""
    import_, lines = _import_or_404(import_id), _lines()
    check(to_apply(import_))
    with _deciding(import_) as version:
        review.confirm(db.session(), import_id, lines, actor(), version=version)
    return _told(_import_or_404(import_id))


@api.post("/imports/<id:import_id>/choose")
@requires_token(CHOOSE_STUDENT)
@once
def choose_student(import_id: int) -> ResponseReturnValue:
    """Let a row that can mean several students mean one of them, or somebody new."""
    import_ = _import_or_404(import_id)
    line, student_id = _choice()
    check(to_apply(import_))
    try:
        with _deciding(import_) as version:
            choose.choose(db.session(), import_id, line, student_id, actor(), version=version)
    except choose.NoCandidate:
        raise _unfit({"student": _("This row can’t be about this student.")}) from None
    except choose.Taken as taken:
        sentence = _("Line %(line)s is already about this student. Choose another one.", line=taken.line)
        raise _unfit({"student": sentence}) from None
    return _told(_import_or_404(import_id))


@api.post("/imports/<id:import_id>/rest")
@requires_token(GO_ON_WITH_REST)
@once
def go_on_with_rest(import_id: int) -> ResponseReturnValue:
    """Make an import of the rows that nobody had confirmed when this one was applied."""
    import_ = _import_or_404(import_id)
    check(to_apply(import_))
    with _deciding(import_) as version:
        rest_id = rest.go_on_with_rest(db.session(), import_id, actor(), version=version)
    return _told(_import_or_404(rest_id)), 201, {"Location": url_for("api.show_import", import_id=rest_id)}


@api.post("/imports/<id:import_id>/undo")
@requires_token(UNDO_IMPORT, owner=import_owner)
@once
def undo(import_id: int) -> ResponseReturnValue:
    """Let a worker take an applied import back."""
    with _deciding(_import_or_404(import_id)) as version:
        lifecycle.start_undo(db.session(), import_id, actor(), version=version, states=("applied",))
    return _import_answer(import_id)


def _answer_sent() -> tuple[str, str]:
    """Read a question's key, and the code of the answer to it."""
    sent = _sent({"question", "answer"}, _("Send the answer as application/json."))
    question, code = sent.get("question"), sent.get("answer")
    if not isinstance(question, str) or not isinstance(code, str):
        raise Refusal(400, _("Not JSON"), _("The body has to be a JSON object with “question” and “answer”, both texts."))
    return question, code


def _choice() -> tuple[int, int | None]:
    """Read the line, and the student that is chosen for it; None for somebody new."""
    sent = _sent({"line", "student"}, _("Send the choice as application/json."))
    line: Any = sent.get("line")
    student_id: Any = sent.get("student", 0)
    if not _is_line(line):
        raise _unfit({"line": _("Send the number of the line.")})
    if student_id is not None and type(student_id) is not int:
        raise _unfit({"student": _("Send the ID of a student, or null for a new one.")})
    return line, student_id


def _lines() -> list[int] | None:
    """Read which lines are confirmed; None where all are."""
    lines = _sent({"lines"}, _("Send the lines as application/json.")).get("lines")
    if lines == "all":
        return None
    if not isinstance(lines, list) or not 0 < len(lines) <= review.LINES_AT_ONCE or not all(map(_is_line, lines)):
        raise _unfit({"lines": _("Send the numbers of the lines, or “all”.")})
    return lines


def _is_line(value: Any) -> bool:
    return type(value) is int and 0 <= value <= LAST_LINE


def _sent(known: set[str], otherwise: str) -> dict[str, Any]:
    """Read the JSON object that was sent, with these names and no others. What is not JSON is refused with that sentence."""
    if not request.is_json:
        raise Refusal(415, _("Not JSON"), otherwise)
    sent = sent_object()
    _refuse_unknown(sent, known)
    return sent


def _refuse_unknown(sent: Any, known: set[str]) -> None:
    """A name that is misspelt would otherwise pass for a filter or a limit, and be none."""
    if unknown := sorted(set(sent) - known):
        names = ", ".join(name[:MAX_NAMED_LENGTH] for name in unknown[:MAX_NAMED])
        sentence = _("There is no %(names)s here. There are: %(known)s.", names=names, known=", ".join(sorted(known)))
        raise Refusal(400, _("Unknown field"), sentence)


def _refuse_empty(sent: MultiDict[str, str]) -> None:
    """A filter that lost its value on the way would otherwise let everybody through."""
    for name, texts in sent.lists():
        if len(texts) > 1 or not (texts[0].strip() or name == "q"):
            raise Refusal(400, _("One value is needed"), _("“%(name)s” has to be given once, with a value.", name=name))


def _record(student: Student) -> dict[str, Any]:
    return {column.name: getattr(student, column.name) for column in COLUMNS} | {"version": student.version}


def _tagged(student: Student, written: Collection[str] = ()) -> Response:
    """Give the record, or as much of it as this very token has written where it may not read."""
    known = _record(student)
    answer = jsonify(known if token_may("read") else {name: known[name] for name in known if name in {*written, "version"}})
    answer.set_etag(str(student.version))
    return answer


def _values(student_id: int) -> dict[str, Any]:
    """Read the student that was sent; a column that is left out stays as it is, and one that is null is cleared."""
    sent = _sent({column.name for column in VALUES}, _("Send the student as application/json."))
    needed = {column.name: None for column in VALUES if column.required}
    values, problems = dict[str, Any](), dict[str, str]()
    for column in COLUMNS:
        if column.name in (given := {KEY.name: student_id, **needed, **sent}):
            try:
                values[column.name] = column.take(given[column.name])
            except Problem as wrong:
                problems[column.name] = wrong.sentence(column.label)
    if problems:
        raise _unfit(problems)
    return values


def _seen_version(student_id: int) -> int | None:
    """Tell which version the other system has seen; None where it makes a new student."""
    # A server in front that compresses makes tags weak on the way; a version is the same in either dress.
    tags = request.if_match.as_set(include_weak=True)
    if bool(tags) == request.if_none_match.star_tag:
        sentence = _(
            "Say what this is based on: If-Match with the ETag that the student had, or If-None-Match: * for a new student."
        )
        raise Refusal(428, _("Version missing"), sentence)
    newest = history.newest_version(db.session(), student_id)
    if not tags and (newest is None or newest.deleted):
        return None
    if newest is None or str(newest.version) not in tags:
        raise _overtaken(student_id)
    return newest.version


def _merged(student_id: int, survivor_id: int) -> Refusal:
    """Say to which student the ID leads, and how that one is."""
    sentence = _(
        "Student %(id)s was merged into student %(survivor)s. Nothing was saved: edit that one instead.",
        id=student_id,
        survivor=survivor_id,
    )
    survivor = db.session.get(Student, survivor_id)
    headers = {"Location": url_for("api.show_student", student_id=survivor_id)}
    current = _record(survivor) if survivor else None
    return Refusal(409, _("Merged into another student"), sentence, headers, merged_into=survivor_id, current=current)


def _reused(student_id: int) -> Refusal:
    """Say whose the ID was, and how to say that it is the same person; of somebody erased, that it can't be had again."""
    owner = former_owner(db.session(), student_id)
    if owner is None:
        return _overtaken(student_id)
    if owner.erased:
        return Refusal(409, _("This ID is taken"), said(student_id, owner), deleted=None)
    headers = {"ETag": f'"{owner.version}"'}
    if not token_may("read"):
        sentence = _("This ID belonged to a deleted student. Read it with a token that has the scope to read, or use another ID.")
        return Refusal(409, _("This ID is taken"), sentence, headers)
    sentence = _("To restore the same person, send If-Match with the ETag of this answer. Anyone else needs another ID.")
    facts = {"version": owner.version, "name": owner.values[NAME.name], "at": owner.at.isoformat(), "actor": owner.actor}
    return Refusal(409, _("This ID is taken"), f"{said(student_id, owner)} {sentence}", headers, deleted=facts)


def _overtaken(student_id: int) -> Refusal:
    """Show the record as it stands, so that the other system can decide anew."""
    if survivor_id := survivor_of(db.session(), student_id):
        return _merged(student_id, survivor_id)
    student = db.session.get(Student, student_id, populate_existing=True)
    headers = {"ETag": f'"{student.version}"'} if student else {}
    sentence = (
        _("The student is at version %(version)d now. Nothing was saved.", version=student.version)
        if student
        else _("There is no such student. Nothing was saved.")
    )
    current = {"current": _record(student) if student else None} if token_may("read") else {}
    return Refusal(412, _("Changed meanwhile"), sentence, headers, **current)


def _unfit(problems: dict[str, str]) -> Refusal:
    errors = [{"field": name, "detail": sentence} for name, sentence in problems.items()]
    return Refusal(422, _("Can’t be used"), " ".join(problems.values()), errors=errors)


@contextmanager
def _deciding(import_: Import) -> Iterator[int]:
    """Give the version of the import that the other system decides on; where that is no longer so, show it as it is now."""
    import_id = import_.id
    try:
        yield _decided_on(import_)
    except WrongState:
        raise _changed(import_id) from None


def _decided_on(import_: Import) -> int:
    """Tell which version of the import the other system has seen.

    One that names none may go on as long as no other could be meant: what it uploaded is as it was first read,
    or what was applied has never been taken back. Raises WrongState where it is another one.
    """
    if tags := request.if_match.as_set(include_weak=True):
        if str(import_.version) not in tags:
            raise WrongState
    elif lifecycle.was_revised(db.session(), import_):
        sentence = _("This import has changed. Send If-Match with the ETag that you saw.")
        raise Refusal(428, _("Version missing"), sentence, _tag(import_), current=report(db.session(), import_))
    return import_.version


def _changed(import_id: int) -> Refusal:
    """Show the import as it is now, so that the other system can decide anew."""
    import_ = _import_or_404(import_id)
    sentence = _(
        "This import is %(state)s, at version %(version)d. Nothing was done.", state=import_.state, version=import_.version
    )
    if import_.questions:
        sentence = _("This import leaves a question open. Answer it first.")
    current = report(db.session(), import_)
    return Refusal(409, _("Changed meanwhile"), sentence, _tag(import_), state=import_.state, current=current)


def _import_answer(import_id: int) -> ResponseReturnValue:
    """Answer that a worker goes on, and where to ask how it stands."""
    return _told(_import_or_404(import_id)), 202, {"Location": url_for("api.show_import", import_id=import_id)}


def _told(import_: Import) -> Response:
    answer = jsonify(report(db.session(), import_))
    answer.headers.update(_tag(import_))
    return answer


def _tag(import_: Import) -> dict[str, str]:
    return {"ETag": f'"{import_.version}"'}


def _import_or_404(import_id: int) -> Import:
    return db.session.get(Import, import_id, populate_existing=True) or abort(404)
