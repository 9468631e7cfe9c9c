"""The forms. A student's fields are made from the model's columns and obey the same readers as a sheet's cells."""

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import g, request
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    IntegerField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    SubmitField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice, SelectFieldBase
from wtforms.validators import DataRequired, InputRequired, Length, NumberRange
from wtforms.widgets import TextInput

from merge.cells import typed_notation
from merge.choices import carried
from merge.columns import BY_NAME, COLUMNS, KEY, VALUES, StudentColumn, clashes, places
from merge.matching import MATCHES
from merge.options import Options, UploadOptions
from merge.problems import Problem
from merge.sheet import DELIMITERS, ENCODINGS, NO_HEADER, Sheet
from merge.unattended import Limits
from text_bounds import MAX_LENGTH
from words import Later, _, later, listed

DIGITS_OF_A_VERSION = 9
MOST_OF_A_TOKEN = 64


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

    def show(self, value: Any) -> None:
        """Show a value in place of what was typed."""
        self.data, self.typed = value, None

    def _value(self) -> str:
        return self.column.write(self.data) if self.typed is None else self.typed

    def pre_validate(self, _form: Any) -> None:
        text = self.typed or ""
        try:
            self.data = None if self.optional and not text.strip() else self.column.read(text, typed_notation())
        except Problem as problem:
            raise ValidationError(problem.sentence(self.column.label)) from None


class Form(FlaskForm):
    """A form of ours."""

    @property
    def only_shown(self) -> bool:
        """Whether it brings what was typed before a refusal: it is shown, and never acted on."""
        return "kept" in g

    def validate(self, extra_validators: Any = None) -> bool:
        """Check it, and tell whether it may be acted on."""
        return self.fits(extra_validators) and not self.only_shown

    def fits(self, extra_validators: Any = None) -> bool:
        """Check it, and tell whether nothing is wrong with it."""
        return bool(super().validate(extra_validators))


def filled(form: type[FlaskForm], sent: "MultiDict[str, str]") -> FlaskForm:
    """Fill a form in, only to look at it."""
    return form(formdata=sent, meta={"csrf": False})


def is_secret(field: Field) -> bool:
    """Tell whether what is typed into a field is held nowhere, not even in the page that refuses it."""
    return isinstance(field, PasswordField) or is_file(field) or bool(field.flags.secret)


def is_file(field: Field) -> bool:
    return isinstance(field, FileField)


def in_words(field: Field) -> tuple[str, str] | None:
    """Give a field's label and what was typed or chosen, as people read it; None for what nobody typed, and for secrets."""
    if is_secret(field) or isinstance(field, SubmitField) or getattr(field.widget, "input_type", "") == "hidden":
        return None
    if isinstance(field, SelectFieldBase):
        text = listed(str(option.label.text) for option in field if option.checked)
    elif isinstance(field, BooleanField):
        text = _("Yes") if field.data else ""
    else:
        text = str(field._value())
    return (str(field.label.text), text) if text else None


class VersionForm(Form):
    """A button that acts on a record as the page showed it: at `version`, or with none where there was no record."""

    version = HiddenField()

    @property
    def shown(self) -> int | None:
        """The version that was sent; never one that the form was only filled in with."""
        return _whole((self.version.raw_data or [None])[0])


class ConfirmForm(VersionForm):
    """Confirms rows of an import, by their lines, as the page showed them."""

    lines = HiddenField()

    @property
    def shown_lines(self) -> list[int]:
        return [line for text in (self.lines.data or "").split() if (line := _whole(text)) is not None]


class ChoiceForm(VersionForm):
    """Chooses the student whom a row means; each is a button of its own, and so is somebody new."""

    line = HiddenField()
    student = HiddenField()

    @property
    def chosen(self) -> tuple[int, int | None] | None:
        """Give the line and the student's ID, None for somebody new; nothing where the form names neither."""
        line, student_id = _whole(self.line.data), _whole(self.student.data)
        return None if line is None or (student_id is None and self.student.data != NEW) else (line, student_id)


NEW = "new"


class UndoForm(VersionForm):
    """Undoes an import as the page showed it: leaving alone no more students than it said."""

    left_alone = HiddenField()

    @property
    def most_left_alone(self) -> int | None:
        return _whole(self.left_alone.data)


class EraseForm(VersionForm):
    """Erases a student as the page showed them, and touches the imports that it named."""

    seen = HiddenField()


