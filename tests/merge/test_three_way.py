"""Two edits of one record, merged by what both started from."""

from itertools import product

import pytest

from merge.columns import VALUES
from merge.three_way import merge_fields

# Three values that differ, and a blank, for each of the record's types.
KINDS = {"name": ("Ada", "Bo", "Cy"), "age": (11, 12, None), "score": (0.0, 90.5, None)}
CASES = [(name, *three) for name, values in KINDS.items() for three in product(values, repeat=3)]


@pytest.mark.parametrize(("name", "base", "theirs", "mine"), CASES)
def test_a_field_gets_the_value_of_the_side_that_changed_it(name, base, theirs, mine):
    merged = merge_fields(_record(name, base), _record(name, theirs), _record(name, mine))
    expected = {
        "same": (mine, [], [], []),
        "mine": (mine, [name], [], []),
        "theirs": (theirs, [], [name], []),
        "clash": (mine, [], [], [name]),
    }["same" if mine == theirs else "mine" if theirs == base else "theirs" if mine == base else "clash"]
    assert (merged.values[name], merged.mine, merged.theirs, merged.clashing) == expected


@pytest.mark.parametrize(("name", "theirs", "mine"), [(case[0], *case[2:]) for case in CASES])
def test_without_a_base_whatever_differs_clashes(name, theirs, mine):
    merged = merge_fields(None, _record(name, theirs), _record(name, mine))
    assert merged.clashing == ([] if theirs == mine else [name])
    assert (merged.mine, merged.theirs) == ([], [])


def test_each_field_is_merged_by_itself():
    base, theirs = {"name": "Ada", "age": 11, "score": None}, {"name": "Ada", "age": 12, "score": 50.0}
    merged = merge_fields(base, theirs, {"name": "Ada L.", "age": 13, "score": None})
    assert merged.values == {"name": "Ada L.", "age": 13, "score": 50.0}
    assert (merged.mine, merged.theirs, merged.clashing) == (["name"], ["score"], ["age"])


def _record(name, value):
    return {column.name: None for column in VALUES} | {name: value}
