"""The forms about users: their passwords, roles, second factors and tokens."""

from collections.abc import Collection
from typing import Any

from wtforms import (
    EmailField,
    Field,
    HiddenField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    ValidationError,
)
from wtforms.validators import EqualTo, InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from accounts import LONGEST_PASSWORD, SHORTEST_PASSWORD, password_problem
from forms import Form, name_field, select_choices
from mailboxes import NoAddress, odd_letters, spell
from people import BadName, spell_name
from text_bounds import MAX_LENGTH
from time_zones import UTC_NAME, zone_names
from web.time_zone import spaced
from words import Later, _, later, ngettext

ROLES = {
    "viewer": later("Viewer: reads records and exports them"),
    "editor": later("Editor: also changes records, imports sheets, and undoes their own imports"),
    "admin": later("Administrator: also undoes all imports, and manages users and settings"),
}
# What a role is called within a sentence.
ROLE_NAMES = {"viewer": later("viewer"), "editor": later("editor"), "admin": later("admin")}
NEEDS_SECOND_FACTOR = {"viewer": later("Viewers"), "editor": later("Editors"), "admin": later("Administrators")}
SCOPES = {
    "read": later("Read: look at students"),
    "write": later("Write: add students and change them, one by one"),
    "import": later("Import: bring in sheets, apply them, and undo what it applied"),
}
TOKEN_HOLDS = {"30": later("In 30 days"), "90": later("In 90 days"), "365": later("In a year")}


def _check_address(_form: Any, field: Field) -> None:
    try:
        spell(field.data or "")
    except NoAddress:
        raise ValidationError(_("An e-mail address has an @ with something on both sides of it.")) from None


def _email_field(asked: Later, **attributes: str) -> EmailField:
    return EmailField(
        later("E-mail address"),
        validators=[
            InputRequired(asked),
            Length(max=255, message=later("Enter at most 255 characters.")),
            _check_address,
        ],
        render_kw=attributes,
    )


def _spell_name(_form: Any, field: Field) -> None:
    try:
        field.data = spell_name(field.data) or ""
    except BadName as problem:
        raise ValidationError(str(problem.sentence)) from None


def _person_field(label: Later, **attributes: str) -> StringField:
    return StringField(
        label,
        description=later("Shown instead of the e-mail address."),
        validators=[_spell_name],
        render_kw={"maxlength": MAX_LENGTH, "dir": "auto", **attributes},
    )


def _time_zone_field() -> SelectField:
    return SelectField(
        later("Time zone of the school"),
        description=later("For the dates and times on pages, in filters and in exported files."),
        render_kw={"autocomplete": "off"},
    )


def _offer_time_zones(field: SelectField, current: str) -> None:
    """Offer all zones, and the current one first of all if it goes by another name."""
    names = zone_names() if current in zone_names() else (current, *zone_names())
    field.choices = [(name, spaced(name)) for name in names]


class NewPasswordForm(Form):
    """A new password, typed twice, for the user with the address `owner`."""

    owner: str

    password = PasswordField(
        later("Password"),
        description=later("At least %(least)s characters; a sentence is easiest to remember.", least=SHORTEST_PASSWORD),
        validators=[InputRequired(later("Choose a password."))],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        later("Password again"),
        validators=[EqualTo("password", message=later("The two passwords differ. Type the same one twice."))],
        render_kw={"autocomplete": "new-password"},
    )

    def validate_password(self, field: Field) -> None:
        if problem := password_problem(field.data, self.owner):
            raise ValidationError(problem)


class SetupForm(NewPasswordForm):
    """The first administrator."""

    name = _person_field(later("Your name (optional)"), autocomplete="name")
    email = _email_field(later("Enter the address that you will sign in with."), autocomplete="username")
    time_zone = _time_zone_field()

    def __init__(self, current: str = UTC_NAME, *, is_fixed: bool = False, **kwargs: Any) -> None:
        """Offer the current time zone to be changed, unless the server's settings fix it."""
        super().__init__(data={"time_zone": current}, **kwargs)
        if is_fixed:
            del self.time_zone
        else:
            _offer_time_zones(self.time_zone, current)

    @property
    def owner(self) -> str:  # type: ignore[override]
        return self.email.data or ""


class PresentPasswordField(PasswordField):
    """A password that is compared with the stored one. None that is stored is too long, so a longer one is not read on."""

    def process_formdata(self, valuelist: list[str]) -> None:
        super().process_formdata([text[: LONGEST_PASSWORD + 1] for text in valuelist])


class ChangePasswordForm(NewPasswordForm):
    """A new password for somebody who knows the present one."""

    current = PresentPasswordField(
        later("Current password"),
        validators=[InputRequired(later("Enter your current password."))],
        render_kw={"autocomplete": "current-password"},
    )


class NameForm(Form):
    """What a user is called."""

    name = _person_field(later("Name (optional)"))


class RoleForm(Form):
    """What a user may do."""

    role = RadioField(later("Role"), choices=select_choices(ROLES), validators=[InputRequired(later("Choose a role."))])


class InviteForm(RoleForm):
    """Somebody who is to become a user."""

    name = _person_field(later("Name (optional)"))
    email = _email_field(later("Enter the address that the new user will sign in with."))
    checked = HiddenField()
    """The address that was shown to have letters of several scripts, so that who sends it again has seen it."""

    def validate_email(self, field: Field) -> None:
        try:
            address = spell(field.data or "")
        except NoAddress:
            return  # which is said already
        odd = odd_letters(address)
        seen, self.checked.data = self.checked.data, address if odd else ""
        if odd and seen != address:
            raise ValidationError(
                ngettext(
                    "“%(letters)s” in this address is a letter of another script, so it may only look like the address you mean. "
                    "If it is right, select Invite again.",
                    "“%(letters)s” in this address are letters of another script, so it may only look like the address you mean. "
                    "If it is right, select Invite again.",
                    len(odd),
                    letters=" ".join(odd),
                )
            )


class SecondFactorForm(Form):
    """The roles that need two-step verification."""

    roles = SelectMultipleField(
        later("Require two-step verification for"),
        choices=select_choices(NEEDS_SECOND_FACTOR),
        widget=ListWidget(),
        option_widget=CheckboxInput(),
    )


class TimeZoneForm(Form):
    """The school's time zone."""

    time_zone = _time_zone_field()

    def __init__(self, current: str = UTC_NAME, **kwargs: Any) -> None:
        super().__init__(data={"time_zone": current}, **kwargs)
        _offer_time_zones(self.time_zone, current)


class TokenForm(Form):
    """A token for another system, which may do no more than its user's role."""

    name = name_field(later("Purpose"), later("Enter what the token is for, for example timetable."))
    scopes = SelectMultipleField(later("Permissions"), widget=ListWidget(), option_widget=CheckboxInput())
    days = RadioField(later("Expires"), choices=select_choices(TOKEN_HOLDS), default="90")

    def __init__(self, allowed: Collection[str] = tuple(SCOPES), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.scopes.choices = select_choices({scope: SCOPES[scope] for scope in allowed})

    def validate_scopes(self, field: SelectMultipleField) -> None:
        if not field.data:
            raise ValidationError(_("Choose at least one permission."))
