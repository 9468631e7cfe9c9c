"""Write the page of all settings from config.py: python -m docs.settings"""

from pathlib import Path

from config import SETTINGS

PAGE = Path(__file__).parent / "settings.md"
INTRODUCTION = """# Settings
Made from `config.py` by `python -m docs.settings`. Each is a variable of the environment, and none has to be set; Rollbook does
not start with a value that it can't use, and says which it is.

| setting | default | what it does |
|---|---|---|
"""


def page() -> str:
    """Give the page as it has to be."""
    lines = [f"| `{name}` | {default} | {does} |" for name, default, does in SETTINGS]
    return INTRODUCTION + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
