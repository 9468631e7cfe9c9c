"""`flask user`: users made, and helped in; and the link for the first of them."""

import getpass
import sys

import click
from flask import current_app
from flask.cli import AppGroup, with_appcontext

from accounts import (
    ROLES,
    AddressTaken,
    NotActive,
    add_user,
    any_users,
    find_by_address,
    make_link,
    password_problem,
    rename,
    setup_token,
)
from accounts import reset_second_factor as forget_second_factor
from mailboxes import NoAddress
from people import BadName

users = AppGroup("user", help="Create and manage users.")


@users.command("add")
@click.argument("email")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--name", help="The name that pages show instead of the address.")
@click.option("--password-stdin", is_flag=True, help="Read the password from the first line of standard input.")
def add(email: str, role: str, name: str | None, *, password_stdin: bool) -> None:
    """Create a user."""
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else getpass.getpass("Password: ")
    if "@" not in email:
        raise click.ClickException(f"“{email}” is not an e-mail address.")
    if problem := password_problem(password, email):
        raise click.ClickException(problem)
    try:
        user = add_user(email, role, password, name)
    except AddressTaken:
        raise click.ClickException(f"User {email} already exists.") from None
    except NoAddress:
        raise click.ClickException(f"{email} is not an e-mail address.") from None
    except BadName as bad:
        raise click.ClickException(str(bad.sentence)) from None
    click.echo(f"{user.email} can sign in as {role}.")


@users.command("rename")
@click.argument("email")
@click.argument("name")
def change_name(email: str, name: str) -> None:
    """Change what pages call a user. With a blank NAME they show the address."""
    user = find_by_address(email)
    if user is None:
        raise click.ClickException(f"There is no user {email}.")
    try:
        rename(user, name)
    except BadName as bad:
        raise click.ClickException(str(bad.sentence)) from None
    click.echo(f"{user.email} is now shown as {user.name or user.email}.")


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
        raise click.ClickException(f"There is no active user {email}.") from None
    if reset_second_factor:
        forget_second_factor(user)
    click.echo(f"{current_app.config['ADDRESS']}/join?token={token}")


@click.command("setup-link")
@with_appcontext
def setup_link() -> None:
    """Print the link to create the first administrator, if there is no user yet."""
    if not any_users():
        link = f"{current_app.config['ADDRESS']}/setup?token={setup_token(current_app.config['SECRET_KEY'])}"
        click.echo(f"\n  No one can sign in yet. Create the first administrator here:\n\n  {link}\n")
