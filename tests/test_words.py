"""Every sentence that a person reads is marked for translation, and is translated whole into every language."""

import ast
import io
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po
from flask import Flask
from jinja2 import nodes
from jinja2.visitor import NodeVisitor

import words
from web.language import register_language

ROOT = Path(__file__).parent.parent
# The style guide is for those who work on Rollbook.
TEMPLATES = sorted(set(ROOT.glob("templates/**/*.html")) - {ROOT / "templates/styleguide/show.html"})
SAYING = {"_", "gettext", "ngettext", "later"}
READ_ALOUD = {"aria-label", "alt", "title", "placeholder", "label"}
# Names, and what is the same in every language.
NOT_WORDS = re.compile(r"Rollbook|CSV|Excel|UTC|ID|&\w+;")
# An expression's own place in a page: neither word nor markup.
GAP = "\N{WHITE SQUARE}"
CLASSES = {"page_kind"}
CLASS = re.compile(r"[a-z -]*-[a-z -]*")
SENTENCE = re.compile(r"^[A-Z][a-z]+$|[a-z’'] [a-z]|^[A-Z][a-z’']+ ")


class Texts(HTMLParser):
    """Collect what a page lets people read: its text, and the attributes that are read aloud."""

    def __init__(self) -> None:
        super().__init__()
        self.found = []
        self.code = 0

    def handle_starttag(self, tag, attrs):
        self.code += tag in ("kbd", "code", "script")
        self.found += [value for name, value in attrs if value and (name in READ_ALOUD or (name or "").startswith("data-say"))]

    def handle_endtag(self, tag):
        self.code -= tag in ("kbd", "code", "script")

    def handle_data(self, data):
        if not self.code:
            self.found.append(data)


class Walk(NodeVisitor):
    """Write a template's own text with a gap for each expression, and collect the sentences in its expressions."""

    def __init__(self) -> None:
        self.text = []
        self.sentences = []

    def visit_TemplateData(self, node):  # noqa: N802  Jinja's names
        self.text.append(node.data)

    def visit_Output(self, node):  # noqa: N802
        for child in node.nodes:
            if not isinstance(child, nodes.TemplateData):
                self.text.append(GAP)
            self.visit(child)

    def visit_Block(self, node):  # noqa: N802
        if node.name not in CLASSES:
            self.generic_visit(node)

    def visit_Call(self, node):  # noqa: N802
        if not (isinstance(node.node, nodes.Name) and node.node.name in SAYING):
            self.generic_visit(node)
        else:
            for argument in node.kwargs:
                self.visit(argument)

    def visit_Const(self, node):  # noqa: N802
        if isinstance(node.value, str) and SENTENCE.search(node.value) and not CLASS.fullmatch(node.value):
            self.sentences.append(node.value)


def unmarked_in_template(source: str, environment) -> list[str]:
    """Give what a template says without marking it."""
    walk = Walk()
    walk.visit(environment.parse(source))
    texts = Texts()
    texts.feed("".join(walk.text))
    said = [text.replace(GAP, " ").strip() for text in texts.found]
    return [text for text in said if re.search(r"[^\W\d_]{2}", NOT_WORDS.sub("", text))] + walk.sentences


@pytest.fixture(scope="module")
def jinja():
    app = Flask("words")
    register_language(app)
    return app.jinja_env


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: str(template.relative_to(ROOT / "templates")))
def test_a_template_says_nothing_unmarked(template, jinja):
    assert not unmarked_in_template(template.read_text(), jinja)


@pytest.mark.parametrize(
    "source",
    ["<p>Hello there</p>", '<p aria-label="Hello">{{ x }}</p>', "{{ button('Save it') }}", "<p>{{ 'Yes' if x else 'No' }}</p>"],
)
def test_an_unmarked_sentence_is_found(source, jinja):
    assert unmarked_in_template(source, jinja)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: str(template.relative_to(ROOT / "templates")))
def test_no_sentence_is_said_once_for_all_readers(template, jinja):
    """What a template that others import sets at its top is worked out once: there a sentence has to be said `later`."""
    page = jinja.parse(template.read_text())
    if any(isinstance(node, nodes.Macro) for node in page.body) and page.find(nodes.Extends) is None:
        calls = [call for assigned in page.body if isinstance(assigned, nodes.Assign) for call in assigned.find_all(nodes.Call)]
        assert not [call for call in calls if isinstance(call.node, nodes.Name) and call.node.name in SAYING - {"later"}]


