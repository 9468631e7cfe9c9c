"""The first page after signing in."""

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select

from models import Import, Student, db
from web.access import requires

dashboard = Blueprint("dashboard", __name__)

RECENT = 5


@dashboard.get("/")
@requires("viewer")
def show() -> ResponseReturnValue:
    """Show how many students there are and what was imported lately."""
    students = db.session.scalar(select(func.count()).select_from(Student))
    recent = db.session.scalars(select(Import).order_by(Import.id.desc()).limit(RECENT)).all()
    return render_template("dashboard/show.html", students=students, imports=recent)
