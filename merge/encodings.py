"""Find out in which encoding a text file is written. The guess is shown, and whoever knows better may change it."""

import codecs
import re
from collections.abc import Iterator
from pathlib import Path

from merge.limits import LONGEST_LINE
from merge.problems import SheetRefused
from words import later

ENCODINGS = {
    "utf-8-sig": later("Unicode (UTF-8)"),
    "utf-16": later("Unicode (UTF-16)"),
    "utf-16-le": later("Unicode (UTF-16, little-endian)"),
    "utf-16-be": later("Unicode (UTF-16, big-endian)"),
    "windows-1252": later("Western European (Windows-1252)"),
    "windows-1250": later("Central European (Windows-1250)"),
    "iso8859-2": later("Central European (ISO-8859-2)"),
    "windows-1254": later("Turkish (Windows-1254)"),
    "windows-1257": later("Baltic (Windows-1257)"),
    "windows-1251": later("Cyrillic (Windows-1251)"),
    "windows-1253": later("Greek (Windows-1253)"),
    "windows-1255": later("Hebrew (Windows-1255)"),
    "windows-1256": later("Arabic (Windows-1256)"),
    "koi8-r": later("Cyrillic (KOI8-R)"),
    "cp866": later("Cyrillic (DOS, 866)"),
    "mac-roman": later("Western European (old Macintosh)"),
    "cp850": later("Western European (DOS, 850)"),
    "cp932": later("Japanese (Shift-JIS)"),
    "gb18030": later("Chinese, simplified (GB18030)"),
    "big5": later("Chinese, traditional (Big5)"),
    "cp949": later("Korean (EUC-KR)"),
}
"""By Python's name for it, as people know it; where two fit equally well, the earlier is meant."""
LEGACY = [name for name in ENCODINGS if not name.startswith("utf")]

CHUNK = 1 << 20
SAMPLE = 1 << 14
# Control bytes that no legacy encoding uses in text.
BINARY = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
FOREIGN = re.compile(rb"[\x80-\xff][^\r\n]{0,200}")
# So many bytes before the first such letter of a line are looked at.
BEFORE = 200
LINE_BREAKS = re.compile(rb"[\r\n]")
ORDINAL = re.compile(rb"\d+[^\s\d;,|\"]{1,4}(?![^\s;,|\"])")
SEPARATING = re.compile(rb"[\d;,\t|\"]+")
# A letter of UTF-8 that is written with several bytes, and how many there are at least for each byte that fits none.
UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
LETTERS_A_STRAY = 3
LAST_ASCII = 0x7F
MEND = later("Correct that line, or save the sheet again as “CSV UTF-8”, and upload that.")
SAVE_AS = later("In your spreadsheet choose “Save as”, then “CSV UTF-8”, and upload that.")

# What names look like when they are read in the wrong encoding.
ODD = re.compile(
    r"(?<=[^\W\d_])[^\w\s'’‘.,;:|/()·ºª`´&\"-](?=[^\W\d_])"  # a symbol inside a word: D±browska
    r"|[£¥§©¬¦±¶¹²³¼½¾¨¸¯÷×](?=[^\W\d_])|(?<=[^\W\d_])[£¥§©¬¦±¶¹²³¼½¾¨¸¯÷×¿¡]"  # or at either end of it: £ukasz
    r"|(?<=[^\W\d_A-Za-z])[ßÿ]"
)
# Only in Central Europe do names end so: Šarić and Kovač, Győző and Szűcs, read as Windows-1252.
CENTRAL = re.compile(r"[æè]\b|õ(?!e)|û[^\W\d_]s?\b|[øì]í|\bÈ[^\W\d_]|ø[áéí]|ù\w|\bØ[eií]|ð\b", re.IGNORECASE)
# No name mixes scripts within a word: Prénom read as Hebrew is Prיnom, as Chinese Pr閚om. Names and classes may: 3年A組.
LATIN = "A-Za-z\u00c0-\u024f"
ALPHABETS = "\u0370-\u06ff\uff61-\uff9f"
MIXED = re.compile(rf"(?<=[{LATIN}])[{ALPHABETS}]|[{ALPHABETS}](?=[{LATIN}])|(?<=[a-z])[\u3040-\u9fff\uac00-\ud7a3](?=[a-z])")
# What is written raised is no letter of a name: Mª Carmen.
WORD = re.compile(r"[^\W\d_ªº]+")


def find_encoding(path: Path) -> str:
    """Give the encoding that the whole file decodes in and that its names look right in. Raises SheetRefused."""
    with open(path, "rb") as file:
        head = file.read(CHUNK)
    for encoding in _candidates(path, head):
        if decodes(path, encoding):
            return encoding
    raise SheetRefused(later("The file's characters can't be read. %(advice)s", advice=SAVE_AS))


def decodes(path: Path, encoding: str) -> bool:
    """Tell whether the whole file is text in the encoding. Raises SheetRefused where a line is longer than any sheet's."""
    decoder = codecs.getincrementaldecoder(encoding)()
    legacy, length = not encoding.startswith("utf"), 0
    with open(path, "rb") as file:
        try:
            while chunk := file.read(CHUNK):
                text = decoder.decode(chunk)
                if (legacy and BINARY.search(chunk)) or "\x00" in text:
                    return False
                length = _unbroken(text, length)
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return True


