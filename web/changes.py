"""What changed lately across the school."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from merge import changes as lately
from models import db
from web.access import requires

changes = Blueprint("changes", __name__, url_prefix="/changes")

# More names than that make no list to choose from; an address can still name any.
NAMED = 200


@changes.get("")
@requires("viewer")
def list_() -> ResponseReturnValue:
    """Show a page of the changes."""
    query = lately.parse_query(request.args)
    page = lately.page(db.session(), query)
    asked = {name: text for name, text in request.args.items() if name in ("actor", "import", "from", "to") and text}
    return render_template("changes/list.html", page=page, query=query, asked=asked, actors=lately.actors(db.session(), NAMED))