class StudentForm(VersionForm):
    """A student's record. On a merge page, a field in which two edits clash waits for a choice."""

    base = HiddenField()
    """The version that both edits started from."""
    token = HiddenField()
    """Lets one form make one student, however often it is sent."""
    within = HiddenField()
    """The address of the list in which the record was opened."""
    confirmed = HiddenField()
    """The ID that somebody has been asked about, and is right."""

    class Meta(FlaskForm.Meta):
        def wrap_formdata(self, form: Any, formdata: Any) -> Any:
            sent = super().wrap_formdata(form, formdata)
            return _decided(sent) if sent is request.form else sent

    @property
    def cells(self) -> list[CellField]:
        return [self[column.name] for column in COLUMNS]

    @property
    def values(self) -> dict[str, Any]:
        return {column.name: self[column.name].data for column in COLUMNS}

    @property
    def clashing(self) -> list[str]:
        return _clashing(request.form)

    @property
    def base_version(self) -> int | None:
        """What both edits on a merge page started from; None for a page of one edit, and where an id was taken."""
        return _whole(self.base.data)

    def is_unconfirmed(self, name: str) -> bool:
        """Tell whether nobody has confirmed this very value of a field, on a page that asked about it."""
        return bool(self.confirmed.data != self[name].typed)

    @property
    def versions(self) -> range:
        """The versions that typing restored by the browser may have begun from, up to the one that is shown."""
        shown = _whole(str(self.version.data)) or 0
        return range(max(1, shown - VERSIONS_OFFERED), shown + 1)

    @property
    def once(self) -> str | None:
        return (self.token.data or "")[:MOST_OF_A_TOKEN] or None

    def picked(self, name: str) -> str:
        """Give what was chosen for a field that clashes: GIVEN and a text, TYPED, or nothing yet."""
        return request.form.get(f"{PICK}{name}", "")

    def fits(self, extra_validators: Any = None) -> bool:
        fits = super().fits(extra_validators)
        for name in self._undecided():
            self[name].errors = [_("Choose one of the values, or type another one.")]
        return fits and not self._undecided()

    def _undecided(self) -> list[str]:
        return [] if KEEP_BOTH in request.form else [name for name in self.clashing if not self.picked(name)]


class MergeForm(VersionForm):
    """Which of two records survives, and whose value each column gets. `merge_form` adds a field for each that differs."""

    second_version = HiddenField()
    survivor = RadioField(later("ID to keep"), validators=[InputRequired(later("Choose the ID to keep."))])

    @property
    def second_shown(self) -> int | None:
        return _whole((self.second_version.raw_data or [None])[0])

    @property
    def column_fields(self) -> list[RadioField]:
        return [field for field in self if field.name.startswith(OF_COLUMN)]

    def values(self, first: Any, second: Any) -> dict[str, Any]:
        """Give the merged record's values, of two records."""
        picked = {field.name.removeprefix(OF_COLUMN): field.data for field in self.column_fields}
        sides = {"first": first, "second": second}
        return {column.name: getattr(sides[picked.get(column.name, "first")], column.name) for column in VALUES}


OF_COLUMN = "column-"


def merge_form(choices: Collection[Any], first: Any, second: Any, **kwargs: Any) -> MergeForm:
    """Make the form that merges two records, from what compares them."""
    fields: dict[str, Any] = {
        f"{OF_COLUMN}{choice.column.name}": RadioField(
            choice.column.label,
            choices=[("first", choice.first or _("blank")), ("second", choice.second or _("blank"))],
            default=choice.proposed,
            validators=[InputRequired(_("Choose one of the values."))],
        )
        for choice in choices
        if choice.differs
    }
    made: type[MergeForm] = type("TwoRecordsForm", (MergeForm,), fields)
    form = made(version=first.version, second_version=second.version, survivor="first", **kwargs)
    form.survivor.choices = [("first", str(first.id)), ("second", str(second.id))]
    return form


# Chosen in a list that is never seen: after "Back" a browser shows the page anew, and restores in it what was typed and
# chosen, but not a hidden field. So it tells which version somebody began to type from, though the page shows a newer one.
SINCE, VERSIONS_OFFERED = "since", 20
CLASH, PICK, TYPED, GIVEN, KEEP_BOTH = "clash-", "pick-", "typed", "=", "keep-both"


