"""Sheets: uploaded, previewed, applied."""

import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any

from flask import Blueprint, abort, current_app, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from audit import Act
from database import aside, reading
from forms import (
    AnswerForm,
    ChoiceForm,
    ColumnsForm,
    ConfirmForm,
    ReadingForm,
    UndoForm,
    UploadForm,
    VersionForm,
    column_choice,
    columns_form,
)
from merge import answers, choices, choose, preview, rest, review
from merge import imports as life
from merge import undo as undoing
from merge.columns import COLUMNS
from merge.heading_questions import ask_before_reading
from merge.missing import count_missing, missing_page
from merge.options import Options
from merge.pages import parse_query
from merge.problems import SheetRefused
from merge.query import parse_place
from merge.questions import NoSuchAnswer, load_questions
from merge.rejects import rejected_sheet
from merge.sanity import load_findings
from merge.sheet import Sheet, inspect
from merge.unattended import held_back
from merge.undo import Outlook
from models import Import, db, now
from web.access import actor, check, import_owner, may, requires, to_apply
from web.acts import (
    ANSWER_QUESTION,
    APPLY_IMPORT,
    CANCEL_IMPORT,
    CHOOSE_COLUMNS,
    CHOOSE_STUDENT,
    CONFIRM_ROWS,
    CORRECT_ROWS,
    EXPORT_REJECTS,
    GO_ON_WITH_REST,
    READ_IMPORTS,
    UNDO_IMPORT,
    UPLOAD_SHEET,
)
from web.csv_format import asked_format
from web.head_check import takes_sheets
from web.kept_input import keeps, keeps_nothing
from web.sessions import polled
from web.streaming import download
from words import Later, _, ngettext

imports = Blueprint("imports", __name__, url_prefix="/imports")

LISTED = 50
# A small sheet is read in less than this, so that most people never see the page that waits.
PATIENCE_S = 2.0
GLANCE_S = 0.05


@imports.app_template_global()
def deleted_at(import_: Import) -> datetime | None:
    """Tell when an import that nobody applies is deleted, once half of the time until then is over."""
    keep, since = current_app.config["KEEP_WAITING"], life.waiting_since(import_)
    is_soon = keep is not None and import_.state == "ready" and now() - since > keep / 2
    return since + keep if is_soon else None


@imports.get("")
@requires(READ_IMPORTS)
def list_() -> ResponseReturnValue:
    """Show the newest imports."""
    newest = db.session.scalars(select(Import).order_by(Import.id.desc()).limit(LISTED)).all()
    return render_template("imports/list.html", imports=newest)


@imports.get("/new")
@requires(UPLOAD_SHEET)
def new() -> ResponseReturnValue:
    """Show the upload form."""
    return render_template("imports/new.html", form=UploadForm(), columns=COLUMNS)


@imports.post("/new")
@requires(UPLOAD_SHEET)
@takes_sheets
@keeps(UploadForm)
def create() -> ResponseReturnValue:
    """Take in a sheet; one that can't be read leaves nothing behind."""
    form = UploadForm()
    if form.validate():
        file = form.file.data
        try:
            uploads = current_app.config["UPLOADS"]
            received = life.receive(db.session(), uploads, file.filename, file.stream, actor(), form.asked)
        except SheetRefused as refused:
            form.file.errors = [str(refused)]
        else:
            wait_for_worker(received.id)
            return redirect(_next_page(received.id), 303)
    return render_template("imports/new.html", form=form, columns=COLUMNS), 422


@imports.get("/<id:import_id>")
@requires(READ_IMPORTS)
def show(import_id: int) -> ResponseReturnValue:
    """Show what the import would do, does, or did."""
    return import_page(import_or_404(import_id))


@imports.get("/<id:import_id>/missing")
@requires(READ_IMPORTS)
def missing(import_id: int) -> ResponseReturnValue:
    """List the students whom the sheet does not name."""
    import_ = import_or_404(import_id)
    if not preview.are_rows_kept(import_):
        flash(_("The rows of this import are not there, so nobody can tell whom its sheet names."), "warning")
        return redirect(url_for("imports.show", import_id=import_id), 303)
    page = missing_page(
        db.session(), import_, after=parse_place(request.args, "after"), before=parse_place(request.args, "before")
    )
    return render_template("imports/missing.html", import_=import_, page=page, columns=COLUMNS)


