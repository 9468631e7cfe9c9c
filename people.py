"""Name people: what they did is kept under their e-mail address, and pages say their name instead.

The web names those who have one for each request; commands, the worker and the API leave addresses as they are.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextvars import ContextVar

from mailboxes import odd_letters
from text_bounds import Unbounded, normalize
from words import Later, later

MAX_NAME_LENGTH = 100
# What commands and chores are noted as; nobody may pose as one.
OWN_ACTORS = {"flask", "retention"}
# Letters and marks that show nothing: the fillers of Hangul, Khmer's inherent vowels, what joins graphemes, blank Braille,
# and what only chooses the form of the sign before it.
BLANK = {
    *"\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0",
    *map(chr, range(0xFE00, 0xFE10)),
    *map(chr, range(0xE0100, 0xE01F0)),
}
LONG = later("Name must be at most 100 characters.")
UNSEEN = later("The name contains an invisible character. Type it again.")
STACKED = later("The name has too many accents on one letter. Type it again.")
ADDRESS = later("Enter a name, not an e-mail address. It can’t contain @.")
NO_LETTER = later("Enter a name with at least one letter.")
TAKEN = later("Rollbook uses this name itself. Enter the person’s own name.")


class BadName(ValueError):
    """No person is named so; the message says why, for each reader in their language."""

    def __init__(self, sentence: Later) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class Names:
    """The names of those who have one, by address."""

    def __init__(self, by_address: Mapping[str, str]) -> None:
        self._by_address = by_address
        self._bearers = Counter(map(_comparable, by_address.values()))

    def of(self, actor: str | None) -> str | None:
        """Give the name of whom the actor is the address of; None for a command, and for who has no name or no account."""
        return self._by_address.get(actor or "")

    def is_doubtful(self, name: str) -> bool:
        """Tell whether the name alone does not say who is meant: several have it, or it mixes letters that look alike."""
        return self._bearers[_comparable(name)] > 1 or bool(odd_letters(name))

    def addresses(self, typed: str) -> list[str]:
        """Give the addresses of all who have this name; what nobody is called may be an address itself."""
        asked = _comparable(typed)
        return [address for address, name in self._by_address.items() if _comparable(name) == asked] or [typed]


def nobody() -> Names:
    """Leave addresses as they are."""
    return Names({})


known: ContextVar[Callable[[], Names]] = ContextVar("known", default=nobody)
"""Gives the names that whoever reads what is being said may see."""


def spell_name(typed: str | None) -> str | None:
    """Spell a name as it is stored; None for a blank one. Raises BadName."""
    try:
        name = normalize("NFC", " ".join((typed or "").split()))
        plain = normalize("NFKC", name)
    except Unbounded:
        raise BadName(LONG if len(typed or "") > MAX_NAME_LENGTH else STACKED) from None
    if not name:
        return None
    if sentence := _problem(name, plain):
        raise BadName(sentence)
    return name


def name_of(actor: str | None) -> str | None:
    """Give the name of whom the actor is the address of, if they have one."""
    return known.get()().of(actor)


def called(actor: str) -> str:
    """Say who it was: by name, with the address where others have that name; or else as it is kept."""
    name = name_of(actor)
    if name is None:
        return actor
    return f"{name} ({actor})" if known.get()().is_doubtful(name) else name


def addresses(typed: str) -> list[str]:
    """Give whom somebody means who typed a name or an address."""
    return known.get()().addresses(typed)


def _problem(name: str, plain: str) -> Later | None:
    """Say what is wrong with a name; `plain` is it with look-alike forms of one sign as that sign."""
    if len(name) > MAX_NAME_LENGTH:
        return LONG
    if not name.isprintable() or BLANK & {*name}:
        return UNSEEN
    if "@" in plain:
        return ADDRESS
    if plain.casefold().split()[0] in OWN_ACTORS:
        return TAKEN
    return None if any(map(str.isalpha, name)) else NO_LETTER


def _comparable(name: str) -> str:
    try:
        return name.lower() if name.isascii() else normalize("NFKC", name).casefold()
    except Unbounded:  # nobody's
        return name
