"""`flask worker` and `flask watch`: what runs until it is told to stop."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy.exc import SQLAlchemyError

import doctor
import logs
import watch as watching
import worker
from merge.compare import LEAVES_OUT
from merge.matching import MATCHES
from merge.options import UploadOptions
from merge.unattended import Limits
from models import db

log = logging.getLogger(__name__)

# How `flask watch --once` ends where not all was imported.
NOT_DONE, HELD = 1, 3


@click.command("watch")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--once", is_flag=True, help="Check the folder once, then stop.")
@click.option("--every", default=30, help="Seconds between checks.", show_default=True)
@click.option("--settled", default=10.0, help="Seconds without writes after which a file is complete.", show_default=True)
@click.option(
    "--most-inserts", default=Limits.inserts, help="Most students that a sheet may add without review.", show_default=True
)
@click.option(
    "--most-updates", default=Limits.updates, help="Most students that a sheet may change without review.", show_default=True
)
@click.option("--match", type=click.Choice([*MATCHES]), help="Find students by this, instead of what a sheet suggests.")
@click.option("--only", type=click.Choice([*LEAVES_OUT]), help="Only add new students, or only update stored ones.")
@click.option("--most-rejected", default=Limits.rejected, help="Most rows of a sheet that may be rejected.", show_default=True)
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
    """Import the sheets that other systems write to FOLDER, and move them to done/ or held/ there, each with a report.

    A sheet within the limits is applied; any other is ready for review in Rollbook. With --once, the exit status is 0 if
    all is done, 3 if something needs review, and 1 if something failed.
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
