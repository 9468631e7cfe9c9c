"""What an administrator types: `flask user add`, `flask import`, `flask worker`, `flask backup` and the like."""

import csv
import getpass
import io
import json
import logging
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import click
from flask import Flask, current_app
from flask.cli import AppGroup, with_appcontext

import backup
import worker
from accounts import ROLES, AddressTaken, add_user, any_users, find_by_address, make_link, setup_token
from accounts import reset_second_factor as forget_second_factor
from database import only_reading
from demo import made_up_sheet
from forms import password_problem
from merge import imports, preview
from merge import verify as verifying
from merge.problems import SheetRefused
from models import Import, db

# The bar counts thousandths of a step.
BAR = 1000
GLANCE_S = 0.2

users = AppGroup("user", help="Make users, and help them in.")


def register(app: Flask) -> None:
    """Add the commands to the app."""
    for command in (users, import_file, run_worker, demo, back_up, restore, verify, setup_link):
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
    click.echo(f"{user.email} can sign in as {role}.")


@users.command("link")
@click.argument("email")
@click.option("--reset-second-factor", is_flag=True, help="Also forget their authenticator app, recovery codes and passkeys.")
def link(email: str, *, reset_second_factor: bool) -> None:
    """Print a one-time link with which a user chooses a new password."""
    user = find_by_address(email)
    if user is None or not user.active:
        raise click.ClickException(f"There is no user {email} who may sign in.")
    if reset_second_factor:
        forget_second_factor(user)
    click.echo(f"{current_app.config['ADDRESS']}/join?token={make_link(user)}")


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--apply", "apply_", is_flag=True, help="Apply the import, instead of only showing what it would do.")
@click.option("--blank-clears", is_flag=True, help="Let a blank cell clear what is stored.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
@with_appcontext
def import_file(file: BinaryIO, *, apply_: bool, blank_clears: bool, as_json: bool) -> None:
    """Compare a sheet with the students, and apply it if told to."""
    try:
        done = _import(file, Path(file.name).name, actor="flask import", apply_=apply_, blank_clears=blank_clears)
    except SheetRefused as refused:
        click.echo(json.dumps({"state": "refused", "failure": str(refused)}) if as_json else str(refused))
        sys.exit(1)
    click.echo(json.dumps(_report(done)) if as_json else _sentences(done))
    if done.state == "failed":
        sys.exit(1)


@click.command("worker")
@with_appcontext
def run_worker() -> None:
    """Run imports until told to stop."""
    logging.basicConfig(level=logging.INFO)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    worker.work(current_app._get_current_object(), stop)  # type: ignore[attr-defined]


@click.command("demo")
@click.argument("number", type=click.IntRange(1))
@click.option("--sheet", type=click.File("w", encoding="utf-8"), help="Write a sheet to this file instead.")
@with_appcontext
def demo(number: int, *, sheet: TextIO | None) -> None:
    """Fill the table with made-up students, the same ones every time."""
    if sheet:
        csv.writer(sheet).writerows(made_up_sheet(number))
        return
    with tempfile.TemporaryFile() as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="", write_through=True)
        csv.writer(text).writerows(made_up_sheet(number))
        file.seek(0)
        done = _import(file, f"{number} made-up students.csv", actor="flask demo", apply_=True)
        text.detach()
    click.echo(_sentences(done))


@click.command("backup")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@with_appcontext
def back_up(file: Path) -> None:
    """Write all records to FILE, while people go on working, and check what was written."""
    with _said_if_not_done():
        backup.back_up(db.engine.url, file)
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


@click.command("verify")
@with_appcontext
def verify() -> None:
    """Check that students, revisions, changes and imports agree, as they have to at any moment."""
    _verify()


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print the link that makes the first administrator, if there is no user yet."""
    if not any_users():
        link = f"{current_app.config['ADDRESS']}/setup?token={setup_token(current_app.config['SECRET_KEY'])}"
        click.echo(f"\n  Nobody can sign in yet. Make the first administrator here:\n\n  {link}\n")


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


def _import(file: BinaryIO, filename: str, *, actor: str, apply_: bool, blank_clears: bool = False) -> Import:
    session = db.session()
    import_id = imports.receive(session, current_app.config["UPLOADS"], filename, file, actor, blank_clears=blank_clears).id
    if _finish(import_id) == "ready" and apply_:
        imports.start_apply(session, import_id, actor)
        _finish(import_id)
    return session.get_one(Import, import_id, populate_existing=True)


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
            bar.update(round(told["share"] * BAR) - bar.pos, told["sentence"])
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


def _report(done: Import) -> dict[str, Any]:
    return {
        "id": done.id,
        "state": done.state,
        "rows": done.rows,
        **preview.counts(done),
        "ignored": [heading for heading, column in zip(done.sheet["headings"], done.sheet["columns"], strict=True) if not column],
        "failure": done.failure,
    }


def _sentences(done: Import) -> str:
    if done.failure:
        return done.failure
    counts = ", ".join(f"{number:,} {verdict}" for verdict, number in preview.counts(done).items())
    return f"Import {done.id} ({done.filename}) is {done.state}: {done.rows:,} rows, {counts}."
