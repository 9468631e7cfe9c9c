"""Every component of the pages, live, for whoever works on them; only where the app is being developed."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Blueprint, abort, current_app, render_template
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from forms import StudentForm, UploadForm
from merge.columns import BY_NAME, COLUMNS, VALUES
from merge.figures import Bar
from merge.history import Cell
from merge.query import read_query
from models import Import, now
from web import plots
from web.access import public
from web.dashboard import Worry

styleguide = Blueprint("styleguide", __name__)

TOKEN = re.compile(r"^  --([a-z0-9-]+): (.+);$", re.MULTILINE)
KINDS = ("info", "success", "warning", "danger")
STORED = ("Ada Lovelace", 15, 61.5)
TYPED = ("Ada King", 15, 71.0)


@styleguide.get("/styleguide")
@public
def show() -> ResponseReturnValue:
    """Show them."""
    if not current_app.debug:
        abort(404)
    return render_template(
        "styleguide/show.html",
        tokens=_tokens(),
        kinds=KINDS,
        form=_wrong_form(),
        merging=StudentForm(MultiDict(), prefix="merge-"),
        upload=UploadForm(formdata=None),
        columns=COLUMNS,
        query=read_query({"min_score": "60", "max_age": "old", "sort": "-score"}),
        imports=_imports(),
        cells=[
            Cell(column, *values)
            for column, values in zip(VALUES, zip(map(str, STORED), map(str, TYPED), strict=True), strict=True)
        ],
        stand=_stand(),
        plots=[plots.histogram(BY_NAME["score"], _bars()), plots.quarters(BY_NAME["score"], _boxes())],
        worries=[Worry(12, "students share a name with another", "#attention")],
        at=now(),
    )


def _tokens() -> dict[str, str]:
    """Read the tokens from where they are set."""
    return dict(TOKEN.findall((Path(str(current_app.static_folder)) / "app.css").read_text()))


def _wrong_form() -> StudentForm:
    form = StudentForm(MultiDict({"name": "Ada Lovelace", "age": "sixteen", "score": "97.5"}))
    form.validate()
    return form


def _imports() -> list[Import]:
    counts = {"inserts": 0, "updates": 0, "deletes": 0, "unchanged": 0, "rejected": 0, "conflicts": 0, "reviews": 0, "omitted": 0}
    many = counts | {"inserts": 128, "updates": 1_204, "rejected": 3}
    common = {"options": {}, "actor": "office@school.example", "at": now(), "kind": "sheet"}
    states = ("ready", "reading", "applied", "undone", "failed", "cancelled")
    return [Import(id=7 - n, filename=f"Class {n}.xlsx", state=state, **common, **many) for n, state in enumerate(states, 1)]


def _stand() -> Any:
    """Two edits of one record, of which one field clashes."""
    by = SimpleNamespace(actor="office@school.example", at=now())
    stored, typed = (dict(zip([column.name for column in VALUES], values, strict=True)) for values in (STORED, TYPED))
    merged = {"values": stored, "theirs": ["age"], "mine": ["name"], "clashing": ["score"]}
    names = [column.name for column in VALUES]
    return SimpleNamespace(theirs=stored, base=typed, by=dict.fromkeys(names, by), merged=merged)


def _bars() -> list[Bar]:
    return [
        Bar(low, low + 10.0, number) for low, number in zip(range(0, 100, 10), (1, 2, 6, 14, 30, 52, 70, 61, 38, 12), strict=True)
    ]


def _boxes() -> list[Bar]:
    return [Bar(age, age + 1, 40, (50.0 + age, 60.0 + age, 72.5 + age)) for age in range(11, 19)]
