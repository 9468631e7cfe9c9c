"""What a command tells of this Rollbook: whether it is set up safely, whether what is old is deleted, its version."""

import sys

import click
from flask import current_app
from flask.cli import with_appcontext

import doctor
from config import VERSION
from merge import clock_check
from models import db
from words import moment


@click.command("doctor")
@with_appcontext
def examine() -> None:
    """Look for settings that put the records at risk. Ends with 1 unless all is fine."""
    found = list(doctor.examine(current_app.config["SETTINGS"]))
    for finding in found:
        click.echo(f"{finding.verdict.upper() if finding.verdict == doctor.UNSAFE else finding.verdict:7} {finding.sentence}")
    if any(finding.verdict != doctor.FINE for finding in found):
        sys.exit(1)


@click.command("retention")
@click.option("--resume", is_flag=True, help="Confirm that the clock is right, and resume retention.")
@with_appcontext
def retention(*, resume: bool) -> None:
    """Say whether old records are being deleted. After a jump of the clock that is paused until someone confirms it."""
    if resume:
        clock_check.resume(db.session())
    held = clock_check.hold(db.session())
    db.session.rollback()
    if held:
        click.echo(f"Retention is paused: the clock jumped from {moment(held[0])} to {moment(held[1])}.")
        sys.exit(1)
    click.echo("Retention is running.")


@click.command("version")
def tell_version() -> None:
    """Print the version of Rollbook."""
    click.echo(VERSION)
