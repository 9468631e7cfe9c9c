"""A phone with an authenticator app, whose clock the test sets."""

import re
import time

from passlib.totp import TOTP

STEP_S = 30


class Phone:
    """Shows a new code every half minute; `later` lets one pass, in the app's own clock too."""

    def __init__(self, app, key):
        self._app = app
        self._shared = TOTP(key.replace("-", ""))
        self._at = time.time()
        self.later(0)

    @property
    def code(self):
        return self.code_off_by(0)

    def code_off_by(self, steps):
        """Give the code of a phone whose clock is fast by so many steps, or slow."""
        return self._shared.generate(int(self._at) + steps * STEP_S).token

    def later(self, steps=1):
        self._at += steps * STEP_S
        self._app.extensions["security"].totp_factory._totp.now = staticmethod(lambda: self._at)
        return self


def set_up_phone(app, visitor):
    """Set up an authenticator app for somebody who is signed in."""
    page = visitor.send("/profile/authenticator", {"setup": "authenticator"}, page="/profile/second-factor", status=200)
    phone = Phone(app, re.search(r"type this key into the app: ([A-Z0-9-]+)", page.text)[1])
    action = next(form.get("action") for form in page.all("form") if "/profile/authenticator/" in form.get("action"))
    visitor.send(action, {"code": phone.code}, page="/profile", status=302)
    return phone.later()
