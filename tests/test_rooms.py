"""No room reaches into one that it may not: DESIGN's table, held against the imports in the code."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = (
    "accounts",
    "app",
    "audit",
    "audit_outbox",
    "backup",
    "cli",
    "config",
    "database",
    "database_move",
    "database_url",
    "demo",
    "doctor",
    "disk_room",
    "documents",
    "forms",
    "logs",
    "mailboxes",
    "memory",
    "merge",
    "models",
    "school",
    "server",
    "text_bounds",
    "time_zones",
    "vacuum",
    "watch",
    "web",
    "words",
    "worker",
    "write_queue",
    "connections",
    "import_process",
    "outgoing",
    "people",
    "request_reader",
    "spool",
)
WEB_LIBRARIES = {"flask", "flask_security", "flask_wtf", "wtforms", "werkzeug", "flask_migrate", "flask_login"}

MAY_IMPORT = {
    "config": {"database_url", "time_zones"},
    "database_url": set(),
    "database_move": {"database", "merge", "models"},
    "database": {"write_queue"},
    "write_queue": set(),
    "backup": set(),
    "doctor": {"config", "database", "disk_room", "words"},
    "vacuum": {"database"},
    "text_bounds": set(),
    "time_zones": set(),
    "school": {"models", "time_zones"},
    "mailboxes": {"text_bounds"},
    "memory": set(),
    "people": {"mailboxes", "text_bounds", "words"},
    "words": set(),
    "logs": set(),
    "audit_outbox": {"database", "documents", "models"},
    "disk_room": set(),
    "documents": set(),
    "models": {"database", "documents", "words"},
    "audit": {"models"},
    # What an import did and the entry that says so are one transaction.
    "merge": {"merge", "text_bounds", "models", "audit", "database", "documents", "people", "time_zones", "vacuum", "words"},
    "forms": {"merge", "text_bounds", "words"},
    "accounts": {"mailboxes", "models", "audit", "database", "people", "school", "words"},
    "demo": {"merge"},
    # A folder is looked at as the worker runs: beside the server, or by itself.
    "watch": {"merge", "models", "database", "worker"},
    "worker": {"merge", "models", "database", "accounts", "audit", "audit_outbox", "memory", "school", "words"},
    "cli": set(ROOMS) - {"web", "app"},
    "web": {
        "web",
        "demo",
        "forms",
        "mailboxes",
        "merge",
        "models",
        "accounts",
        "audit",
        "audit_outbox",
        "config",
        "database",
        "disk_room",
        "documents",
        "logs",
        "people",
        "school",
        "spool",
        "time_zones",
        "words",
        "text_bounds",
    },
    "server": {"connections", "import_process", "outgoing", "request_reader", "web"},
    "outgoing": {"request_reader"},
    "connections": {"request_reader"},
    "import_process": {"worker"},
    "request_reader": set(),
    "spool": set(),
    "app": set(ROOMS),
}


def modules():
    files = [*ROOT.glob("*.py"), *ROOT.glob("cli/*.py"), *ROOT.glob("merge/**/*.py"), *ROOT.glob("web/**/*.py")]
    return sorted(file.relative_to(ROOT) for file in files if file.name != "gunicorn.conf.py")


def imports(module: Path) -> set[str]:
    """Name the packages that a module imports, wherever in it."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / module).read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("module", modules(), ids=str)
def test_a_room_imports_only_what_it_may(module):
    room = module.parts[0].removesuffix(".py")
    assert imports(module) & set(ROOMS) <= MAY_IMPORT[room]


@pytest.mark.parametrize("module", [module for module in modules() if module.parts[0] == "merge"], ids=str)
def test_the_core_knows_nothing_of_the_web(module):
    assert not imports(module) & WEB_LIBRARIES


def test_settings_are_read_without_the_web():
    assert not (imports(Path("config.py")) | imports(Path("database_url.py"))) & WEB_LIBRARIES