def _clashing(sent: Mapping[str, str]) -> list[str]:
    return [column.name for column in COLUMNS if f"{CLASH}{column.name}" in sent]


def _decided(sent: "MultiDict[str, str]") -> "MultiDict[str, str]":
    """Put what was chosen for a field that clashes into the field, and into `version` the one that the typing began from."""
    decided = sent.copy()
    since, version = _whole(sent.get(SINCE)), _whole(sent.get("version"))
    if since is not None and version is not None:
        decided["version"] = str(min(since, version))
    for name in _clashing(sent) if KEEP_BOTH not in sent else []:
        picked = sent.get(f"{PICK}{name}", TYPED)
        if picked.startswith(GIVEN):
            decided[name] = picked.removeprefix(GIVEN)
    return decided


def _whole(text: str | None) -> int | None:
    text = text or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= DIGITS_OF_A_VERSION else None


BOTH = "both"
ONLY = {
    BOTH: later("Add new students and change stored ones"),
    "update": later("Only change stored students"),
    "add": later("Only add new students"),
}
BLANK_MEANS = {"keep": later("Leave what is stored as it is"), "clear": later("Clear what is stored")}
DECIMALS = {".": later("A point, as in 85.5"), ",": later("A comma, as in 85,5")}
THOUSANDS = {
    "": later("Nothing, as in 1234"),
    ",": later("A comma, as in 1,234"),
    ".": later("A point, as in 1.234"),
    "'": later("An apostrophe, as in 1'234"),
    " ": later("A blank, as in 1 234"),
}


def select_choices(texts: Mapping[str, str | Later]) -> list[SelectChoice]:
    return [SelectChoice(value, text) for value, text in texts.items()]


class CellForm(VersionForm):
    """One cell of the list."""

    column = HiddenField()
    value = StringField()


CSV_FORMATS = {
    "comma": later("Comma-separated, decimals as 8.5"),
    "semicolon": later("Semicolon-separated, decimals as 8,5"),
    "semicolon-point": later("Semicolon-separated, decimals as 8.5"),
}


class BulkForm(Form):
    """What is to become of many students: the list's address, those of it who were ticked, and a value for one column."""

    within = HiddenField()
    ids = HiddenField()
    read: Any = None
    """The value as it is stored, once it has been found to fit."""
    column = SelectField(
        later("Which column?"), choices=select_choices({column.name: later(column.heading) for column in VALUES})
    )
    value = StringField(
        later("Its new value"), description=later("Leave it blank to clear the column."), render_kw={"maxlength": MAX_LENGTH}
    )
    format = SelectField(later("CSV format"), choices=select_choices(CSV_FORMATS), default="comma")

    def validate_value(self, field: StringField) -> None:
        if column := BY_NAME.get(self.column.data):
            try:
                self.read = column.read(field.data or "", typed_notation())
            except Problem as problem:
                raise ValidationError(problem.sentence(column.label)) from None


def name_field(label: Later, asked: Later) -> StringField:
    """A name that somebody gives to a thing of theirs."""
    return StringField(
        label,
        filters=[lambda text: " ".join((text or "").split())],
        validators=[DataRequired(asked), Length(max=100, message=later("Name must be at most 100 characters.")), _seen],
        render_kw={"maxlength": MAX_LENGTH, "dir": "auto"},
    )


def _seen(_form: Form, field: StringField) -> None:
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in field.data or ""):
        raise ValidationError(_("The name contains an invisible character. Type it again."))


class ViewForm(Form):
    """A list of students to be kept under a name."""

    address = HiddenField()
    name = name_field(later("Name of the view"), later("Enter a name for the view."))
    shared = BooleanField(later("Share with all staff"))

    @property
    def prefix(self) -> str:
        """Which of the views on a page of several the form is for."""
        return str(self._prefix).rstrip("-")


class UploadForm(Form):
    """A sheet, what it may do, and what its blank cells mean."""

    file = FileField(later("Sheet"), validators=[FileRequired(later("Choose the sheet that you want to import."))])
    blank = RadioField(later("Blank cells in the sheet"), choices=select_choices(BLANK_MEANS), default="keep")
    only = RadioField(later("Import mode"), choices=select_choices(ONLY), default=BOTH)

    @property
    def asked(self) -> UploadOptions:
        return UploadOptions(only="" if self.only.data == BOTH else self.only.data, blank_clears=self.blank.data == "clear")


