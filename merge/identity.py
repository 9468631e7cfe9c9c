"""Tell whether two names are one person's, written otherwise. However alike other names are, they may be two people's."""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from itertools import product

from merge.fold import fold_name, name_key
from text_bounds import normalize


class _Separators(dict[int, str | int | None]):
    """What becomes of each character of a folded name, by its number, found out when it is first met."""

    def __init__(self, *, apostrophe: str | None, other: str | None) -> None:
        super().__init__({ord("'"): apostrophe})
        self.other = other

    def __missing__(self, number: int) -> str | int | None:
        category = unicodedata.category(chr(number))
        kept: str | int | None = number
        if category[0] == "Z":
            kept = " "
        elif category[0] == "P" or category == "Sk":
            kept = self.other
        self[number] = kept
        return kept


# "O'Brien" is also written OBrien and O Brien, and "Anna-Lena" also Anna Lena and Annalena; but Anna Lena is not Annalena.
READINGS = (
    _Separators(apostrophe=None, other=" "),
    _Separators(apostrophe=" ", other=" "),
    _Separators(apostrophe=None, other=None),
)
GENERATIONS = ("jr", "jnr", "junior", "sr", "snr", "senior", "ii", "iii", "iv")
INITIAL = 1
MOST_TURNS = 8
MOST_JOINED = 6
WRITTEN_OUT = {"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"}
UMLAUTS = "".join(WRITTEN_OUT)
MAYBE_UMLAUT = re.compile(f"([{UMLAUTS}]|ae|oe|ue)")
MOST_UMLAUTS = 4


def same_person(one: str, other: str, *, by_id: bool) -> bool:
    """Tell whether the names differ only in case, accents, width, order of parts and punctuation.

    Where an ID says already who is meant, an initial may also be written in full beside the same other parts.
    """
    ours, theirs = _readings(fold_name(one)), _readings(fold_name(other))
    if any(parts and parts == others for parts, others in zip(ours, theirs, strict=True)):
        return True
    return by_id and _fit_by_initials(ours[0], theirs[0])


def accented_key(name: str) -> str:
    """Give the name's key with its accents: René and Rene are two, and so are Groß and Gross, which search takes for one name."""
    return name_key(normalize("NFKC", normalize("NFKC", name).lower()))


def turned(name: str) -> list[str]:
    """Give the name with each of its parts first in turn: "Lovelace, Ada" also as Ada Lovelace."""
    parts = name.replace(",", " ").split()[:MOST_TURNS]
    return [" ".join(parts[place:] + parts[:place]) for place in range(len(parts))]


def spelling_keys(name: str) -> set[str]:
    """Give the keys under which the name may be stored: Anna Lena as Anna-Lena, O Brien as O'Brien, Ada Lee Jr. as Ada Lee."""
    folded = fold_name(name)
    parts = "".join(sign if sign.isalnum() else " " for sign in folded).split()
    keys = {name_key(folded), name_key(folded.translate(READINGS[0]))}
    if len(own := [part for part in parts if part not in GENERATIONS]) < len(parts):
        keys.add(" ".join(sorted(own)))
    if 1 < len(parts) <= MOST_JOINED:
        for joins in product(("", " "), repeat=len(parts) - 1):
            joined = "".join(part + join for part, join in zip(parts, (*joins, ""), strict=True))
            keys.add(" ".join(sorted(joined.split())))
    return keys


def alike_keys(name: str) -> set[str]:
    """Give the keys of names that may be this one in another spelling of its umlauts: Mueller may be stored as Müller."""
    letters = name.lower()
    if not letters.isascii():
        letters = "".join(sign if sign in WRITTEN_OUT else fold_name(sign) for sign in letters)
    pieces = MAYBE_UMLAUT.split(letters, MOST_UMLAUTS)
    if len(pieces) == 1:
        return set()
    written = [(piece,) if place % 2 == 0 else _umlaut_as_written(piece) for place, piece in enumerate(pieces)]
    return {name_key("".join(spelled)) for spelled in product(*written)} - {name_key(fold_name(name))}


def _umlaut_as_written(letters: str) -> tuple[str, str]:
    """Give an umlaut, or two letters that may stand for one, as one letter and as two."""
    return letters[0] if letters.isascii() else fold_name(letters), WRITTEN_OUT.get(letters, letters)


def _readings(folded: str) -> list[list[str]]:
    """Give the name's parts, sorted, in each of the readings."""
    if folded.replace(" ", "").isalnum():  # as most names are, and a million are read in seconds
        return [sorted(folded.split())] * len(READINGS)
    return [sorted(folded.translate(reading).split()) for reading in READINGS]


def _fit_by_initials(one: list[str], other: list[str]) -> bool:
    if len(one) != len(other) or not any(len(part) == INITIAL for part in (*one, *other)):
        return False
    same = Counter(one) & Counter(other)
    if not any(len(part) > INITIAL for part in same):
        return False
    pairs = zip(_without(one, same), _without(other, same), strict=True)
    return all(_is_initial_of(*sorted(pair, key=len)) for pair in pairs)


def _without(parts: Iterable[str], same: "Counter[str]") -> list[str]:
    return sorted((Counter(parts) - same).elements())


def _is_initial_of(initial: str, part: str) -> bool:
    """Tell whether a letter stands for the part; a sign that is a whole syllable or word stands for itself."""
    return len(initial) == INITIAL and initial != initial.upper() and part.startswith(initial)
