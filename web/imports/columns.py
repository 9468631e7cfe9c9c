"""What each of a sheet's columns is taken for, and how its cells are read."""

from dataclasses import replace
from pathlib import Path

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from database import aside
from forms import ColumnsForm, ReadingForm, column_choice, columns_form
from merge import choices
from merge.decisions import WrongState
from merge.heading_questions import ask_before_reading
from merge.imports import lifecycle
from merge.options import Options
from merge.problems import SheetRefused
from merge.questions import load_questions
from merge.sheet import Sheet, header_rows, inspect
from models import Import, db
from web.access import actor, requires
from web.acts import CHOOSE_COLUMNS
from web.imports.blueprint import imports
from web.imports.shared import import_as_it_is, import_or_404, next_page, wait_for_worker
from web.kept_input import keeps
from words import Later, _

CELL_SHOWN = 20


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
            raise WrongState
        sheet, options, as_file = _sheet_as_asked(import_)
        form = columns_form(sheet, options, import_.version)
        if as_file.errors or not form.validate():
            return _columns_page(import_, sheet, as_file, form), 422
        planned = choices.plan_reading(replace(sheet, columns=form.columns), form.options)
    choices.remember(db.session(), planned, actor())
    try:
        lifecycle.read_again(db.session(), import_id, planned, version=form.shown)
    except WrongState:
        return _overtaken_choice(import_id, sheet, as_file, form)
    wait_for_worker(import_id)
    return redirect(next_page(import_id), 303)


def _overtaken_choice(import_id: int, sheet: Sheet, as_file: ReadingForm, form: ColumnsForm) -> ResponseReturnValue:
    """Show the choice again, as it was made, on top of what others have chosen meanwhile."""
    import_ = import_as_it_is(import_id)
    if not choices.may_choose(import_):
        raise WrongState
    form.version.data = str(import_.version)
    flash(
        _("Someone changed this import after you opened the page, so the sheet was not read again. Your choices are kept below."),
        "warning",
    )
    return _columns_page(import_, sheet, as_file, form), 409


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
    as_file.offer_headers(sheet, header_rows(sheet, CELL_SHOWN))
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
    flash(_("You can’t edit the columns of this import now."), "warning")
    return redirect(url_for("imports.show", import_id=import_id), 303)
