"""The tutorial holds: what docs/add-a-column.md says is done to a copy of Rollbook, which then has the column everywhere."""

import os
import re
import shutil
import subprocess
import sys

from tests.server import ROOT

TUTORIAL = (ROOT / "docs" / "add-a-column.md").read_text()
LEFT_OUT = shutil.ignore_patterns(".*", "instance", "output", "docs", "benchmarks", "__pycache__")


def test_one_line_and_one_migration_give_students_an_email_address(tmp_path):
    copy = tmp_path / "rollbook"
    shutil.copytree(ROOT, copy, ignore=LEFT_OUT)
    _run(copy, "flask", "db", "upgrade")
    _run(copy, "flask", "demo", "20")
    (line,) = re.findall(r"```python\n\s*(.+)", TUTORIAL)
    models = (copy / "models.py").read_text()
    (copy / "models.py").write_text(models.replace("    version: Mapped[int]", f"    {line}\n\n    version: Mapped[int]", 1))
    for command in re.findall(r"\.venv/bin/flask (.+)", TUTORIAL.split("```sh")[1].split("```")[0]):
        _run(copy, "flask", *re.sub('"', "", command).split(" ", 3))
    shutil.copy(ROOT / "tests" / "tutorial" / "email.py", copy / "tests" / "web" / "test_email.py")
    _run(copy, "pytest", "-q", "-p", "no:cacheprovider", "tests/web/test_email.py", "tests/test_migrations.py")
    _run(copy, "flask", "db", "downgrade")
    (copy / "models.py").write_text(models)
    _run(copy, "flask", "verify")


def _run(copy, *arguments):
    """Run a module there, without the settings of whoever runs the tests."""
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=copy, env={"PATH": os.environ["PATH"]}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