# What Python's modules say to people. Commands, settings and logs are for whoever runs Rollbook, and stay in English.
FOR_WHOEVER_RUNS_IT = {
    "merge/report.py",
    "web/openapi.py",
    "merge/search.py",
    "merge/verify.py",
    "web/metrics.py",
    "web/processes.py",
    "web/health.py",
}
MODULES = sorted(
    {
        str(file.relative_to(ROOT))
        for room in ("forms.py", "models.py", "merge/**/*.py", "web/**/*.py")
        for file in ROOT.glob(room)
    }
)
SILENT = {
    "compile",
    "debug",
    "info",
    "warning",
    "error",
    "exception",
    "RuntimeError",
    "ValueError",
    "TypeError",
    "Counter",
    "Gauge",
}
SAID = re.compile(r"[a-z’'] [a-z].*[a-z0-9”)][.?!]$", re.DOTALL)


def unmarked_in_python(source: str) -> list[str]:
    """Give the whole sentences that a module holds and does not mark. A phrase without a full stop can't be told from a name."""
    tree = ast.parse(source)
    passed = set()
    for node in ast.walk(tree):
        silent = isinstance(node, ast.Call) and _called(node) in SAYING | SILENT
        if silent or isinstance(node, ast.Expr | ast.Compare | ast.Assert) or _is_all(node):
            passed |= {id(child) for child in ast.walk(node) if not isinstance(node, ast.Expr) or node.value is child}
    texts = [node for node in ast.walk(tree) if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in passed]
    inside = {id(child) for node in texts if isinstance(node, ast.JoinedStr) for child in ast.walk(node) if child is not node}
    return [text for node in texts if id(node) not in inside and SAID.search(text := _written(node))]


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _is_all(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "__all__" for target in node.targets)


def _written(node: ast.Constant | ast.JoinedStr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "x" for part in node.values)
    return node.value if isinstance(node.value, str) else ""


@pytest.mark.parametrize("module", [module for module in MODULES if module not in FOR_WHOEVER_RUNS_IT])
def test_a_module_says_nothing_unmarked(module):
    assert not unmarked_in_python((ROOT / module).read_text())


@pytest.mark.parametrize("source", ['flash("That is saved.")', 'flash(f"{name} is saved.")', 'A = {"x": "This is wrong."}'])
def test_an_unmarked_sentence_of_python_is_found(source):
    assert unmarked_in_python(source)


LANGUAGES = sorted(set(words.LANGUAGES) - {words.SOURCE})
PLACE = re.compile(r"%\((\w+)\)[sd]|\{\w+\}|%%|</?\w[^>]*>")


@pytest.fixture(scope="module")
def marked():
    """Every sentence that the code marks, as `make words` finds them."""
    keywords = {**DEFAULT_KEYWORDS, "later": None}
    methods, options = parse_mapping_cfg(io.StringIO((ROOT / "babel.cfg").read_text()))
    found = extract_from_dir(ROOT, methods, options, keywords)
    return {message if isinstance(message, str) else tuple(message) for _, _, message, _, _ in found}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_sentence_is_translated(language, marked):
    catalog = {message.id if isinstance(message.id, str) else tuple(message.id): message for message in kept(language)}
    untranslated = [text for text in marked if text not in catalog or not all(strings(catalog[text])) or catalog[text].fuzzy]
    assert not untranslated, "Run `make words`, and translate what is new."


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_translated_that_nobody_says(language, marked):
    assert not [message.id for message in kept(language) if message.id not in marked], "`make words` drops it."


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_keeps_the_gaps_and_the_markup(language):
    for message in kept(language):
        source = [message.id] if isinstance(message.id, str) else list(message.id)
        gaps = sorted(match[0] for match in PLACE.finditer(source[-1]))
        for string in strings(message):
            assert sorted(match[0] for match in PLACE.finditer(string)) == gaps, string


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_translation_can_stand_wherever_its_sentence_does(language):
    """No quotation mark ends an attribute, a lone percent sign opens no gap, and the same stop ends it."""
    for message in kept(language):
        for string in strings(message):
            bare = re.sub(r"<[^>]+>", "", string)
            assert '"' not in bare
            assert "%" not in re.sub(r"%\(\w+\)[sd]|%%", "", bare)
            assert string == string.strip()


def kept(language: str) -> list[Message]:
    with (words.FOLDER / language / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return [message for message in read_po(file, locale=language) if message.id]


def strings(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)
