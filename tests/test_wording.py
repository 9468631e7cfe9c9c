"""Pages and documents speak in one voice: short labels, short buttons, and one term for one thing."""

import ast
import re
from html.parser import HTMLParser

import pytest
from jinja2 import nodes

from tests.test_words import LANGUAGES, ROOT, TEMPLATES, Walk, jinja, kept, marked, strings

__all__ = ["jinja", "marked"]

MAX_LABEL, MAX_BUTTON, TRANSLATED = 40, 30, 1.4
MAX_LENGTHS = {"label": MAX_LABEL, "button": MAX_BUTTON}
ELEMENTS = {"label": "label", "legend": "label", "th": "label", "dt": "label", "button": "button", "summary": "button"}
# Which argument of a macro is what a person reads.
MACROS = {
    "button": ("button", 0, "label"),
    "button_link": ("button", 0, "label"),
    "act": ("button", 1, "label"),
    "field": ("label", 1, "label"),
    "radios": ("label", 1, "legend"),
}
# What is not said, and what is said instead: the glossary of pages.
GLOSSARY = {
    r"\b(some|any|no|every)body\b": "someone, anyone, no one, all staff",
    r"\bwho(so)?ever\b": "anyone who; or the role",
    r"\bwhat (became|becomes) of\b": "result",
    r"\b(is|are|was|were) standing\b|\bstood\b|\bstands as\b": "is, appears; status",
    r"\b(brings?|bringing|brought) (it |them |\w+ )?back\b": "restore",
    r"\b(takes?|taking|taken) (it |them )?back\b": "undo",
    r"\b(let|lets|letting) (in|go)\b|\bshut out\b": "deactivate, reactivate; sign in; delete",
    r"\bwip(e|ed|ing) out\b|\bdropped\b": "delete; erase",
    r"\bhand(s|ed|ing)? out\b": "export",
    r"\btaken in\b": "we couldn’t read this file",
    r"\bheld back\b": "in conflict, needs review",
    r"\bleft out\b": "skipped",
    r"\bticked\b|\btick the\b": "select, selected",
    r"\bin force\b|\bholds until\b": "active, expires",
    r"\bsecond factors?\b": "two-step verification",
    r"\bmade[- ]up\b": "sample",
    r"\bmoments?\b": "date and time",
    r"(?<!there )\b(is|are) no (student|sheet|moment|day|text|number)s?\b": "is not a …",
    r"\bso far\b|\ball is well\b": "(nothing)",
    r"\bchips?\b": "filters",
}
# Rules of other bodies keep their own terms, and a release's changes name what was there before it.
DOCUMENTS = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "deploy" / "README.md"} - {ROOT / "docs" / "asvs.md"})


@pytest.fixture(scope="module")
def said(jinja):
    """Every label and button of the templates and the forms, as (kind, sentence)."""
    found = {label for template in TEMPLATES for label in labels_of_template(template.read_text(), jinja)}
    for module in ("forms.py", "web/account_forms.py"):
        found |= labels_of_python((ROOT / module).read_text())
    return found


def test_label_and_button_are_short(said):
    assert len(said) > 150
    assert not [(kind, text) for kind, text in said if len(text) > MAX_LENGTHS[kind]]


@pytest.mark.parametrize("language", LANGUAGES)
def test_translated_label_and_button_are_short(said, language):
    catalog = {id_: text for message in kept(language) for id_, text in zip(ids(message), strings(message), strict=False)}
    told = [(kind, catalog.get(text, text)) for kind, text in said]
    assert not [(kind, text) for kind, text in told if len(text) > TRANSLATED * MAX_LENGTHS[kind]]


@pytest.mark.parametrize("wrong", GLOSSARY)
def test_sentence_uses_the_terms_of_the_glossary(marked, wrong):
    texts = {text for sentence in marked for text in ([sentence] if isinstance(sentence, str) else sentence)}
    assert not [text for text in texts if re.search(wrong, text, re.IGNORECASE)], f"Say instead: {GLOSSARY[wrong]}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: str(document.relative_to(ROOT)))
def test_document_uses_the_terms_of_the_glossary(document):
    prose = re.sub(r"```.*?```|`[^`\n]*`", "", document.read_text(), flags=re.DOTALL)
    found = {wrong: match[0] for wrong in GLOSSARY if (match := re.search(wrong, prose, re.IGNORECASE))}
    assert not found, {match: GLOSSARY[wrong] for wrong, match in found.items()}


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("<label>{{ _('How far it is') }}</label>", ("label", "How far it is")),
        ("<p><button>{{ icon('x') }} {{ _('Save') }}</button></p>", ("button", "Save")),
        ("{{ button(_('Add') if x else _('Restore')) }}", ("button", "Restore")),
        ("{{ act(url, label=_('Revoke')) }}", ("button", "Revoke")),
    ],
)
def test_label_in_a_template_is_found(jinja, source, found):
    assert found in labels_of_template(source, jinja)


def labels_of_template(source, environment):
    page = environment.parse(source)
    walk, texts = Sayings(), Labels()
    walk.visit(page)
    texts.feed("".join(walk.text))
    return texts.found | {label for call in page.find_all(nodes.Call) for label in _of_macro(call)}


def labels_of_python(source):
    """Give the labels of a form's fields: what is said later in the first argument of a field."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    fields = [call.args[0] for call in calls if re.search(r"(Field|\bname_field)$", ast.unparse(call.func))]
    said = [first.args[0] for first in fields if isinstance(first, ast.Call) and ast.unparse(first.func) == "later"]
    return {("label", text.value) for text in said if isinstance(text, ast.Constant)}


class Sayings(Walk):
    """Write a template's own text together with the sentences in it."""

    def visit_Output(self, node):  # noqa: N802  Jinja's names
        for child in node.nodes:
            if isinstance(child, nodes.TemplateData):
                self.visit(child)
            elif not (isinstance(child, nodes.Call) and getattr(child.node, "name", "") in MACROS):
                self.text += sentences(child)


class Labels(HTMLParser):
    """Collect what is in the elements that name a field, a column or an act."""

    def __init__(self):
        super().__init__()
        self.found, self.within = set(), []

    def handle_starttag(self, tag, _attrs):
        if tag in ELEMENTS:
            self.within.append(ELEMENTS[tag])

    def handle_endtag(self, tag):
        if tag in ELEMENTS and self.within:
            self.within.pop()

    def handle_data(self, data):
        if self.within and data.strip():
            self.found.add((self.within[-1], data.strip()))


def _of_macro(call):
    name = getattr(call.node, "name", "")
    if name in MACROS:
        kind, place, keyword = MACROS[name]
        given = [*call.args[place : place + 1], *(argument.value for argument in call.kwargs if argument.key == keyword)]
        for expression in given:
            yield from ((kind, text) for text in sentences(expression))


def sentences(expression):
    """Give the sentences of an expression of Jinja, each one and its plural."""
    calls = [*expression.find_all(nodes.Call), *([expression] if isinstance(expression, nodes.Call) else [])]
    said = [call for call in calls if getattr(call.node, "name", "") in ("_", "gettext", "ngettext")]
    return [
        text.value for call in said for text in call.args[:2] if isinstance(text, nodes.Const) and isinstance(text.value, str)
    ]


def ids(message):
    return [message.id] if isinstance(message.id, str) else list(message.id)
