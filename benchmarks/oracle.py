"""How often an import takes a row for another student, or asks without need: python -m benchmarks.oracle [CLASSES]"""

import sys
import tempfile
from pathlib import Path
from random import Random

from flask_migrate import upgrade

from benchmarks.workload import make_app
from models import db
from tests.merge import oracle
from tests.merge.oracle import Judged

CLASSES = 20
SEED = 18
PAGE = Path(__file__).parent / "oracle.md"
HEADING = "| sheet | " + " | ".join(oracle.WRITINGS) + " |"
INTRODUCTION = """# Who is who
Made by `python -m benchmarks.oracle`: classes of twelve with siblings, twins, namesakes and double surnames are stored, and
sheets about them imported by somebody who applies what is offered, answers no question and confirms no row.
Each cell says how many rows were **put on another student** (or made a second record of one), and what share of the rows was
held: in review, or since the sheet was asked about. The last table has the rows that were held where nothing could be doubted.

"""


def main(classes: int) -> None:
    judged = {
        (ids, kind, writing): _judge(classes, kind, writing, ids=ids)
        for ids in (True, False)
        for kind in _kinds(ids=ids)
        for writing in oracle.WRITINGS
    }
    lines = []
    for ids, title in ((True, "With IDs:"), (False, "By name:")):
        lines += ["", title, "", HEADING, "|---" * (len(oracle.WRITINGS) + 1) + "|"]
        for kind in _kinds(ids=ids):
            cells = [_cell(judged[ids, kind, writing]) for writing in oracle.WRITINGS]
            lines.append(f"| {kind} | {' | '.join(cells)} |")
    lines += [
        "",
        "Held without need, on sheets that only changed values:",
        "",
        HEADING,
        "|---" * (len(oracle.WRITINGS) + 1) + "|",
    ]
    for ids, title in ((True, "with IDs"), (False, "by name")):
        cells = [_share(judged[ids, "other values", writing], "needless") for writing in oracle.WRITINGS]
        lines.append(f"| {title} | {' | '.join(cells)} |")
    silent = [sentence for runs in judged.values() for run in runs for sentence in run.wrong]
    lines += [
        "",
        f"Rows: {sum(run.rows for runs in judged.values() for run in runs):,}. Silently wrong: {len(silent)}.",
        *silent[:20],
    ]
    print("\n".join(lines))
    PAGE.write_text(INTRODUCTION + "\n".join(lines).strip() + "\n")
    sys.exit(bool(silent))


def _kinds(*, ids: bool) -> tuple[str, ...]:
    return tuple(oracle.KINDS) if ids else oracle.BY_NAME


def _judge(classes: int, kind: str, writing: str, *, ids: bool) -> list[Judged]:
    with APP.app_context():
        random = Random(f"{SEED} {ids} {kind} {writing}")
        judged = [oracle.judge(db.session(), APP.config["UPLOADS"], random, kind, writing, ids=ids) for _ in range(classes)]
        db.session.remove()
    return judged


def _cell(judged: list[Judged]) -> str:
    return f"{sum(len(run.wrong) for run in judged)}, {_share(judged, 'held')}"


def _share(judged: list[Judged], what: str) -> str:
    return f"{sum(getattr(run, what) for run in judged) / sum(run.rows for run in judged):.0%}"


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        APP = make_app(Path(folder), f"sqlite:///{folder}/students.db")
        with APP.app_context():
            upgrade()
        main(int(sys.argv[1]) if sys.argv[1:] else CLASSES)
