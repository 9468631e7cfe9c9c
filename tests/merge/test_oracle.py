"""No row is ever given to another student, whatever sheet comes: held against who is who in classes that are made up.

The long run, which also counts what was held without need: python -m benchmarks.oracle
"""

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.examples import examples
from tests.merge import oracle

SHEETS = [*((kind, True) for kind in oracle.KINDS), *((kind, False) for kind in oracle.BY_NAME)]
seeds = st.integers(0, 2**32)
quick = settings(max_examples=examples(10), deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(seeds, st.sampled_from(SHEETS), st.sampled_from([*oracle.WRITINGS]))
def test_no_sheet_puts_anything_on_another_student_unasked(app, session, seed, sheet, writing):
    kind, ids = sheet
    judged = oracle.judge(session, app.config["UPLOADS"], Random(seed), kind, writing, ids=ids)
    assert judged.wrong == []


@pytest.mark.parametrize("ids", [True, False])
def test_a_sheet_that_only_changed_values_is_held_nowhere_where_nothing_can_be_doubted(app, session, ids):
    for seed, writing in enumerate(oracle.SAME):
        judged = oracle.judge(session, app.config["UPLOADS"], Random(seed), "other values", writing, ids=ids)
        assert (judged.wrong, judged.needless) == ([], 0), writing
