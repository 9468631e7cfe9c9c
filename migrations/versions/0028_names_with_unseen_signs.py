"""Leave signs that nobody sees, and more kinds of hyphen, out of the keys by which sheets find names"""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

AT_ONCE = 20_000
# As merge/fold.py has them.
SIGNS = "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff‑‒―−⁃־﹣－"
BEFORE = ",;/'\"-._()[]{}<>!?*#%&+=:~^|@$\\“”„‚«»—·…"
BLANKS = "   "
# In PL/pgSQL, since a function in SQL is not put in the place of its call where its argument is one.
NAME_KEY = r"""
CREATE OR REPLACE FUNCTION name_key(folded text) RETURNS text LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
        one text;
        other text;
    BEGIN
        IF folded ~ '^[a-z0-9]+ [a-z0-9]+$' THEN
            one := split_part(folded, ' ', 1);
            other := split_part(folded, ' ', 2);
            RETURN CASE WHEN one COLLATE "C" <= other THEN folded ELSE other || ' ' || one END;
        END IF;
        RETURN coalesce(
            (
                SELECT string_agg(part, ' ' ORDER BY part COLLATE "C") FROM unnest(string_to_array(
                    translate(folded, '{signs}', '{blanks}'), ' '
                )) AS part WHERE part <> ''
            ),
            folded
        );
    END
$$
"""


def upgrade() -> None:
    _set_keys(BEFORE + SIGNS)


def downgrade() -> None:
    _set_keys(BEFORE)


def _set_keys(signs: str) -> None:
    """Give those students a key anew whose name has such a sign: few or none."""
    if op.get_bind().dialect.name != "postgresql":
        rekey = sa.text("UPDATE students SET name_key = name_key(folded) WHERE name GLOB :signs")
        op.get_bind().execute(rekey, {"signs": f"*[{SIGNS}]*"})
        return
    with op.get_context().autocommit_block():
        op.execute(NAME_KEY.replace("{signs}", signs.replace("'", "''")).replace("{blanks}", BLANKS))
        _rekey_in_stretches()


def _rekey_in_stretches() -> None:
    """The trigger does it: a few thousand at a time, so that nobody waits long for one of them."""
    stretch = sa.text("SELECT max(id) FROM (SELECT id FROM students WHERE id > :last ORDER BY id LIMIT :number) AS stretch")
    rekey = sa.text("UPDATE students SET name_key = NULL WHERE id BETWEEN :first AND :last AND name ~ :signs")
    last = 0
    while end := op.get_bind().scalar(stretch, {"last": last, "number": AT_ONCE}):
        op.get_bind().execute(rekey, {"first": last + 1, "last": end, "signs": f"[{SIGNS}]"})
        last = end