@imports.get("/<id:import_id>/columns")
@requires(CHOOSE_COLUMNS)
def columns(import_id: int) -> ResponseReturnValue:
    """Show what each of the sheet's columns is taken for, and how its cells are read."""
    import_ = import_or_404(import_id)
    if not choices.may_choose(import_):
        return _too_late(import_id)
    sheet, options, as_file = _sheet_as_asked(import_)
    return _columns_page(import_, sheet, as_file, columns_form(sheet, options, import_.version)), 422 if as_file.errors else 200


@imports.post("/<id:import_id>/columns")
@requires(CHOOSE_COLUMNS)
@keeps(ColumnsForm, column_choice)
def choose_columns(import_id: int) -> ResponseReturnValue:
    """Keep what was chosen, and let a worker read the sheet again."""
    with aside(db.session()):
        import_ = import_or_404(import_id)
        if not choices.may_choose(import_):
            raise life.WrongState
        sheet, options, as_file = _sheet_as_asked(import_)
        form = columns_form(sheet, options, import_.version)
        if as_file.errors or not form.validate():
            return _columns_page(import_, sheet, as_file, form), 422
        planned = choices.plan_reading(replace(sheet, columns=form.columns), form.options)
    choices.remember(db.session(), planned, actor())
    try:
        life.read_again(db.session(), import_id, planned, version=form.shown)
    except life.WrongState:
        return _overtaken_choice(import_id, sheet, as_file, form)
    wait_for_worker(import_id)
    return redirect(_next_page(import_id), 303)


@imports.post("/<id:import_id>/answers")
@requires(ANSWER_QUESTION)
@keeps_nothing
def answer(import_id: int) -> ResponseReturnValue:
    """Take the answer to a question that the sheet leaves open, and let a worker read it so."""
    import_or_404(import_id)
    form = AnswerForm()
    answers.answer(db.session(), import_id, form.question.data or "", form.answer.data or "", actor(), version=form.shown)
    wait_for_worker(import_id)
    return redirect(_next_page(import_id), 303)


@imports.get("/<id:import_id>/progress")
@requires(READ_IMPORTS)
@polled
def progress(import_id: int) -> ResponseReturnValue:
    """Tell the state and how far it is, for a page that waits."""
    return jsonify(preview.progress(import_or_404(import_id)))


@imports.get("/<id:import_id>/rejected.csv")
@requires(EXPORT_REJECTS)
def rejected(import_id: int) -> ResponseReturnValue:
    """Hand out the rows that could not be used, to be mended and uploaded again."""
    import_ = import_or_404(import_id)
    sheet = Sheet.from_json(import_.sheet)
    name = f"{PurePath(import_.filename).stem} rejected.csv"
    written = asked_format()
    return download(
        lambda session: rejected_sheet(session, import_id, sheet, written), name, Act.REJECTS_EXPORTED, f"import {import_id}"
    )


@imports.post("/<id:import_id>/apply")
@requires(APPLY_IMPORT)
@keeps_nothing
def apply(import_id: int) -> ResponseReturnValue:
    """Let a worker do what the preview showed."""
    check(to_apply(import_or_404(import_id)))
    life.start_apply(db.session(), import_id, actor(), version=VersionForm().shown)
    wait_for_worker(import_id)
    return redirect(url_for("imports.show", import_id=import_id), 303)


@imports.post("/<id:import_id>/confirm")
@requires(CONFIRM_ROWS)
@keeps_nothing
def confirm(import_id: int) -> ResponseReturnValue:
    """Let rows that need review be applied, which somebody has looked at."""
    import_, form = import_or_404(import_id), ConfirmForm()
    check(to_apply(import_))
    confirmed = review.confirm(db.session(), import_id, form.shown_lines, actor(), version=form.shown)
    flash(ngettext("%(num)s row is confirmed.", "%(num)s rows are confirmed.", confirmed), "success")
    return redirect(_place_on_page(import_), 303)


@imports.post("/<id:import_id>/choose")
@requires(CHOOSE_STUDENT)
@keeps_nothing
def choose_student(import_id: int) -> ResponseReturnValue:
    """Let a row mean the student that somebody chose among those it can mean."""
    import_, form = import_or_404(import_id), ChoiceForm()
    check(to_apply(import_))
    if form.chosen is None:
        raise choose.NoCandidate
    line, student_id = form.chosen
    try:
        choose.choose(db.session(), import_id, line, student_id, actor(), version=form.shown)
    except choose.Taken as taken:
        flash(_("Line %(line)s is about this student already. Choose another one.", line=taken.line), "warning")
        return import_page(import_as_it_is(import_id)), 409
    flash(_("Line %(line)s: the student is chosen.", line=line), "success")
    return redirect(_place_on_page(import_), 303)


