"""What an administrator types: `flask user add`, `flask import`, `flask worker`, `flask backup` and the like."""

from collections.abc import Callable
from functools import wraps
from typing import Any

import click
from flask import Flask
from sqlalchemy.exc import DatabaseError, DBAPIError

from cli.checks import examine, retention, tell_version
from cli.databases import back_up, move, restore, tune, verify
from cli.imports import demo, import_file
from cli.services import run_worker, watch
from cli.users import setup_link, users
from merge.faults import fault_of


def register(app: Flask) -> None:
    """Add the commands to the app."""
    for command in COMMANDS:
        app.cli.add_command(command)


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


COMMANDS = (
    users,
    setup_link,
    import_file,
    demo,
    run_worker,
    watch,
    back_up,
    restore,
    move,
    verify,
    tune,
    examine,
    retention,
    tell_version,
)
for _command in (*users.commands.values(), *COMMANDS):
    if _command.callback is not None:
        _command.callback = _saying_why(_command.callback)