class DeliveryForm(UploadForm):
    """A sheet that another system brings, and how much it may do with nobody looking on. A token lets it in, not a cookie."""

    class Meta:
        csrf = False

    match = RadioField(choices=["", *MATCHES], default="")
    apply = RadioField(choices=["ask", "auto"], default="ask")
    most_inserts = IntegerField(default=Limits.inserts, validators=[NumberRange(0)])
    most_updates = IntegerField(default=Limits.updates, validators=[NumberRange(0)])
    most_rejected = IntegerField(default=Limits.rejected, validators=[NumberRange(0)])

    @property
    def asked(self) -> UploadOptions:
        return replace(super().asked, match=self.match.data or None)

    @property
    def limits(self) -> Limits | None:
        """None where a person is to decide."""
        if self.apply.data != "auto":
            return None
        return Limits(self.most_inserts.data, self.most_updates.data, self.most_rejected.data)


class ReadingForm(FlaskForm):
    """How an uploaded file is read as a sheet. It only asks for a page, so that it needs no token."""

    class Meta:
        csrf = False

    tab = SelectField(later("Tab"), description=later("The tab of the workbook with the students."))
    encoding = SelectField(
        later("Encoding"),
        choices=select_choices(ENCODINGS),
        description=later("If names with accents look wrong, choose another encoding."),
    )
    delimiter = SelectField(
        later("Delimiter"),
        choices=select_choices(DELIMITERS),
        description=later("The character between the cells of a row."),
    )
    header = SelectField(
        later("Header row"), description=later("The row with the column headings, by its line."), validate_choice=False
    )

    def __init__(self, formdata: Any, sheet: Sheet) -> None:
        super().__init__(formdata=formdata, obj=sheet, header=sheet.header_row)
        self.tab.choices = select_choices({tab: tab for tab in sheet.tabs})
        for name in ("encoding", "delimiter") if sheet.tabs else ("tab",):
            del self[name]
        self.now = {field.name: getattr(sheet, field.name) for field in self} | {"header": sheet.header_row}

    @property
    def asked(self) -> dict[str, str]:
        """What the file is to be read with instead; nothing where that is how it was read.

        The header row is looked for anew in what is read otherwise, unless that one was chosen, too.
        """
        asked = dict(self.data)
        if asked["header"] == self.now["header"]:
            del asked["header"]
        return {} if self.data == self.now else asked

    def offer_headers(self, sheet: Sheet, rows: Mapping[str, Sequence[str]]) -> None:
        """Let one of these rows of the sheet be chosen as its header row."""
        shown = {line: f"{line}: {' · '.join(cells)}" for line, cells in rows.items()}
        now = {sheet.header_row: sheet.header_row.replace("-", "–")} if sheet.header_row not in shown else {}
        self.header.choices = select_choices(now | shown | {NO_HEADER: later("None: the first row is a student")})
        self.header.data = sheet.header_row

    def refuse(self, sentence: str) -> None:
        """Say it at the first field that was changed."""
        next(field for field in self if field.data != self.now[field.name]).errors = [sentence]


class AnswerForm(VersionForm):
    """The answer to a question that a sheet leaves open: each is a button of its own."""

    question = HiddenField()
    answer = HiddenField()


class ColumnsForm(VersionForm):
    """What each of a sheet's columns is, and how its cells are meant. `columns_form` adds a field for each column."""

    match = RadioField(
        later("Match rows by"),
        choices=select_choices({match.code: match.label for match in MATCHES.values()}),
        description=later(
            "A row that matches no student adds a new one. Where several students or rows have the same name, you choose."
        ),
    )
    only = RadioField(later("Import mode"), choices=select_choices(ONLY))
    blank = RadioField(
        later("Blank cells in the sheet"),
        choices=select_choices(BLANK_MEANS),
        description=later("Columns that are not in the sheet are never changed."),
    )
    decimal = RadioField(
        later("Decimal separator"),
        choices=select_choices(DECIMALS),
        description=later("Numbers in another format are rejected."),
    )
    thousands = SelectField(
        later("Thousands separator"),
        choices=select_choices(THOUSANDS),
        description=later("Removed from numbers where three digits follow it."),
    )
    percent = BooleanField(
        later("Numbers may have a percent sign"), description=later("The percent sign is ignored: 85 %% is read as 85.")
    )

    turned = BooleanField(
        later("Names are written last name first"), description=later("“Lovelace, Ada” is read as Ada Lovelace.")
    )
    given: Options
    """What is chosen already, with answers and conversions that have no field here."""
    given_columns: list[str | None]

    @property
    def heading_fields(self) -> list[SelectField]:
        return [field for field in self if field.name.startswith(COLUMN_FIELD)]

    @property
    def columns(self) -> list[str | None]:
        return [field.data or None for field in self.heading_fields]

    @property
    def options(self) -> Options:
        return replace(
            carried(self.given, self.given_columns, self.columns),
            match=self.match.data,
            only="" if self.only.data == BOTH else self.only.data,
            blank_clears=self.blank.data == "clear",
            decimal=self.decimal.data,
            thousands=self.thousands.data,
            percent=self.percent.data,
            turned=self.turned.data,
        )

    def fits(self, extra_validators: Any = None) -> bool:
        if not super().fits(extra_validators):
            return False
        for place, sentence in clashes(self.columns).items():
            self.heading_fields[place].errors = [sentence]
        if unmatched := _unmatched(self.columns, self.match.data):
            self.match.errors = [unmatched]
        if self.decimal.data == self.thousands.data:
            self.thousands.errors = [_("The decimal separator and the thousands separator must be different.")]
        return not self.errors


