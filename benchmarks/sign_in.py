"""Whether the time of a sign-in that fails tells why it failed, on both databases: python -m benchmarks.sign_in

Everybody is tried in turn, in another order each round, over HTTP at the real server. What two kinds of failure have in
common is told by the rank-sum test of Mann and Whitney: the share of pairs in which the one took longer, 0.5 where nothing
sets them apart, and how likely a share as far from that is by chance alone.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import combinations
from math import erfc, sqrt
from pathlib import Path

from sqlalchemy import delete

from models import Throttle, db
from tests.attack.school import School, running_school
from tests.cluster import running_cluster
from tests.conftest import PASSWORD, migrate

TRIES = 200
WARM_UP = 10
# Chance alone makes one of twelve comparisons look less likely than this in one of eighty runs.
UNLIKELY = 0.001
PAGE = Path(__file__).parent / "sign_in.md"
INTRODUCTION = f"""# What the time of a failed sign-in tells
Made by `python -m benchmarks.sign_in`: {TRIES} tries each, in turn, over HTTP.
Two kinds can't be told apart by their times where the one is slower in about half of all pairs,
and where as much as was seen comes by chance in more than one of {1 / UNLIKELY:,.0f} runs.
"""
CASES = {
    "unknown address": ("nobody@school.example", "wrong"),
    "wrong password": ("known@school.example", "wrong"),
    "shut out, wrong password": ("shut@school.example", "wrong"),
    "shut out, right password": ("shut@school.example", PASSWORD),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        urls = {"SQLite": f"sqlite:///{folder}/rollbook.db", "PostgreSQL": cluster.create("school")}
        parts = [INTRODUCTION]
        for name, url in urls.items():
            migrate(Path(folder) / f"migrated-{name}", url)
            (Path(folder) / name).mkdir()
            with running_school(Path(folder) / name, url) as school:
                parts.append("\n".join([f"### {name}", *_tables(_measure(school)), ""]))
            print(parts[-1], flush=True)
    PAGE.write_text("\n".join(parts))


def _measure(school: School) -> dict[str, list[float]]:
    """Time each kind of failure in milliseconds."""
    for email in ("known@school.example", "shut@school.example"):
        school.add_user(email)
    school.deactivate("shut@school.example")
    times: dict[str, list[float]] = {case: [] for case in CASES}
    for _ in range(WARM_UP + TRIES):
        for case in random.sample(list(CASES), len(CASES)):
            times[case].append(_time(school, *CASES[case]))
    return {case: measured[WARM_UP:] for case, measured in times.items()}


def _time(school: School, email: str, password: str) -> float:
    """Time one try, which is the first at this account as far as anybody knows."""
    with school.app.app_context():
        db.session.execute(delete(Throttle))
        db.session.commit()
    attacker = school.stranger()
    fields = {"email": email, "password": password, "csrf_token": attacker.token()}
    start = time.perf_counter()
    answer = attacker.post("/login", fields)
    passed = time.perf_counter() - start
    assert answer.status == 422, answer.status
    return passed * 1000


def _tables(times: dict[str, list[float]]) -> Iterator[str]:
    yield "| a sign-in that fails | median, ms | middle half, ms |\n|---|---|---|"
    for case, measured in times.items():
        low, middle, high = statistics.quantiles(measured, n=4)
        yield f"| {case} | {middle:.1f} | {low:.1f} to {high:.1f} |"
    yield "\n| the one against the other | share of pairs in which the one is slower | by chance |  |\n|---|---|---|---|"
    for one, other in combinations(times, 2):
        share, chance = compare(times[one], times[other])
        verdict = "told apart" if chance < UNLIKELY else "not told apart"
        yield f"| {one} against {other} | {share:.3f} | {chance:.2f} | {verdict} |"


def compare(ones: Sequence[float], others: Sequence[float]) -> tuple[float, float]:
    """Give the share of pairs in which the one is larger, and the two-sided probability of one as far from a half by chance.

    Mann and Whitney, "On a Test of Whether one of Two Random Variables is Stochastically Larger than the Other" (1947), by
    its normal approximation; measured times hold no ties worth correcting for.
    """
    larger = sum((one > other) + (one == other) / 2 for one in ones for other in others)
    pairs = len(ones) * len(others)
    z = (larger - pairs / 2) / sqrt(pairs * (len(ones) + len(others) + 1) / 12)
    return larger / pairs, erfc(abs(z) / sqrt(2))


if __name__ == "__main__":
    main()
