"""Fold names so that `nguyen anh` finds Nguyễn Thị Ánh, and mark in a name what was found.

PostgreSQL folds by a function of its own, which a migration makes; a test holds the two against each other. Its extension
unaccent would know more signs, but other ones in each release, and neither SQLite nor the marks would know them too.
A change of what is folded needs a migration that builds the indexes anew: they hold names as they were folded.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Letters and signs that Unicode does not take apart, and that people without the key for them type so.
LETTERS = {
    "đ": "d",
    "ð": "d",
    "ø": "o",
    "ł": "l",
    "ħ": "h",
    "ŧ": "t",
    "ı": "i",
    "ς": "σ",
    "ß": "ss",
    "æ": "ae",
    "œ": "oe",
    "þ": "th",
    **dict.fromkeys("’‘ʼʻ`", "'"),
    **dict.fromkeys("‐–", "-"),
}
# Accents over and under Latin, Greek and Cyrillic letters, and the vowel signs that Hebrew and Arabic mostly leave out.
ACCENTS = re.compile("[\u0300-\u036f\u0591-\u05bd\u064b-\u0652]+")
# Chinese and Japanese signs count three times: each alone then makes a trigram, and names have only two or three of them.
SIGNS = re.compile("([\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\U00020000-\U0003ffff])")

# Nobody sees these: they say where a word may be parted, how letters join, and which way they run.
UNSEEN = "\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
# Of these, what joins letters or keeps them apart belongs to the spelling between letters of the scripts of Asia.
_JOINERS, _JOINED = "[\u200c\u200d]", "[\u0600-\u1cff\ua840-\uabff]"
_DROPPED = re.compile(f"(?:(?!{_JOINERS})[{UNSEEN}]|(?<!{_JOINED}){_JOINERS}|{_JOINERS}(?!{_JOINED}))+")
# Few keyboards have these, but spreadsheets and word processors put them in.
HYPHENS = "‑‒―−⁃־﹣－"
# What parts of a name are written with or without: an apostrophe, a hyphen, a full stop after an initial.
WITHIN_PARTS = "'\"-._()[]{}<>!?*#%&+=:~^|@$\\“”„‚«»—·…" + UNSEEN + HYPHENS
BETWEEN_PARTS = ",;/"
_KEY_SIGNS = str.maketrans({**dict.fromkeys(WITHIN_PARTS), **dict.fromkeys(BETWEEN_PARTS, " ")})

# The folds of the characters that are in use are kept; those of all there are would take 200 MB.
LAST_KEPT = 0xFFFF

Piece = tuple[str, bool]
"""A piece of a name, and whether it was found."""


def drop_unseen(text: str) -> str:
    """Take out the signs that nobody sees, such as those that a copied web page leaves; joiners stay where a word needs them.

    Between a small letter and a capital one, such a sign is all that parts two words: a blank takes its place.
    """
    return text if text.isascii() else _DROPPED.sub(_blank_between_words, text)


def _blank_between_words(found: re.Match[str]) -> str:
    before, after = found.string[found.start() - 1 : found.start()], found.string[found.end() : found.end() + 1]
    return " " if before.islower() and after.isupper() else ""


class _Folds(dict[int, str]):
    """Each character's fold, by its number, found out when it is first met."""

    def __missing__(self, number: int) -> str:
        plain = ACCENTS.sub("", unicodedata.normalize("NFKD", chr(number))).lower()
        folded = SIGNS.sub(r"\1\1\1", "".join(LETTERS.get(c, c) for c in plain))
        if number <= LAST_KEPT:
            self[number] = folded
        return folded


_FOLDS = _Folds()


def fold_name(name: str) -> str:
    """Make names comparable as people search for them: without case, accents and typographic signs."""
    return name.lower() if name.isascii() else name.translate(_FOLDS)


def name_key(folded: str) -> str:
    """Give a folded name's parts in the order of their letters and without punctuation: "lovelace, ada" is "ada lovelace"."""
    plain = folded if folded.replace(" ", "").isalnum() else folded.translate(_KEY_SIGNS)
    return " ".join(sorted(filter(None, plain.split(" ")))) or folded


def mark(name: str, words: Sequence[str]) -> list[Piece]:
    """Cut a name into what some folded word was found in, and what is between."""
    if not words:
        return [(name, False)]
    folded = list(name.lower()) if name.isascii() else [fold_name(character) for character in name]
    owners = [place for place, text in enumerate(folded) for _ in text]
    text, found = "".join(folded), set[int]()
    for word in words:
        found.update(place for start in _starts(text, word) for place in owners[start : start + len(word)])
    return _pieces(name, found, folded)


def _starts(text: str, word: str) -> Iterable[int]:
    start = text.find(word)
    while start >= 0:
        yield start
        start = text.find(word, start + 1)


def _pieces(name: str, found: set[int], folded: Sequence[str]) -> list[Piece]:
    pieces: list[Piece] = []
    for place, character in enumerate(name):
        # An accent that is a character of its own goes with the letter before it.
        marked = place in found if folded[place] or not pieces else pieces[-1][1]
        if pieces and pieces[-1][1] == marked:
            pieces[-1] = (pieces[-1][0] + character, marked)
        else:
            pieces.append((character, marked))
    return pieces
