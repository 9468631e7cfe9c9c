"""`flask import` and `flask demo`: a sheet is imported while somebody looks on."""

import csv
import io
import json
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, TextIO

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from sqlalchemy import select

import worker
from database import aside, only_reading
from demo import made_up_sheet
from merge import answers as answering
from merge import preview
from merge.compare import LEAVES_OUT
from merge.imports import lifecycle, receiving
from merge.matching import MATCHES
from merge.options import AS_SUGGESTED, UploadOptions
from merge.problems import SheetRefused
from merge.questions import NoSuchAnswer, load_questions
from merge.report import report, summary
from merge.review import confirm
from models import Import, db, revisions

# The bar counts thousandths of a step.
BAR = 1000
GLANCE_S = 0.2


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--apply", "apply_", is_flag=True, help="Apply the import, instead of only showing what it would do.")
@click.option("--blank-clears", is_flag=True, help="Let a blank cell clear what is stored.")
@click.option("--match", type=click.Choice([*MATCHES]), help="Find students by this, instead of what the sheet suggests.")
@click.option("--only", type=click.Choice([*LEAVES_OUT]), help="Only add new students, or only update stored ones.")
@click.option("--answer", "answers", multiple=True, help="Answer a question that the sheet leaves open: QUESTION=ANSWER.")
@click.option("--confirm-names", is_flag=True, help="Apply rows that need review too, such as those with another name.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_appcontext
def import_file(
    file: BinaryIO,
    *,
    apply_: bool,
    blank_clears: bool,
    match: str | None,
    only: str | None,
    confirm_names: bool,
    answers: tuple[str, ...],
    as_json: bool,
) -> None:
    """Compare a sheet with the students, and apply it if told to."""
    told = dict(answer.rpartition("=")[::2] for answer in answers)
    try:
        done = _import(
            file,
            Path(file.name).name,
            UploadOptions(match, only or "", blank_clears),
            actor="flask import",
            apply_=apply_,
            confirm_names=confirm_names,
            answers=told,
        )
    except SheetRefused as refused:
        click.echo(json.dumps({"state": "refused", "failure": str(refused)}) if as_json else str(refused))
        sys.exit(1)
    click.echo(json.dumps(report(db.session(), done)) if as_json else "\n".join(summary(db.session(), done)))
    if done.state == "failed" or done.questions:
        sys.exit(1)


@click.command("demo")
@click.argument("number", type=click.IntRange(1))
@click.option("--sheet", type=click.File("w", encoding="utf-8"), help="Write a sheet to this file instead.")
@with_appcontext
def demo(number: int, *, sheet: TextIO | None) -> None:
    """Add sample students, the same ones every time. Students who exist already are left unchanged."""
    if sheet:
        csv.writer(sheet).writerows(made_up_sheet(number))
        return
    with aside(db.session()):
        taken = set(db.session.scalars(select(revisions.c.student_id).distinct().where(revisions.c.student_id <= number)))
    if len(taken) == number:
        click.echo("There are students with these IDs already, so no sample students were added.")
        return
    with tempfile.TemporaryFile() as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        csv.writer(text).writerows(made_up_sheet(number, taken=taken))
        file.seek(0)
        done = _import(file, f"{number} made-up students.csv", actor="flask demo", apply_=True)
        text.detach()
    click.echo("\n".join(summary(db.session(), done)))


def _import(
    file: BinaryIO,
    filename: str,
    asked: UploadOptions = AS_SUGGESTED,
    *,
    actor: str,
    apply_: bool,
    confirm_names: bool = False,
    answers: Mapping[str, str] = MappingProxyType({}),
) -> Import:
    session = db.session()
    import_id = receiving.receive(session, current_app.config["UPLOADS"], filename, file, actor, asked).id
    _finish(import_id)
    while keys := answers.keys() & _asked(read := _read(import_id)):
        key = min(keys)
        try:
            answering.answer(session, import_id, key, answers[key], actor, version=read.version)
        except NoSuchAnswer:
            raise click.ClickException(f"“{answers[key]}” is not an answer to {key}.") from None
        _finish(import_id)
    if read.questions or read.state != "ready":
        return read
    if confirm_names:
        confirm(session, import_id, None, actor, version=read.version)
    # Where all that there is to do needs review, to apply it would do nothing and end the review.
    if apply_ and not _needs_only_review(read := _read(import_id)):
        lifecycle.start_apply(session, import_id, actor, version=read.version)
        _finish(import_id)
    return _read(import_id)


def _needs_only_review(import_: Import) -> bool:
    return import_.reviews > 0 and not (import_.inserts or import_.updates)


def _read(import_id: int) -> Import:
    return db.session.get_one(Import, import_id, populate_existing=True)


def _asked(import_: Import) -> set[str]:
    """Give the keys of the questions that are open."""
    return {question.key for question in load_questions(import_.questions)}


def _finish(import_id: int) -> str:
    """Run the import until it needs a person again, and show a person meanwhile how far it is."""
    if not sys.stderr.isatty():
        return worker.finish(import_id)
    running = threading.Thread(target=_in_context(lambda: worker.finish(import_id)), daemon=True)
    running.start()
    with click.progressbar(length=BAR, show_eta=False, item_show_func=lambda sentence: sentence or "", file=sys.stderr) as bar:
        over = False
        while not over:
            running.join(GLANCE_S)
            over = not running.is_alive()  # asked before the progress, so that the end is shown too
            told = _progress(import_id)
            # A step begins at 0 again, and the bar's own update() only ever goes on.
            bar.pos, bar.current_item = round(told["share"] * BAR), told["sentence"]
            bar.render_progress()
    return str(_progress(import_id)["state"])


def _in_context(act: Callable[[], object]) -> Callable[[], None]:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def run() -> None:
        with app.app_context():
            act()

    return run


def _progress(import_id: int) -> dict[str, Any]:
    with only_reading():
        told = preview.progress(db.session.get_one(Import, import_id, populate_existing=True))
        db.session.rollback()
    return told
