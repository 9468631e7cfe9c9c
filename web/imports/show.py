"""The page of an import: what it would do, does, or did; and its rows as files and lists."""

from collections.abc import Collection, Mapping
from pathlib import PurePath

from flask import flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from audit import Act
from forms import VersionForm
from merge import choices, choose, preview, rest
from merge.columns import COLUMNS
from merge.missing import count_missing, missing_page
from merge.pages import parse_query
from merge.query import parse_place
from merge.questions import load_questions
from merge.reading_notes import reading_notes
from merge.rejects import rejected_sheet
from merge.sanity import load_findings
from merge.sheet import Sheet
from merge.unattended import held_back
from models import Import, db
from web.access import may, requires, to_apply
from web.acts import CHOOSE_COLUMNS, CORRECT_ROWS, EXPORT_REJECTS, READ_IMPORTS
from web.csv_format import asked_format
from web.imports.blueprint import imports
from web.imports.shared import import_or_404
from web.sessions import polled
from web.streaming import download
from words import _


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
        flash(_("The rows of this import no longer exist, so it can’t be said which students are missing."), "warning")
        return redirect(url_for("imports.show", import_id=import_id), 303)
    page = missing_page(
        db.session(), import_, after=parse_place(request.args, "after"), before=parse_place(request.args, "before")
    )
    return render_template("imports/missing.html", import_=import_, page=page, columns=COLUMNS)


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
        notes=reading_notes(Sheet.from_json(import_.sheet)) if of_sheet else [],
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


def _button(import_: Import) -> VersionForm:
    """Give what each button on the import's page sends: what it was shown with."""
    return VersionForm(formdata=None, version=import_.version)