@imports.post("/<id:import_id>/rest")
@requires(GO_ON_WITH_REST)
@keeps_nothing
def go_on_with_rest(import_id: int) -> ResponseReturnValue:
    """Go on with the rows that nobody had confirmed when the import was applied, as an import of their own."""
    check(to_apply(import_or_404(import_id)))
    rest_id = rest.go_on_with_rest(db.session(), import_id, actor(), version=VersionForm().shown)
    return redirect(url_for("imports.show", import_id=rest_id), 303)


@imports.post("/<id:import_id>/cancel")
@requires(CANCEL_IMPORT)
@keeps_nothing
def cancel(import_id: int) -> ResponseReturnValue:
    """Drop an import that was not applied."""
    import_or_404(import_id)
    shown = VersionForm().shown
    announced = life.announce_cancel(db.session(), import_id, version=shown)
    reading.set(False)
    life.cancel(db.session(), import_id, version=shown, announced=announced)
    return redirect(url_for("imports.show", import_id=import_id), 303)


@imports.get("/<id:import_id>/undo")
@requires(UNDO_IMPORT, owner=import_owner)
def confirm_undo(import_id: int) -> ResponseReturnValue:
    """Show what taking the import back, or putting it in force again, would do."""
    import_ = import_or_404(import_id)
    if import_.change_id is None or import_.state not in ("applied", "undone"):
        flash(_("This import can't be taken back as it stands now."), "warning")
        return redirect(url_for("imports.show", import_id=import_id), 303)
    return _undo_page(import_, undoing.outlook(db.session(), import_.change_id))


@imports.post("/<id:import_id>/undo")
@requires(UNDO_IMPORT, owner=import_owner)
@keeps_nothing
def undo(import_id: int) -> ResponseReturnValue:
    """Let a worker take the import back, or put it in force again, if that leaves no more students alone than was shown."""
    import_, form = import_or_404(import_id), UndoForm()
    if overtaken := _overtaken_undo(import_, form):
        return _undo_page(import_, overtaken), 409
    life.start_undo(db.session(), import_id, actor(), version=form.shown)
    wait_for_worker(import_id)
    return redirect(url_for("imports.show", import_id=import_id), 303)


def _overtaken_undo(import_: Import, form: UndoForm) -> Outlook | None:
    """Say what an undo would do, if it would leave more students alone than its button was shown with."""
    if form.most_left_alone is None or import_.change_id is None or form.shown != import_.version:
        return None
    outlook = undoing.outlook(db.session(), import_.change_id)
    return outlook if outlook.left_alone > form.most_left_alone else None


def _undo_page(import_: Import, outlook: Outlook) -> str:
    form = UndoForm(formdata=None, version=import_.version, left_alone=outlook.left_alone)
    return render_template("imports/undo.html", import_=import_, outlook=outlook, form=form)


@imports.errorhandler(life.WrongState)
@imports.errorhandler(choose.NoCandidate)
@imports.errorhandler(NoSuchAnswer)
def _show_overtaken(_error: Exception) -> ResponseReturnValue:
    """Show the import as it now is to somebody who decided on what it was before."""
    import_id = (request.view_args or {})["import_id"]
    flash(_("This import has changed since you opened the page, so nothing was done. Check it again, then decide."), "warning")
    return import_page(import_as_it_is(import_id)), 409


def _overtaken_choice(import_id: int, sheet: Sheet, as_file: ReadingForm, form: ColumnsForm) -> ResponseReturnValue:
    """Show the choice again, as it was made, on top of what others have chosen meanwhile."""
    import_ = import_as_it_is(import_id)
    if not choices.may_choose(import_):
        raise life.WrongState
    form.version.data = str(import_.version)
    flash(
        _(
            "Somebody has changed this import since you opened the page, and the sheet was not read again. "
            "Your choice is kept below."
        ),
        "warning",
    )
    return _columns_page(import_, sheet, as_file, form), 409


def _button(import_: Import) -> VersionForm:
    """Give what each button on the import's page sends: what it was shown with."""
    return VersionForm(formdata=None, version=import_.version)


