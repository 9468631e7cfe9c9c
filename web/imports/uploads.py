"""The newest imports, and the form that a sheet is uploaded with."""

from datetime import datetime

from flask import current_app, redirect, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from forms import UploadForm
from merge.columns import COLUMNS
from merge.imports import discarding, receiving
from merge.problems import SheetRefused
from models import Import, db, now
from web.access import actor, requires
from web.acts import READ_IMPORTS, UPLOAD_SHEET
from web.head_check import takes_sheets
from web.imports.blueprint import imports
from web.imports.shared import next_page, wait_for_worker
from web.kept_input import keeps

LISTED = 50


@imports.app_template_global()
def deleted_at(import_: Import) -> datetime | None:
    """Tell when an import that nobody applies is deleted, once half of the time until then is over."""
    keep, since = current_app.config["KEEP_WAITING"], discarding.waiting_since(import_)
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
            received = receiving.receive(db.session(), uploads, file.filename, file.stream, actor(), form.asked)
        except SheetRefused as refused:
            form.file.errors = [str(refused)]
        else:
            wait_for_worker(received.id)
            return redirect(next_page(received.id), 303)
    return render_template("imports/new.html", form=form, columns=COLUMNS), 422