def _unbroken(text: str, before: int) -> int:
    """Measure the line that the text ends in, which began `before` characters before it."""
    last = max(text.rfind("\n"), text.rfind("\r"))
    if last < 0:
        last = -1 - before
    if len(text) - 1 - last > LONGEST_LINE:
        raise SheetRefused(
            later(
                "A line of the file has more than %(most)s characters, so this isn’t a spreadsheet. %(advice)s",
                most=LONGEST_LINE,
                advice=SAVE_AS,
            )
        )
    return len(text) - 1 - last


def _candidates(path: Path, head: bytes) -> Iterator[str]:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield "utf-16"
    elif b"\x00" in head:
        yield _utf_16_without_mark(head)
    else:
        yield "utf-8-sig"
        if _means_utf_8(head):
            raise SheetRefused(
                later("Line %(line)s isn’t UTF-8, but the rest of the file is. %(advice)s", line=_broken_line(path), advice=MEND)
            )
        yield from rank(_sample(path))


def _means_utf_8(head: bytes) -> bool:
    """Tell whether a file that is not UTF-8 was meant to be: by its mark, or as nearly all other letters are."""
    letters = [len(letter) for letter in UTF_8.findall(head)]
    strays = sum(byte > LAST_ASCII for byte in head) - sum(letters)
    return head.startswith(codecs.BOM_UTF8) or strays * LETTERS_A_STRAY < len(letters)


def _broken_line(path: Path) -> int:
    """Give the number of the first line that is not UTF-8."""
    decoder, line = codecs.getincrementaldecoder("utf-8")(), 1
    with open(path, "rb") as file:
        try:
            while chunk := file.read(CHUNK):
                line += decoder.decode(chunk).count("\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            line += error.object[: error.start].count(b"\n")
    return line


def _utf_16_without_mark(head: bytes) -> str:
    """Tell the byte order by the zeros: the separators and line breaks have one each, in every script. Raises SheetRefused."""
    even, odd = head[::2].count(0), head[1::2].count(0)
    marks = {
        order: sum(head.decode(order, "replace").count(mark) for mark in ",;\t|\r\n") for order in ("utf-16-le", "utf-16-be")
    }
    order = max(marks, key=lambda name: marks[name])
    zeros, others = (odd, even) if order == "utf-16-le" else (even, odd)
    # A sheet in UTF-16 has a separator every few characters; a text with a stray zero byte has next to none.
    if marks[order] * 100 < len(head) // 2 or zeros < marks[order] or others * 10 > zeros:
        raise SheetRefused(later("This isn’t a text file: it contains zero bytes. %(advice)s", advice=SAVE_AS))
    return order


def _sample(path: Path) -> bytes:
    """Collect lines that have other letters than English in them: only they can tell one encoding from another."""
    found: list[bytes] = []
    size = 0
    with open(path, "rb") as file:
        while size < SAMPLE and (chunk := file.read(CHUNK)):
            for line in FOREIGN.finditer(chunk):
                before = LINE_BREAKS.split(chunk[max(0, line.start() - BEFORE) : line.start()])[-1]
                found.append(before + line[0])
                size += len(found[-1])
                if size >= SAMPLE:
                    break
    # Digits and separators are the same in all, and what ends an ordinal (6ème, 2ª) is no name.
    return SEPARATING.sub(b" ", ORDINAL.sub(b" ", b"\n".join(found)))


def rank(sample: bytes) -> list[str]:
    """Order the legacy encodings by how well the sample reads in them."""
    from charset_normalizer import from_bytes  # takes a twentieth of a second to load, and most sheets need none of it

    guesses = from_bytes(sample, cp_isolation=LEGACY, threshold=0.5, language_threshold=0.05, enable_fallback=False)
    chaos: dict[str, float] = {codecs.lookup(name).name: guess.chaos for guess in guesses for name in guess.could_be_from_charset}
    scores: dict[str, float] = {}
    for name in LEGACY:
        try:
            text = sample.decode(name)
        except UnicodeDecodeError:
            continue
        scores[name] = round(chaos.get(codecs.lookup(name).name, 0.5) + oddness(text, western=name == "windows-1252"), 1)
    return sorted(scores, key=lambda name: scores[name])


def oddness(text: str, *, western: bool) -> float:
    """Say how unlike names the words of a text are: 0 for all well, more for symbols and capitals inside words."""
    words = [word for word in WORD.findall(text) if not word.isascii()] or [""]
    odd = len(ODD.findall(text)) + sum(map(_is_odd, words)) + 2 * len(MIXED.findall(text))
    if western:
        letters = "".join(words)
        odd += len(CENTRAL.findall(text)) + (len(words) if sum(not c.isascii() for c in letters) * 2 > len(letters) else 0)
    return odd / len(words)


def _is_odd(word: str) -> bool:
    """A name is written Name, NAME or, in scripts without capitals, as ever; but neither nAME nor naMe."""
    return word[:1].islower() or not (word.isupper() or word[1:] == word[1:].lower())