COLUMN_FIELD = "column-"
CELL = re.compile(r"cell-([0-9]{1,18})-([0-9]{1,6})")
"""A field for a cell of a rejected row, by its line and its place."""


def columns_form(sheet: Sheet, options: Options, version: int) -> ColumnsForm:
    """Make the form for a sheet, filled in as the sheet is understood so far, at this version of its import."""
    choices = select_choices(
        {"": _("Ignore this column")} | {c: label for column in COLUMNS for c, label in column.choices.items()}
    )
    fields = {
        f"{COLUMN_FIELD}{place}": SelectField(
            _("“%(heading)s” is", heading=heading) if heading else _("The column without a heading is"), choices=choices
        )
        for place, heading in enumerate(sheet.headings)
    }
    chosen = {f"{COLUMN_FIELD}{place}": column or "" for place, column in enumerate(sheet.columns)}
    given = {"given": options, "given_columns": sheet.columns}
    made: type[ColumnsForm] = type("SheetColumnsForm", (ColumnsForm,), fields | given)
    filled_in = {
        **options.to_json(),
        "only": options.only or BOTH,
        "blank": "clear" if options.blank_clears else "keep",
        "version": version,
    }
    return made(data={**filled_in, **chosen})


def column_choice(name: str, chosen: str) -> tuple[str, str] | None:
    """Put what a sheet's column was chosen as into words."""
    place = name.removeprefix(COLUMN_FIELD)
    labels = {choice: label for column in COLUMNS for choice, label in column.choices.items()}
    if place == name or not place.isdecimal() or chosen not in labels:
        return None
    return _("Column %(number)s", number=int(place) + 1), labels[chosen]


def typed_cell(name: str, text: str) -> tuple[str, str] | None:
    """Put what was typed into a cell of a row into words."""
    place = CELL.fullmatch(name)
    return (_("Line %(line)s, cell %(number)s", line=place[1], number=int(place[2]) + 1), text) if place else None


def _unmatched(columns: list[str | None], match: str) -> str | None:
    """Say why rows can't find their students so."""
    chosen = places(columns)
    if missing := [column for column in MATCHES[match].columns if column.name not in chosen]:
        return _(
            "No column is chosen as %(label)s, so rows can’t be matched by it. Choose a column, or match rows by something else.",
            label=missing[0].label,
        )
    if chosen.keys() == {KEY.name}:
        return _("Only the %(label)s column is chosen, so there is nothing to import. Choose another column.", label=KEY.label)
    if match != KEY.name and KEY.name in chosen:
        return _("A column is chosen as %(label)s. Match rows by that, or ignore the column.", label=KEY.label)
    return None


class EmptyForm(Form):
    """A button: nothing but the token that proves that our own page sent it."""


def _attributes(column: StudentColumn) -> dict[str, Any]:
    keyboard = {int: "numeric", float: "decimal", str: "text"}[column.kind]
    # Without autocomplete="off", which would keep Chromium from restoring what was typed when somebody goes back to it.
    return {"inputmode": keyboard, "spellcheck": "false", "maxlength": MAX_LENGTH}


for _column in COLUMNS:
    setattr(StudentForm, _column.name, CellField(_column, optional=_column.key))
