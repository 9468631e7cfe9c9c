"""What an administrator types: `flask user add`, `flask import`, `flask worker`, `flask backup` and the like."""

import csv
import getpass
import io
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO, TextIO

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import create_engine, select
from sqlalchemy.exc import DatabaseError, DBAPIError, SQLAlchemyError

import backup
import database_move
import doctor
import logs
import watch as watching
import worker
from accounts import (
    ROLES,
    AddressTaken,
    NotActive,
    add_user,
    any_users,
    find_by_address,
    make_link,
    password_problem,
    setup_token,
)
from accounts import reset_second_factor as forget_second_factor
from config import VERSION, Settings
from database import aside, engine_options, only_reading
from database import prepare as prepare_database
from database import tune as tune_database
from database_url import read_database_url
from demo import made_up_sheet
from mailboxes import NoAddress
from merge import answers as answering
from merge import clock_check, preview, search
from merge import verify as verifying
from merge.compare import LEAVES_OUT
from merge.faults import fault_of
from merge.imports import lifecycle, receiving
from merge.matching import MATCHES
from merge.options import AS_SUGGESTED, UploadOptions
from merge.problems import SheetRefused
from merge.questions import NoSuchAnswer, load_questions
from merge.report import report, summary
from merge.review import confirm
from merge.unattended import Limits
from models import Import, db, revisions

log = logging.getLogger(__name__)

# The bar counts thousandths of a step.
BAR = 1000
GLANCE_S = 0.2
APP = str(Path(__file__).parent / "app.py")
# How `flask watch --once` ends where not all was imported.
NOT_DONE, HELD = 1, 3

users = AppGroup("user", help="Make users, and help them in.")


def register(app: Flask) -> None:
    """Add the commands to the app."""
    for command in COMMANDS:
        app.cli.add_command(command)


