"""Somebody reads Rollbook in another language: in words, numbers and dates."""

from playwright.sync_api import expect

from tests.browser.test_first_day import set_up


def test_a_day_in_german(server, person):
    page = person()
    set_up(page, server.setup_link())
    page.get_by_role("contentinfo").get_by_role("button", name="Deutsch").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Übersicht")
    page.get_by_role("link", name="Schülerin oder Schüler hinzufügen").click()
    page.get_by_label("Name").fill("Ada Lovelace")
    page.get_by_label("Punktzahl").fill("85.5")
    page.get_by_role("button", name="Hinzufügen", exact=True).click()
    expect(page.locator("#error-summary")).to_contain_text(
        "„85.5“ ist keine Zahl. Dezimalen werden hier mit einem Komma geschrieben."
    )
    page.get_by_label("Punktzahl").fill("85,5")
    with page.expect_navigation():
        page.get_by_role("button", name="Hinzufügen", exact=True).click()
    expect(page.get_by_label("Punktzahl")).to_have_value("85,5")
    page.goto("/students")
    cell = page.get_by_role("cell", name="85,5")
    cell.dblclick()
    page.keyboard.type("90,25")
    page.keyboard.press("Enter")
    expect(page.get_by_role("cell", name="90,25")).to_be_visible()
    page.goto("/students?min_score=90.25")
    expect(page.get_by_role("link", name="Punktzahl mindestens 90,25")).to_be_visible()
    page.get_by_role("contentinfo").get_by_role("button", name="English").click()
    expect(page.get_by_role("cell", name="90.25")).to_be_visible()
