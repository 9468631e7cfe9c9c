"""The first page after signing in: the school in figures, and what needs somebody."""

from collections.abc import Iterator
from dataclasses import dataclass

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from merge import figures
from merge.columns import BY_NAME, COLUMNS
from merge.figures import Figures
from models import Import, db
from web import plots
from web.access import requires
from web.acts import SEE_DASHBOARD
from web.replica import may_be_old
from web.start import made_up
from web.time_zone import school_zone
from words import _, ngettext

dashboard = Blueprint("dashboard", __name__)

RECENT = 5


@dataclass(frozen=True)
class Worry:
    """So many students about whom something may be wrong, and the list of them."""

    number: int
    words: str
    href: str


@dashboard.get("/")
@requires(SEE_DASHBOARD)
@may_be_old
def show() -> ResponseReturnValue:
    """Show the school in figures, what needs attention, and what was imported lately."""
    zone = school_zone()
    counted = figures.look(db.session(), zone)
    recent = db.session.scalars(select(Import).order_by(Import.id.desc()).limit(RECENT)).all()
    return render_template(
        "dashboard/show.html",
        figures=counted,
        worries=[worry for worry in _worries(counted) if worry.number],
        plots=_plots(counted),
        days=plots.days(figures.days(counted.at, zone), counted.days),
        labels={column.name: column.label for column in COLUMNS},
        imports=recent,
        made_up=made_up(db.session()),
    )


def _plots(counted: Figures) -> list[plots.Plot]:
    histograms = [plots.histogram(BY_NAME[name], bars) for name, bars in reversed(counted.bars.items())]
    return histograms + [plots.quarters(BY_NAME[name], bars) for name, bars in counted.by.items()]


def _worries(counted: Figures) -> Iterator[Worry]:
    same = counted.same_name
    words = ngettext("student shares a name with another", "students share a name with another", same)
    yield Worry(same, words, plots.list_of({"same_name": "yes"}))
    for name, number in counted.outside.items():
        column = BY_NAME[name]
        words = _(
            "have a %(label)s that is not from %(low)s to %(high)s", label=column.label, low=column.minimum, high=column.maximum
        )
        yield Worry(number, words, plots.list_of({f"outside_{name}": "yes"}))
    for name, number in counted.blanks.items():
        yield Worry(number, _("have no %(label)s", label=BY_NAME[name].label), plots.list_of({f"blank_{name}": "yes"}))
