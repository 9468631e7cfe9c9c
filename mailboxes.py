"""One spelling for each e-mail address, however it is typed: users are stored, found and slowed down by that."""

import unicodedata
from typing import Any

from email_validator import EmailNotValidError, validate_email

# A school's own mail domain need not be one that the world can reach.
RULES: dict[str, Any] = {"check_deliverability": False, "globally_deliverable": False, "test_environment": True}


class NoAddress(ValueError):
    """No mail can be sent to what was typed."""


def spell(typed: str) -> str:
    """Spell an address as it is stored. Raises NoAddress."""
    try:
        return _small(validate_email(typed.strip(), **RULES).normalized)
    except EmailNotValidError:
        raise NoAddress(typed) from None


def spell_any(typed: str) -> str:
    """Spell what was typed, also where it is no address and so nobody's."""
    try:
        return spell(typed)
    except NoAddress:
        return _small("".join(filter(str.isprintable, typed.strip())))


def _small(text: str) -> str:
    return unicodedata.normalize("NFC", text.lower())
