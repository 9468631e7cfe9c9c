"""Tokens, with which other systems are let in as a user: made, seen once, and revoked by whose they are."""

from datetime import timedelta

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

import accounts
from models import now
from web.access import has_role, requires, user_id
from web.account_forms import SCOPES, TokenForm
from web.acts import MAKE_TOKEN, MANAGE_OWN_TOKENS, REVOKE_OWN_TOKEN
from web.kept_input import acted, keeps, keeps_nothing
from web.limits import takes_several
from words import _

tokens = Blueprint("tokens", __name__, url_prefix="/profile/tokens")


@tokens.get("")
@requires(MANAGE_OWN_TOKENS)
def list_() -> ResponseReturnValue:
    """Show the user's tokens, and the form that makes one."""
    return _page(_form())


@tokens.post("")
@requires(MAKE_TOKEN)
@takes_several("scopes")
@keeps(TokenForm)
def make() -> ResponseReturnValue:
    """Make a token, and show its secret this once."""
    form = _form()
    if not form.validate():
        return _page(form), 422
    until = now() + timedelta(days=int(form.days.data))
    try:
        token, secret = accounts.make_token(user_id(), form.name.data, form.scopes.data, until)
    except accounts.NotActive:
        abort(403)
    acted()
    return render_template("tokens/show.html", token=token, secret=secret)


@tokens.post("/<id:token_id>/revoke")
@requires(REVOKE_OWN_TOKEN)
@keeps_nothing
def revoke(token_id: int) -> ResponseReturnValue:
    """Let nobody in with the token any more."""
    name = accounts.revoke_token(user_id(), token_id)
    if name is None:
        abort(404)
    flash(_("Revoked the token “%(name)s”. It no longer works.", name=name), "success")
    return redirect(url_for("tokens.list_"), 303)


def _form() -> TokenForm:
    return TokenForm([scope for scope, role in accounts.SCOPES.items() if has_role(role)])


def _page(form: TokenForm) -> str:
    return render_template(
        "tokens/list.html",
        form=form,
        scopes=SCOPES,
        tokens=accounts.tokens_of(user_id()),
        now=now(),
        revoke_url=lambda token_id: url_for("tokens.revoke", token_id=token_id),
    )
