"""What the pictures of pages notice, and what they let pass."""

import pytest

from tests.browser import looks

PAGE = "<!doctype html><p>Students</p><p>Uploaded <time>{}</time></p><button>{}</button>"


@pytest.fixture
def differs(chromium, tmp_path, monkeypatch):
    """Tell whether this page looks different from one that was kept: differs(PAGE.format("1 May", "Save"))."""
    monkeypatch.setattr(looks, "KEPT", tmp_path / "kept")
    page = chromium.new_page()

    def take(html, *, renew):
        monkeypatch.setattr(looks, "RENEW", renew)
        seen = looks.Looks("page", tmp_path, comparable=True)
        page.set_content(html)
        seen.take(page, "wide")
        return seen.changed

    take(PAGE.format("1 May", "Save"), renew=True)
    yield lambda html: bool(take(html, renew=False))
    page.close()


def test_a_page_that_looks_as_it_was_kept_passes_whatever_moment_it_names(differs):
    assert not differs(PAGE.format("1 May", "Save"))
    assert not differs(PAGE.format("30 September", "Save"))


@pytest.mark.parametrize(
    "html",
    [
        PAGE.format("1 May", "Keep"),
        PAGE.format("1 May", "Save").replace("<button>", "<button style='color: #777'>"),
        PAGE.format("1 May", "Save").replace("<p>", "<p style='margin: 20px'>"),
        PAGE.format("1 May", "Save") + "<p>One more",
    ],
)
def test_another_word_colour_place_or_part_is_noticed(differs, html):
    assert differs(html)


def test_a_page_that_was_never_kept_is_noticed(chromium, tmp_path, monkeypatch):
    monkeypatch.setattr(looks, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(looks, "RENEW", False)
    page = chromium.new_page()
    seen = looks.Looks("page", tmp_path, comparable=True)
    seen.take(page, "wide")
    with pytest.raises(AssertionError, match="make pictures"):
        seen.check()
    page.close()
