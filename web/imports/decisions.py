"""What somebody decides about an import: answers, rows and students, to apply it or to cancel it."""

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from database import reading
from forms import AnswerForm, ChoiceForm, ConfirmForm, VersionForm
from merge import answers, choose, rest, review
from merge.decisions import WrongState
from merge.imports import lifecycle
from merge.questions import NoSuchAnswer
from models import Import, db
from web.access import actor, check, requires, to_apply
from web.acts import ANSWER_QUESTION, APPLY_IMPORT, CANCEL_IMPORT, CHOOSE_STUDENT, CONFIRM_ROWS, GO_ON_WITH_REST
from web.imports.blueprint import imports
from web.imports.shared import import_as_it_is, import_or_404, next_page, rows_page, wait_for_worker
from web.imports.show import import_page
from web.kept_input import keeps_nothing
from words import _, ngettext


@imports.post("/<id:import_id>/answers")
@requires(ANSWER_QUESTION)
@keeps_nothing
def answer(import_id: int) -> ResponseReturnValue:
    """Take the answer to a question that the sheet leaves open, and let a worker read it so."""
    import_or_404(import_id)
    form = AnswerForm()
    answers.answer(db.session(), import_id, form.question.data or "", form.answer.data or "", actor(), version=form.shown)
    wait_for_worker(import_id)
    return redirect(next_page(import_id), 303)


@imports.post("/<id:import_id>/apply")
@requires(APPLY_IMPORT)
@keeps_nothing
def apply(import_id: int) -> ResponseReturnValue:
    """Let a worker do what the preview showed."""
    check(to_apply(import_or_404(import_id)))
    lifecycle.start_apply(db.session(), import_id, actor(), version=VersionForm().shown)
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
        flash(_("Line %(line)s is already about this student. Choose another one.", line=taken.line), "warning")
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
    announced = lifecycle.announce_cancel(db.session(), import_id, version=shown)
    reading.set(False)
    lifecycle.cancel(db.session(), import_id, version=shown, announced=announced)
    return redirect(url_for("imports.show", import_id=import_id), 303)


@imports.errorhandler(WrongState)
@imports.errorhandler(choose.NoCandidate)
@imports.errorhandler(NoSuchAnswer)
def _show_overtaken(_error: Exception) -> ResponseReturnValue:
    """Show the import as it now is to somebody who decided on what it was before."""
    import_id = (request.view_args or {})["import_id"]
    flash(_("This import has changed since you opened the page, so nothing was done. Check it again, then decide."), "warning")
    return import_page(import_as_it_is(import_id)), 409


def _place_on_page(import_: Import) -> str:
    """Give the address of the rows that need review where somebody is at work on them, while there are any."""
    if not import_.reviews:
        return url_for("imports.show", import_id=import_.id)
    return rows_page(import_.id, "review")