def import_page(import_: Import, typed: Mapping[int, preview.Row] | None = None, wrong: Collection[int] = ()) -> str:
    """Show the import with the rows that the address asks for; some as they were typed, of which some are still wrong."""
    query = parse_query(request.args, "rejected" if typed else preview.opening_verdict(import_))
    whole = import_.state != "undone" and not import_.rest_of
    kept, of_sheet = preview.are_rows_kept(import_), import_.kind == "sheet"
    page = preview.page(db.session(), import_, query) if kept else None
    if page and typed:
        page = preview.with_rows(page, typed)
    confirmable = query.verdict == "review" and import_.state == "ready" and may(to_apply(import_))
    lines = [row.line for row in page.rows if row.needs_choice] if page and confirmable else []
    correctable = page and query.verdict == "rejected" and import_.state == "ready" and may(CORRECT_ROWS)
    return render_template(
        "imports/show.html",
        import_=import_,
        counts=preview.counts(import_),
        asked=load_questions(import_.questions),
        findings=load_findings(import_.findings),
        query=query,
        progress=preview.progress(import_),
        applied_before=preview.applied_before(db.session(), import_) if of_sheet else None,
        page=page,
        wrong=[typed[line] for line in wrong] if typed else [],
        unsaved=bool(typed),
        held_back=held_back(import_),
        choosable=choices.may_choose(import_) and may(CHOOSE_COLUMNS),
        missing=count_missing(db.session(), import_) if kept and of_sheet and whole else None,
        rest_id=rest.rest_of(db.session(), import_.id) if import_.reviews and import_.state == "applied" else None,
        may_go_on=kept and import_.state == "applied" and may(to_apply(import_)),
        correctable=preview.correctable_lines(page) if page and correctable else [],
        may_apply=may(to_apply(import_)),
        confirmable=confirmable,
        candidates=choose.candidates(db.session(), import_, lines),
        columns=COLUMNS,
        form=_button(import_),
    )


def _place_on_page(import_: Import) -> str:
    """Give the address of the rows that need review where somebody is at work on them, while there are any."""
    if not import_.reviews:
        return url_for("imports.show", import_id=import_.id)
    place: dict[str, Any] = {name: request.args[name] for name in ("q", "after", "before") if name in request.args}
    return url_for("imports.show", import_id=import_.id, verdict="review", **place, _anchor="rows-heading")


def _sheet_as_asked(import_: Import) -> tuple[Sheet, Options, ReadingForm]:
    """Give the sheet as it was read, or as this request asks for it: in another encoding, say, or from another tab."""
    sheet, options = Sheet.from_json(import_.sheet), Options.from_json(import_.options)
    as_file = ReadingForm(request.form if request.method == "POST" else request.args, sheet)
    if as_file.asked and as_file.validate():
        try:
            asked, guessed = choices.recall(db.session(), inspect(Path(import_.path), **as_file.asked))
            if (question := _blocking(asked, guessed)) and not _blocking(sheet, options):
                raise SheetRefused(question)
        except SheetRefused as refused:
            as_file.refuse(str(refused))
        else:
            sheet, options = asked, replace(guessed, blank_clears=options.blank_clears, only=options.only)
    return sheet, options, as_file


def _blocking(sheet: Sheet, options: Options) -> Later | None:
    """Say what keeps the sheet from being read as it is now understood."""
    return next((question.sentence for question in ask_before_reading(sheet, options) if question.blocks), None)


def _columns_page(import_: Import, sheet: Sheet, as_file: ReadingForm, form: ColumnsForm) -> str:
    samples = choices.first_cells(sheet)
    return render_template(
        "imports/columns.html",
        import_=import_,
        sheet=sheet,
        samples=samples,
        reading=as_file,
        form=form,
        asked=load_questions(import_.questions),
        chosen=choices.chosen_before(db.session(), sheet.headings),
    )


def _too_late(import_id: int) -> ResponseReturnValue:
    flash(_("The columns of this import can’t be chosen as it stands now."), "warning")
    return redirect(url_for("imports.show", import_id=import_id), 303)


def _next_page(import_id: int) -> str:
    """Lead to the page of the columns where the sheet leaves a question open, else to what it would do."""
    asks = db.session.scalar(select(Import.questions.is_not(None)).where(Import.id == import_id))
    return url_for("imports.columns" if asks else "imports.show", import_id=import_id)


def wait_for_worker(import_id: int) -> None:
    """Give the worker a moment, so that the answer to a small sheet is its preview at once."""
    db.session.rollback()
    reading.set(True)  # a look must not wait for the worker that it looks for
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and current_app.config["ROLLBOOK_WORKER"] == "inline":
        if db.session.scalar(select(Import.state).where(Import.id == import_id)) not in life.BUSY:
            break
        db.session.rollback()
        time.sleep(GLANCE_S)
    db.session.rollback()


def import_or_404(import_id: int) -> Import:
    return db.session.get(Import, import_id) or abort(404)


def import_as_it_is(import_id: int) -> Import:
    db.session.rollback()
    reading.set(True)  # a look must not wait for a worker that writes
    return db.session.get_one(Import, import_id, populate_existing=True)
