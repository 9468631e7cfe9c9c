"""What proves who somebody is: a password, the codes of an authenticator app, recovery codes, and passkeys."""

import secrets
from contextlib import nullcontext
from typing import Any

from flask import g, session
from flask_security import (
    LoginForm,
    MailUtil,
    MfRecoveryCodesUtil,
    MfRecoveryForm,
    Totp,
    TwoFactorVerifyCodeForm,
    VerifyForm,
    WebauthnUtil,
    current_user,
)
from flask_security.forms import IsString, IsStringOrInt
from flask_security.webauthn import (
    WebAuthnDeleteForm,
    WebAuthnRegisterForm,
    WebAuthnRegisterResponseForm,
    WebAuthnSigninResponseForm,
)
from markupsafe import Markup
from passlib import totp as passlib_totp
from qrcode import make as make_qrcode
from qrcode.image.svg import SvgPathImage
from sqlalchemy import select
from webauthn.helpers.structs import AuthenticatorSelectionCriteria, ResidentKeyRequirement, UserVerificationRequirement
from wtforms import StringField
from wtforms.validators import DataRequired

import audit
import database
from accounts import find_by_address, hash_token, lock
from audit import Act
from mailboxes import MAX_LENGTH
from models import User, db
from web import challenges, throttle
from web.account_forms import PresentPasswordField
from web.body_kinds import NotAnObject, read_object
from web.sealed import SealedSecrets
from words import later

NOT_TOGETHER = later("Incorrect email or password. Try again.")
# What a browser's PublicKeyCredential writes of itself (www.w3.org/TR/webauthn-3, section 5.1), and app.js beside it.
KNOWN_OF_A_PASSKEY = ("id", "rawId", "type", "response", "authenticatorAttachment", "clientExtensionResults", "extensions")
NOT_VERIFIED = later("The passkey could not be checked. Try again.")
SOMEBODY_ELSES = later("This passkey belongs to another user.")
RECOVERY_CODES = 10
# Without signs that look alike on paper.
RECOVERY_SIGNS = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS_OF_A_CODE = 4
SIGNS_OF_A_GROUP = 4


def _present_password() -> PresentPasswordField:
    return PresentPasswordField(
        later("Password"),
        validators=[DataRequired(later("Enter your password."))],
        render_kw={"autocomplete": "current-password"},
    )


class SignInForm(LoginForm):
    """Fails in one and the same way, whatever is wrong: the address, the password, or that the user was shut out."""

    remember = None
    password = _present_password()

    def validate(self, **kwargs: Any) -> bool:
        # Flask-Security would leave capitals to the database, and SQLite knows those of ASCII only.
        self.ifield, self.user = self.email, find_by_address(self.email.data or "")
        # For nobody a password is hashed, too, so that it takes as long; others may write meanwhile.
        with database.aside(db.session()) if self.user is None else nullcontext():
            good: bool = super().validate(**kwargs) and "kept" not in g
        if not good and self.email.data and self.password.data:
            self.email.errors, self.password.errors = [], [NOT_TOGETHER]
        return good


class ConfirmForm(VerifyForm):
    password = _present_password()


class Mailboxes(MailUtil):
    """Reads no more of what was typed than an address can have, since the library normalizes all of it."""

    def normalize(self, email: str) -> str:
        return str(super().normalize(email[: MAX_LENGTH + 1]))


class CodeForm(TwoFactorVerifyCodeForm):
    code = StringField(validators=[IsStringOrInt(), DataRequired(later("Enter the six digits that the app shows."))])


class RecoveryCodeForm(MfRecoveryForm):
    code = StringField(validators=[IsString(), DataRequired(later("Enter one of your recovery codes."))])


class AuthenticatorApp(Totp):
    """One-time codes, each of which is taken once."""

    def __init__(self, keys: dict[str, str], issuer: str) -> None:
        super().__init__(keys, issuer)
        self._totp = passlib_totp.TOTP.using(issuer=issuer, wallet=SealedSecrets(keys, next(iter(keys))))

    def get_last_counter(self, user: Any) -> int | None:
        # The lock lets one of two sign-ins with the same code pass first, so that the other finds it spent.
        return db.session.scalar(select(User.totp_counter).where(User.id == user.id).with_for_update())

    def set_last_counter(self, user: Any, tmatch: Any) -> None:
        user.totp_counter = tmatch.counter

    def encrypt_anew(self, secret: str) -> str:
        """Encrypt a stored secret with the key in force, if it was with an older one."""
        shared = self._totp.from_source(secret)
        return str(shared.to_json(encrypt=True)) if shared.changed else secret

    def generate_qrcode(self, username: str, totp: str) -> str:
        image = make_qrcode(self.get_totp_uri(username, totp), image_factory=SvgPathImage, border=2)
        return Markup(image.to_string(encoding="unicode"))  # noqa: S704  made by the library from our own address


