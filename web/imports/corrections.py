"""Correct the rejected rows of a sheet on the page of its import: one form for all that are on the page."""

from collections import defaultdict

from flask import Blueprint, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from forms import CELL, VersionForm, typed_cell
from merge import correct as correcting
from merge.correct import Typed
from merge.decisions import WrongState
from merge.preview import name_texts
from models import Import, db
from web.access import requires
from web.acts import CORRECT_ROWS
from web.imports.shared import import_as_it_is, import_or_404, rows_page
from web.imports.show import import_page
from web.kept_input import keeps
from web.limits import takes_cells
from words import _, number

corrections = Blueprint("corrections", __name__, url_prefix="/imports")


@corrections.post("/<id:import_id>/rows")
@requires(CORRECT_ROWS)
@takes_cells
@keeps(VersionForm, typed_cell)
def check_all(import_id: int) -> ResponseReturnValue:
    """Check all rows again that somebody typed into, and keep those that can be used now."""
    typed = _changed(_typed())
    if not typed and not VersionForm().only_shown:
        flash(_("Nothing was changed in these rows. Correct a cell, then check again."), "warning")
    return _check(import_id, typed, typed)


@corrections.post("/<id:import_id>/rows/<id:line>")
@requires(CORRECT_ROWS)
@takes_cells
@keeps(VersionForm, typed_cell)
def check(import_id: int, line: int) -> ResponseReturnValue:
    """Check one row again, even as it is; what was typed into others stays on the page."""
    typed = _typed()
    return _check(import_id, {line: typed.get(line, {})}, {**_changed(typed), line: typed.get(line, {})})


def _check(import_id: int, asked: Typed, typed: Typed) -> ResponseReturnValue:
    import_, form = import_or_404(import_id), VersionForm()
    if form.only_shown:
        return import_page(import_, correcting.with_typed(db.session(), import_, typed))
    try:
        outcome = correcting.correct(db.session(), import_id, asked, version=form.shown)
    except WrongState:
        return _overtaken(import_id, typed)
    if outcome.accepted:
        flash(outcome.sentence(), "success")
    import_ = import_as_it_is(import_id)
    rows = {**correcting.with_typed(db.session(), import_, typed), **outcome.rejected}
    if not rows:
        return redirect(_place_on_page(import_, asked), 303)
    return import_page(import_, rows, outcome.rejected), 422 if outcome.rejected else 200


def _overtaken(import_id: int, typed: Typed) -> ResponseReturnValue:
    """Show the import as it now is, with what was typed into rows, or above them where a row needs no correction any more."""
    import_ = import_as_it_is(import_id)
    rows = correcting.with_typed(db.session(), import_, typed)
    if rows:
        flash(
            _(
                "This import has changed since you opened the page. What you typed is kept in line %(line)s. "
                "Check it again, then send it.",
                line=", ".join(map(number, rows)),
            ),
            "warning",
        )
    for line in sorted(typed.keys() - rows):
        flash(
            _(
                "Line %(line)s can no longer be edited. You typed: %(cells)s",
                line=number(line),
                cells=", ".join(text for _place, text in sorted(typed[line].items())) or _("nothing"),
            ),
            "warning",
        )
    return import_page(import_, rows), 409


def _typed() -> dict[int, dict[int, str]]:
    """Give what was sent for the cells of rows, by their lines and places."""
    typed: dict[int, dict[int, str]] = defaultdict(dict)
    for field in filter(None, map(CELL.fullmatch, request.form)):
        typed[int(field[1])][int(field[2])] = request.form[field[0]]
    return typed


def _changed(typed: Typed) -> dict[int, dict[int, str]]:
    """Keep the rows that were not sent as they were shown."""
    return {line: dict(cells) for line, cells in typed.items() if name_texts(cells) != request.form.get(f"seen-{line}")}


def _place_on_page(import_: Import, checked: Typed) -> str:
    """Give the address of the rejected rows where somebody is at work on them, while there are any."""
    if not import_.rejected:
        return url_for("imports.show", import_id=import_.id)
    following = [line for line in _typed() if line > max(checked, default=0)]
    return rows_page(import_.id, "rejected", f"line-{min(following)}") if following else rows_page(import_.id, "rejected")
