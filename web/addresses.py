"""How ids stand in addresses."""

from werkzeug.routing import IntegerConverter, Map

# The databases keep 64 bits; a longer number in an address names nothing.
LARGEST = 2**63 - 1


class IdConverter(IntegerConverter):
    """`<id:student_id>`: a whole number that a database can hold."""

    def __init__(self, map: Map) -> None:  # noqa: A002  Werkzeug's name
        super().__init__(map, max=LARGEST)
