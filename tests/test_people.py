"""Names of people: how they are spelt, and that no name can pose as somebody else."""

import pytest

import people
from people import BadName, Names, spell_name


@pytest.mark.parametrize(
    ("typed", "spelt"),
    [
        ("  Ada\t Lovelace ", "Ada Lovelace"),
        ("Zoe\u0308 O’Neill-Müller, M.A.", "Zoë O’Neill-Müller, M.A."),
        ("山田 太郎", "山田 太郎"),
        ("A" * 100, "A" * 100),
        (None, None),
        (" \u00a0", None),
    ],
)
def test_a_name_is_spelt_one_way_however_it_is_typed(typed, spelt):
    assert spell_name(typed) == spelt


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("A" * 101, people.LONG),
        ("A" * 100_000, people.LONG),
        ("A" + "\u0301" * 40, people.STACKED),
        ("head@school.example", people.ADDRESS),
        ("head＠school.example", people.ADDRESS),
        ("head﹫school", people.ADDRESS),
        *(
            (f"Ada{sign}Lovelace", people.UNSEEN)
            for sign in "\x00\x7f\u00ad\u200b\u200d\u202e\u2066\ufeff\ufe0f\u3164\u2800\ud800"
        ),
        ("flask import", people.TAKEN),
        ("ＦＬＡＳＫ", people.TAKEN),
        ("Retention", people.TAKEN),
        ("—", people.NO_LETTER),
        ("12", people.NO_LETTER),
    ],
)
def test_a_name_that_could_mislead_is_refused_with_a_sentence(typed, sentence):
    with pytest.raises(BadName) as refused:
        spell_name(typed)
    assert refused.value.sentence == sentence


@pytest.fixture
def known():
    def known(**names):
        people.known.set(lambda: Names({f"{user}@school.example": name for user, name in names.items()}))

    yield known
    people.known.set(people.nobody)


def test_people_are_called_by_their_name_and_all_others_as_they_are_kept(known):
    known(ada="Ada Chen")
    assert people.called("ada@school.example") == "Ada Chen"
    assert people.called("gone@school.example") == "gone@school.example"
    assert people.called("flask import") == "flask import"


@pytest.mark.parametrize("alike", ["Ada Chen", "ADA CHEN", "Ａｄａ Chen"])
def test_namesakes_are_told_apart_by_their_addresses(known, alike):
    known(ada="Ada Chen", other=alike, bo="Bo")
    assert people.called("ada@school.example") == "Ada Chen (ada@school.example)"
    assert people.called("bo@school.example") == "Bo"
    assert people.addresses("ada chen") == ["ada@school.example", "other@school.example"]


def test_a_name_with_a_letter_of_another_script_does_not_stand_alone(known):
    known(ada="\u0410da Chen")
    assert people.called("ada@school.example") == "\u0410da Chen (ada@school.example)"


def test_what_nobody_is_called_is_an_address_itself(known):
    known(ada="Ada Chen")
    for typed in ("gone@school.example", "A" + "\u0301" * 40):
        assert people.addresses(typed) == [typed]
