"""The forms. A student's fields are made from the model's columns and obey the same readers as a sheet's cells."""

from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import EmailField, Field, HiddenField, PasswordField, RadioField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import EqualTo, InputRequired, Length, Regexp
from wtforms.widgets import TextInput

from merge.columns import COLUMNS, StudentColumn
from merge.problems import Problem

SHORTEST_PASSWORD = 8
DIGITS_OF_A_VERSION = 9


class CellField(Field):
    """One of a student's columns: keeps what was typed to the letter and reads it as a sheet's cell is read."""

    widget = TextInput()

    def __init__(self, column: StudentColumn, *, optional: bool, **kwargs: Any) -> None:
        super().__init__(column.label, description=column.hint, render_kw=_attributes(column), **kwargs)
        self.column = column
        self.optional = optional
        self.typed: str | None = None

    def process_formdata(self, valuelist: list[str]) -> None:
        if valuelist:
            self.typed = valuelist[0]

    def _value(self) -> str:
        return self.column.write(self.data) if self.typed is None else self.typed

    def pre_validate(self, _form: Any) -> None:
        text = self.typed or ""
        try:
            self.data = None if self.optional and not text.strip() else self.column.read(text)
        except Problem as problem:
            raise ValidationError(problem.sentence(self.column.label)) from None


class StudentForm(FlaskForm):
    """A student's record. `version` is the one that the form showed; none for a record that is new."""

    version = HiddenField()

    @property
    def cells(self) -> list[CellField]:
        return [self[column.name] for column in COLUMNS]

    @property
    def values(self) -> dict[str, Any]:
        return {column.name: self[column.name].data for column in COLUMNS}

    @property
    def base_version(self) -> int | None:
        text = self.version.data or ""
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS_OF_A_VERSION else None


class DeleteForm(FlaskForm):
    """The button that deletes a record as it was shown."""

    version = HiddenField(validators=[Regexp(r"[0-9]{1,9}")])


class UploadForm(FlaskForm):
    """A sheet, and what its blank cells mean."""

    file = FileField("Sheet", validators=[FileRequired("Choose the sheet that you want to import.")])
    blank = RadioField(
        "Blank cells",
        choices=[SelectChoice("keep", "leave what is stored alone"), SelectChoice("clear", "clear what is stored")],
        default="keep",
    )


class SetupForm(FlaskForm):
    """The first administrator."""

    email = EmailField(
        "E-mail address",
        validators=[
            InputRequired("Enter the address that you will sign in with."),
            Regexp(r"\s*[^@\s]+@[^@\s]+\s*$", message="An e-mail address has an @ with something on both sides of it."),
            Length(max=255, message="At most 255 characters fit."),
        ],
        render_kw={"autocomplete": "username"},
    )
    password = PasswordField(
        "Password",
        description=f"At least {SHORTEST_PASSWORD} characters; a sentence is easiest to remember.",
        validators=[
            InputRequired("Choose a password."),
            Length(SHORTEST_PASSWORD, 128, message=f"A password has {SHORTEST_PASSWORD} to 128 characters."),
        ],
        render_kw={"autocomplete": "new-password"},
    )
    again = PasswordField(
        "Password again",
        validators=[EqualTo("password", message="The two passwords differ. Type the same one twice.")],
        render_kw={"autocomplete": "new-password"},
    )


class EmptyForm(FlaskForm):
    """A button: nothing but the token that proves that our own page sent it."""


def _attributes(column: StudentColumn) -> dict[str, Any]:
    keyboard = {int: "numeric", float: "decimal", str: "text"}[column.kind]
    return {"inputmode": keyboard, "autocomplete": "off", "spellcheck": "false"}


for _column in COLUMNS:
    setattr(StudentForm, _column.name, CellField(_column, optional=_column.key))
