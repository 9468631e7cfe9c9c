"""Keep spreadsheets from running what somebody typed as a formula, and read it back as it was typed.

A spreadsheet begins a cell where its own separator stands, whichever one the file was written with: `Bob;=1+41;x` is one
cell with commas, and three where Excel expects semicolons. So an apostrophe goes before each sign that may begin a
formula in any of them (owasp.org/www-community/attacks/CSV_Injection). One more goes before those that have some
already, so that no two texts are written alike, and reading takes just one away.
"""

import re

# Excel takes the full-width and small forms for the plain ones where they are common.
SIGNS = "-=+@－＝＋＠﹣﹦﹢﹫"  # the hyphen first, since they stand in patterns
BREAKS = "\t\r\n"
SEPARATORS = f",;{BREAKS}"
# What may stand between a separator and the sign: the spreadsheet takes quotation marks for its own, and blanks for none.
PASSED = '"' + "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c not in BREAKS)
# Begins only where such a run does, so that the whole text is walked through once.
RUN = re.compile(rf"(?<![\s,;\"'])([\s,;\"']*+)(?=[{SIGNS}])")
BEGINS_WITH_BREAK = re.compile(rf"'*+[{BREAKS}]")
# A number is none, in whatever way its thousands and decimals are written.
NUMBER = re.compile(r"[+-]?[0-9.,]++(?:[eE][+-]?[0-9]{1,3})?")
ESCAPED = re.compile(rf"'[{SIGNS}{BREAKS}]")
"""Finds a text that may have been escaped."""


def escape(text: str) -> str:
    """Write a text so that no spreadsheet runs a part of it, however it cuts the file into cells."""
    if NUMBER.fullmatch(text):
        return text
    escaped = RUN.sub(lambda run: _with_apostrophes(run, 1), text)
    return f"'{escaped}" if BEGINS_WITH_BREAK.match(escaped) else escaped


def unescape(text: str) -> str:
    """Read what `escape` wrote."""
    if not ESCAPED.search(text):
        return text
    if text.startswith("'") and BEGINS_WITH_BREAK.match(text):
        text = text[1:]
    return RUN.sub(lambda run: _with_apostrophes(run, -1), text)


def keep_escaped(text: str) -> str:
    """Write a text where nothing is run, such as a workbook's cell, so that reading it gives it back."""
    return text if unescape(text) == text else escape(text)


def _with_apostrophes(run: "re.Match[str]", more: int) -> str:
    """Give what stands before a sign with one apostrophe more or less, where a cell may begin there."""
    before = run[1].rstrip("'")
    edge = before.rstrip(PASSED)
    begins_cell = edge[-1] in SEPARATORS if edge else run.start() == 0
    number = len(run[1]) - len(before)
    return before + "'" * max(number + more, 0) if begins_cell else run[1]
