"""Another system of the school, that asks by the API."""

from datetime import timedelta
from typing import Any

from flask import Flask, has_app_context
from sqlalchemy import select
from werkzeug.test import TestResponse

import accounts
from models import User, db, now
from tests.conftest import PASSWORD

ALL = tuple(accounts.SCOPES)


class Machine:
    """It has a token and no cookies."""

    def __init__(self, app: Flask, secret: str | None) -> None:
        self._app = app
        self.secret = secret

    def ask(self, method: str, path: str, status: int | None = None, **more: Any) -> TestResponse:
        """Send a request, which has to be answered like this."""
        assert not has_app_context()
        headers = {"Authorization": f"Bearer {self.secret}"} if self.secret else {}
        response = self._app.test_client(use_cookies=False).open(
            f"/api/v1{path}", method=method, headers=headers | more.pop("headers", {}), **more
        )
        assert status in (None, response.status_code), f"{method} {path} answered {response.status}: {response.text}"
        return response


def machine_of(app: Flask, role: str = "editor", scopes: tuple[str, ...] = ALL) -> Machine:
    """Let another system in as a user with this role, who is made if there is none."""
    with app.app_context():
        email = f"{role}@school.example"
        user = db.session.scalars(select(User).where(User.email == email)).unique().one_or_none()
        user = user or accounts.add_user(email, role, PASSWORD)
        _, secret = accounts.make_token(user.id, "a test", scopes, now() + timedelta(days=1))
    return Machine(app, secret)
