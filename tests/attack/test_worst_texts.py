"""No text from outside takes time that grows faster than its length: see worst_texts.py, which also prints the figures."""

import re
import unicodedata
from pathlib import Path

import pytest

from tests.attack.parameters import find_parameters
from tests.attack.worst_texts import WORST, measure, readers
from tests.conftest import PASSWORD
from tests.test_rooms import ROOT, modules

N = 5_000
# Of four times the text: what is linear takes four times as long; what takes the square, sixteen times. Both are far enough
# from the bound for clocks and caches, and for what else the machine does.
TIMES, FACTOR, SLACK_S = 4, 8, 0.01
MOST_S = 1.0


def grows_too_fast(read, name: str) -> bool:
    short, long = (measure(read, WORST[name](length)) for length in (N, TIMES * N))
    return long > FACTOR * short + SLACK_S


@pytest.mark.parametrize("name", readers())
def test_reader_of_four_times_the_text_takes_four_times_the_time(name):
    read = readers()[name]
    assert [worst for worst in WORST if grows_too_fast(read, worst)] == []


@pytest.mark.parametrize(
    ("read", "name"),
    [(lambda text: unicodedata.normalize("NFC", text), "accents"), (re.compile(r"1+1*").fullmatch, "digits and a letter")],
)
def test_measure_of_a_reader_that_takes_the_square_is_told(read, name):
    assert grows_too_fast(read, name)


@pytest.mark.parametrize("module", [module for module in modules() if module.name not in ("text_bounds.py", "fold.py")], ids=str)
def test_module_normalizes_only_what_is_bounded(module):
    assert not re.search(r"unicodedata\.(is_)?normalize", (ROOT / module).read_text()) or module == Path("merge/cells.py")


def test_form_with_the_worst_text_in_any_field_is_answered_at_once(school):
    """Beside the readers: whatever else a page does with what it is sent."""
    import_ = school.upload(b"id,name\n9001,\n")
    admin = school.member("admin")
    token, texts = admin.token(), [WORST[name](16_000)[:16_000] for name in ("accents", "digits and a letter", "blanks", "lists")]
    for parameter in find_parameters(admin, import_):
        for text in texts:
            sent = text if parameter.method == "POST" else text[:600]
            before = school.cpu_s()
            answer = parameter.send(admin, sent, token)
            assert answer.status < 500, parameter
            assert school.cpu_s() - before < MOST_S, parameter
    admin.send(f"{import_}/cancel")


def test_field_that_no_page_takes_so_long_is_refused_in_words(school):
    answer = school.stranger().sign_in("a" + "\u0301\u0316" * 40_000, PASSWORD)
    assert answer.status == 413
    assert "A field can have at most 16,384 characters" in answer.text
