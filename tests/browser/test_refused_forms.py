"""Each form that keeps what is typed, and each way to refuse it, once in each browser; refused_forms goes through them all."""

from collections.abc import Iterator

import pytest

from tests.browser.refused_forms import FORMS, REFUSALS, School, applies, check, running_school
from tests.cluster import Cluster

# Each form with one of the refusals that it can meet, in turn, and some forms with all of them.
EACH_FORM = [
    (form, possible[place % len(possible)])
    for place, form in enumerate(FORMS)
    if (possible := [refusal for refusal in REFUSALS if applies(form, refusal)])
]
WHOLE = ("a student",)
EACH_REFUSAL = [(form, refusal) for form in WHOLE for refusal in REFUSALS if applies(form, refusal)]


@pytest.fixture(scope="module")
def school(cluster: Cluster) -> Iterator[School]:
    with running_school(cluster) as running:
        yield running


@pytest.fixture
def server(school: School) -> object:
    return school.server


@pytest.mark.parametrize(("form", "refusal"), sorted({*EACH_FORM, *EACH_REFUSAL}))
def test_a_refused_form_is_shown_again_as_it_was_typed(school, somebody, form, refusal):
    check(school, somebody(school.url), FORMS[form], refusal)