class RecoveryCodes(MfRecoveryCodesUtil):
    """Codes for the day when the phone is gone: shown once, then kept as hashes only, and each taken once."""

    def create_recovery_codes(self, user: Any) -> list[str]:
        codes = ["-".join(_group() for _ in range(GROUPS_OF_A_CODE)) for _ in range(RECOVERY_CODES)]
        user.mf_recovery_codes = [_hash_code(code) for code in codes]
        audit.add(db.session(), Act.RECOVERY_CODES_MADE, user.email)
        return codes

    def get_recovery_codes(self, user: Any) -> list[str]:  # noqa: ARG002  nobody can read them again
        return []

    def check_recovery_code(self, user: Any, code: str) -> bool:
        db.session.refresh(user, ["mf_recovery_codes"], with_for_update=True)
        return _hash_code(code) in (user.mf_recovery_codes or [])

    def delete_recovery_code(self, user: Any, code: str) -> bool:
        user.mf_recovery_codes = [kept for kept in user.mf_recovery_codes or [] if kept != _hash_code(code)]
        return True


class Passkeys(WebauthnUtil):
    """A passkey instead of a password has to verify its user; one after a password need not."""

    def generate_challenge(self, nbytes: int | None = None) -> str:
        session["challenge"] = challenges.issue(nbytes)
        return str(session["challenge"])

    def authenticator_selection(self, _user: Any, usage: str) -> AuthenticatorSelectionCriteria:
        first = usage == "first"
        return AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED if first else ResidentKeyRequirement.DISCOURAGED,
            user_verification=UserVerificationRequirement.REQUIRED if first else UserVerificationRequirement.DISCOURAGED,
        )

    def user_verification(self, _user: Any | None, usage: list[str]) -> UserVerificationRequirement:
        return UserVerificationRequirement.DISCOURAGED if "secondary" in usage else UserVerificationRequirement.REQUIRED


class _AsAsked:
    """Answers, in a JSON object as browsers write it, the challenge that this very browser was given last, and that once."""

    def validate(self, **kwargs: Any) -> bool:
        last = session.pop("challenge", None)
        try:
            read_object(self.credential.data or "", KNOWN_OF_A_PASSKEY)  # type: ignore[attr-defined]
        except NotAnObject:
            last = None
        if not challenges.take(self.challenge) or last != self.challenge:  # type: ignore[attr-defined]
            self.credential.errors = [NOT_VERIFIED]  # type: ignore[attr-defined]
            return False
        return bool(super().validate(**kwargs))  # type: ignore[misc]


class _OneByOne:
    """Changes the user's own passkeys, one form after the other: none takes a name that another one has just taken."""

    def validate(self, **kwargs: Any) -> bool:
        lock(current_user._get_current_object())
        return bool(super().validate(**kwargs))  # type: ignore[misc]


class PasskeyNameForm(WebAuthnRegisterForm):
    """The name of a passkey; what was typed before a refusal is shown, and no passkey is asked for."""

    def validate(self, **kwargs: Any) -> bool:
        return bool(super().validate(**kwargs)) and "kept" not in g


class NewPasskeyForm(_AsAsked, _OneByOne, WebAuthnRegisterResponseForm):
    pass


class PasskeyRemovalForm(_OneByOne, WebAuthnDeleteForm):
    pass


class PasskeyForm(_AsAsked, WebAuthnSigninResponseForm):
    """What a passkey says of who signs in or confirms who they are; after a password it has to be the same user's."""

    def validate(self, **kwargs: Any) -> bool:
        if not super().validate(**kwargs) or self.credential.errors or self.user is None:
            return False
        if self._expected() not in (None, self.user.get_id()):
            self.credential.errors = [SOMEBODY_ELSES]
            return False
        throttle.note_right(self.user.email)
        return True

    def _expected(self) -> str | None:
        """Name who is to answer; Flask-Security would let anybody's passkey follow a password of somebody else's."""
        if self.is_verify:
            return str(current_user.get_id())
        return str(session["tf_user_id"]) if self.is_secondary else None


def _group() -> str:
    return "".join(secrets.choice(RECOVERY_SIGNS) for _ in range(SIGNS_OF_A_GROUP))


def _hash_code(code: str) -> str:
    return hash_token("".join(filter(str.isalnum, code.lower())))
