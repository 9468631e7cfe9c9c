"""Keep choices for the whole school, such as its time zone, and say in saved views that their times are in UTC"""

from datetime import datetime
from urllib.parse import parse_qsl, urlencode

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

SINCE = "since"
views = sa.table("views", sa.column("id", sa.Integer), sa.column("address", sa.Text))


def upgrade() -> None:
    op.create_table(
        "school_settings",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("value", sa.String(255), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_school_settings")),
    )
    found = sa.select(views.c.id, views.c.address).where(views.c.address.contains(f"{SINCE}="))
    for row in op.get_bind().execute(found).all():
        fields = [(name, _with_offset(value) if name == SINCE else value) for name, value in parse_qsl(row.address)]
        op.execute(sa.update(views).where(views.c.id == row.id).values(address=urlencode(fields)))


def downgrade() -> None:
    op.drop_table("school_settings")


def _with_offset(text: str) -> str:
    """Say that a time is in UTC, as one without an offset was until now."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if at.tzinfo else f"{at.isoformat(timespec='seconds')}+00:00"