@users.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
def add(email: str, role: str, *, password_stdin: bool) -> None:
    """Make a user."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else getpass.getpass("Password: ")
    if "@" not in email:
        raise click.ClickException(f"“{email}” is not an e-mail address.")
    if problem := password_problem(password, email):
        raise click.ClickException(problem)
    try:
        user = add_user(email, role, password)
    except AddressTaken:
        raise click.ClickException(f"There is a user {email} already.") from None
    except NoAddress:
        raise click.ClickException(f"{email} is no e-mail address.") from None
    click.echo(f"{user.email} can sign in as {role}.")


@users.command("link")
@click.argument("email")
@click.option("--reset-second-factor", is_flag=True, help="Also forget their authenticator app, recovery codes and passkeys.")
def link(email: str, *, reset_second_factor: bool) -> None:
    """Print a one-time link with which a user chooses a new password."""
    user = find_by_address(email)
    try:
        if user is None:
            raise NotActive(email)
        token = make_link(user)
    except NotActive:
        raise click.ClickException(f"There is no user {email} who may sign in.") from None
    if reset_second_factor:
        forget_second_factor(user)
    click.echo(f"{current_app.config['ADDRESS']}/join?token={token}")


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


@click.command("watch")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--once", is_flag=True, help="Look once, instead of until told to stop.")
@click.option("--every", default=30, help="Seconds between two looks.", show_default=True)
@click.option("--settled", default=10.0, help="Seconds that nobody may have written to a file for.", show_default=True)
@click.option("--most-inserts", default=Limits.inserts, help="Students that a sheet may add by itself.", show_default=True)
@click.option("--most-updates", default=Limits.updates, help="Students that a sheet may change by itself.", show_default=True)
@click.option("--match", type=click.Choice([*MATCHES]), help="Find students by this, instead of what a sheet suggests.")
@click.option("--only", type=click.Choice([*LEAVES_OUT]), help="Only add new students, or only update stored ones.")
@click.option("--most-rejected", default=Limits.rejected, help="Rows of it that may be rejected.", show_default=True)
@with_appcontext
def watch(
    folder: Path,
    *,
    once: bool,
    every: int,
    settled: float,
    most_inserts: int,
    most_updates: int,
    most_rejected: int,
    match: str | None,
    only: str | None,
) -> None:
    """Import the sheets that other systems lay down in FOLDER, and move them to done/ or held/ there, each with a report.

    A sheet within the limits is applied; any other waits in Rollbook for somebody to decide. With --once, the exit status
    is 0 where all is done, 3 where something is held for a person, and 1 where something could not be done.
    """
    if not once:
        _begin_to_serve()
    try:
        watching.prepare(folder)
    except watching.NotUsable as reason:
        raise click.ClickException(str(reason)) from None
    limits, stop = Limits(most_inserts, most_updates, most_rejected), _stop_when_told()
    terms = watching.Terms(limits, UploadOptions(match, only or ""))
    while not stop.is_set():
        kept_in = set[str]()
        try:
            for outcome in _look(folder, terms, settled):
                kept_in.add(outcome.kept_in)
                click.echo(f"{outcome.delivery.name}: {outcome.kept_in}. {outcome.report.splitlines()[0]}")
                if stop.is_set():
                    break
        except (SQLAlchemyError, OSError):
            log.exception("the folder or the database can't be reached, and is looked for again")
            kept_in.add(watching.TAKEN)
        if once:
            sys.exit(NOT_DONE if watching.TAKEN in kept_in else HELD if watching.HELD in kept_in else 0)
        db.session.remove()
        stop.wait(every)


def _look(folder: Path, terms: watching.Terms, settled_s: float) -> Iterator[watching.Outcome]:
    settings = current_app.config
    places = {"max_bytes": settings["MAX_UPLOAD"], "address": settings["ADDRESS"]}
    return watching.look(folder, settings["UPLOADS"], terms, settled_s=settled_s, **places)


@click.command("worker")
@with_appcontext
def run_worker() -> None:
    """Run imports until told to stop."""
    _begin_to_serve()
    worker.work(current_app._get_current_object(), _stop_when_told())  # type: ignore[attr-defined]


@click.command("demo")
@click.argument("number", type=click.IntRange(1))
@click.option("--sheet", type=click.File("w", encoding="utf-8"), help="Write a sheet to this file instead.")
@with_appcontext
def demo(number: int, *, sheet: TextIO | None) -> None:
    """Fill the table with made-up students, the same ones every time. Whoever is there already stays as they are."""
    if sheet:
        csv.writer(sheet).writerows(made_up_sheet(number))
        return
    with aside(db.session()):
        taken = set(db.session.scalars(select(revisions.c.student_id).distinct().where(revisions.c.student_id <= number)))
    if len(taken) == number:
        click.echo("There are students with these IDs already, so none were made up. Nothing was changed.")
        return
    with tempfile.TemporaryFile() as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        csv.writer(text).writerows(made_up_sheet(number, taken=taken))
        file.seek(0)
        done = _import(file, f"{number} made-up students.csv", actor="flask demo", apply_=True)
        text.detach()
    click.echo("\n".join(summary(db.session(), done)))


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False, exists=True), help="Write to a new file in here.")
@click.option("--keep", type=click.IntRange(1), default=14, show_default=True, help="How many backups to keep in the folder.")
@with_appcontext
def back_up(file: Path | None, *, folder: Path | None, keep: int) -> None:
    """Write all records to FILE, or to a new file in a folder, while people go on working, and check what was written."""
    if (file is None) == (folder is None):
        raise click.UsageError("Name either a file, or a folder with --folder.")
    with _said_if_not_done():
        if folder is not None:
            file = backup.back_up_into(db.engine.url, folder, keep)
        elif file is not None:
            backup.back_up(db.engine.url, file)
    assert file is not None
    click.echo(f"The backup {file} is written and checked: {file.stat().st_size:,} bytes. Uploaded sheets are not in it.")


@click.command("restore")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--overwrite", is_flag=True, help="Let the backup take the place of the records that are there.")
@with_appcontext
def restore(file: Path, *, overwrite: bool) -> None:
    """Bring the records in FILE back. Stop the server and the workers before."""
    db.engine.dispose()
    with _said_if_not_done():
        backup.restore(db.engine.url, file, overwrite=overwrite)
    _verify()


@click.command("move")
@click.option("--to", "target_url", required=True, help="The address of an empty database, as DATABASE_URL has it.")
@with_appcontext
def move(target_url: str) -> None:
    """Copy everything to an empty database of either kind, and check it. Stop the server and the workers before.

    The database that is moved from stays as it is. Uploaded sheets stay in their folder.
    """
    settings: Settings = current_app.config["SETTINGS"]
    try:
        url = read_database_url("--to", target_url, settings.instance)
    except ValueError as reason:
        raise click.ClickException(str(reason)) from None
    _migrate(url)
    target = create_engine(url, **engine_options(url))
    prepare_database(target)
    search.prepare(target)
    bar = click.progressbar(length=2 * database_move.count_rows(db.engine), label="Moving", file=sys.stderr)
    try:
        with bar:
            moved = database_move.move(db.engine, target, bar.update)
    except database_move.NotMoved as reason:
        raise click.ClickException(str(reason)) from None
    finally:
        target.dispose()
    for done in moved:
        click.echo(f"{done.table:20} {done.rows:>12,} rows  {done.checksum}")
    click.echo("Everything is moved and checked. Now set DATABASE_URL to the new database, and start Rollbook.")


def _migrate(url: str) -> None:
    """Bring another database up to date, in a process of its own: this one has its own database."""
    environ = {**os.environ, "DATABASE_URL": url, "DATABASE_REPLICA_URL": ""}
    command = [sys.executable, "-m", "flask", "--app", APP, "db", "upgrade"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)  # noqa: S603  no shell
    if done.returncode:
        raise click.ClickException(
            done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "The tables could not be made."
        )


@click.command("verify")
@with_appcontext
def verify() -> None:
    """Check that students, revisions, changes and imports agree, as they have to at any moment."""
    _verify()


@click.command("doctor")
@with_appcontext
def examine() -> None:
    """Look for settings that put the records at risk. Ends with 1 unless all is fine."""
    found = list(doctor.examine(current_app.config["SETTINGS"]))
    for finding in found:
        click.echo(f"{finding.verdict.upper() if finding.verdict == doctor.UNSAFE else finding.verdict:7} {finding.sentence}")
    if any(finding.verdict != doctor.FINE for finding in found):
        sys.exit(1)


@click.command("tune")
@with_appcontext
def tune() -> None:
    """Have PostgreSQL set for its user in this database what our statements need, instead of each transaction."""
    with db.engine.connect() as connection:
        if connection.dialect.name != "postgresql":
            raise click.ClickException("SQLite has no users, and needs none of this.")
        done = tune_database(connection)
    click.echo("\n".join(f"{statement};" for statement in done) or "All is set already.")


@click.command("retention")
@click.option("--resume", is_flag=True, help="Say that the clock is right, so that what is old is deleted again.")
@with_appcontext
def retention(*, resume: bool) -> None:
    """Say whether what is old is deleted in its time: after a leap of the clock that waits for a person."""
    if resume:
        clock_check.resume(db.session())
    held = clock_check.hold(db.session())
    db.session.rollback()
    if held:
        click.echo(
            f"Nothing is deleted: the clock said {held[1]:%Y-%m-%d %H:%M} when it had last said {held[0]:%Y-%m-%d %H:%M} (UTC)."
        )
        sys.exit(1)
    click.echo("What is old is deleted in its time.")


@click.command("version")
def tell_version() -> None:
    """Print the version of Rollbook."""
    click.echo(VERSION)


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print the link that makes the first administrator, if there is no user yet."""
    if not any_users():
        link = f"{current_app.config['ADDRESS']}/setup?token={setup_token(current_app.config['SECRET_KEY'])}"
        click.echo(f"\n  Nobody can sign in yet. Make the first administrator here:\n\n  {link}\n")


