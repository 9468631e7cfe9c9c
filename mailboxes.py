"""One spelling for each e-mail address, however it is typed: users are stored, found and slowed down by that."""

import unicodedata
from collections import Counter
from typing import Any

from email_validator import EmailNotValidError, validate_email

from text_bounds import Unbounded, normalize

# A school's own mail domain need not be one that the world can reach.
RULES: dict[str, Any] = {"check_deliverability": False, "globally_deliverable": False, "test_environment": True}
# An address has at most 64 characters before the @ and 255 behind it (RFC 5321, section 4.5.3.1).
MAX_LENGTH = 320


# Scripts whose signs nobody takes for letters of another one.
LIKE_NO_OTHER = {"CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "HANGUL", "BOPOMOFO"}


class NoAddress(ValueError):
    """No mail can be sent to what was typed."""


def spell(typed: str) -> str:
    """Spell an address as it is stored. Raises NoAddress."""
    typed = typed.strip()
    try:
        # The library normalizes what it is given whole.
        return _small(validate_email(normalize("NFC", typed, MAX_LENGTH), **RULES).normalized)
    except (EmailNotValidError, Unbounded):
        raise NoAddress(typed) from None


def spell_any(typed: str) -> str:
    """Spell what was typed, also where it is no address and so nobody's."""
    try:
        return spell(typed)
    except NoAddress:
        return _small("".join(filter(str.isprintable, typed.strip()[:MAX_LENGTH])))


def odd_letters(address: str) -> list[str]:
    """Give the letters of an address that are of another script than most of it: a Cyrillic “а” looks like a Latin one."""
    letters = [letter for letter in normalize("NFKC", address, 2 * MAX_LENGTH) if letter.isalpha()]
    scripts = {letter: unicodedata.name(letter, "unknown").split()[0] for letter in letters}
    alike = Counter(scripts[letter] for letter in letters if scripts[letter] not in LIKE_NO_OTHER)
    return [letter for letter in dict.fromkeys(letters) if alike and scripts[letter] in {*alike} - {alike.most_common(1)[0][0]}]


def _small(text: str) -> str:
    text = text.lower()
    try:
        return normalize("NFC", text, 2 * MAX_LENGTH)
    except Unbounded:  # nobody's, in whichever order its accents are
        return text
