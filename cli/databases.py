"""The database as a whole: backed up, restored, moved, verified, tuned."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import create_engine

import backup
import database_move
from config import Settings
from database import engine_options, only_reading
from database import prepare as prepare_database
from database import tune as tune_database
from database_url import read_database_url
from merge import search
from merge import verify as verifying
from models import db

APP = str(Path(__file__).parent.parent / "app.py")


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
@click.option("--overwrite", is_flag=True, help="Replace the records that are there.")
@with_appcontext
def restore(file: Path, *, overwrite: bool) -> None:
    """Restore the records in FILE. Stop the server and the workers before."""
    db.engine.dispose()
    with _said_if_not_done():
        backup.restore(db.engine.url, file, overwrite=overwrite)
    _verify_all()


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
    """Bring another database up to date, in a process of its own, since this one is set to use the present database."""
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
    _verify_all()


def _verify_all() -> None:
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


@click.command("tune")
@with_appcontext
def tune() -> None:
    """Set the PostgreSQL options that Rollbook needs for its user in this database."""
    with db.engine.connect() as connection:
        if connection.dialect.name != "postgresql":
            raise click.ClickException("Only PostgreSQL needs this, not SQLite.")
        done = tune_database(connection)
    click.echo("\n".join(f"{statement};" for statement in done) or "All is set already.")


@contextmanager
def _said_if_not_done() -> Iterator[None]:
    """End the command with the sentence that says why a backup was not written or brought back."""
    try:
        yield
    except backup.NotDone as reason:
        raise click.ClickException(str(reason)) from None