def _saying_why(act: Callable[..., None]) -> Callable[..., None]:
    """End a command with a sentence where the database or the disk keeps it from its work."""

    @wraps(act)
    def acting(*args: Any, **kwargs: Any) -> None:
        try:
            act(*args, **kwargs)
        except (DBAPIError, OSError) as error:
            if fault_of(error) is None and type(error) is not DatabaseError:
                raise
            reason = str(getattr(error, "orig", error)).strip().splitlines()[0]
            what = "The disk" if isinstance(error, OSError) else "The database that DATABASE_URL leads to"
            raise click.ClickException(f"{what} says: {reason}. What was not done can be done again.") from None

    return acting


def _begin_to_serve() -> None:
    """Refuse to start where records are at risk, and log from here on as the server does."""
    doctor.refuse_unsafe(current_app.config["SETTINGS"])
    logs.configure()


def _stop_when_told() -> threading.Event:
    """Let what runs come to its end when the process is to stop."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


@contextmanager
def _said_if_not_done() -> Iterator[None]:
    try:
        yield
    except backup.NotDone as reason:
        raise click.ClickException(str(reason)) from None


def _verify() -> None:
    """Print what was checked. A promise that is broken ends the command with 1."""
    broken = False
    with only_reading():
        for finding in verifying.verify(db.session()):
            first = ", ".join(map(str, finding.first))
            click.echo(
                f"BROKEN {finding.promise}: {finding.broken:,}, such as {first}"
                if finding.broken
                else f"kept   {finding.promise}"
            )
            broken = broken or finding.broken > 0
        db.session.rollback()
    if broken:
        sys.exit(1)


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
            raise click.ClickException(f"“{answers[key]}” is no answer to {key}.") from None
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
            over = not running.is_alive()
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


COMMANDS = (
    *(users, import_file, run_worker, watch, demo, back_up, restore, move, verify, retention, examine, tune, setup_link),
    tell_version,
)
for _command in (*users.commands.values(), *COMMANDS):
    if _command.callback is not None:
        _command.callback = _saying_why(_command.callback)
