"""How people join, secure their account and sign in, in a real browser with a real (virtual) security key."""

import re

import pytest
from passlib.totp import TOTP
from playwright.sync_api import Page, expect

from tests.browser.test_first_day import complaints_of

HEAD, TEACHER = "head@school.example", "teacher@school.example"
PASSWORD = "correct horse battery staple"


def test_from_the_invitation_to_a_second_factor_that_the_role_needs(server, person, check_page):
    head = person()
    set_up(head, server.setup_link())
    head.get_by_role("link", name="Users").click()
    head.get_by_label("E-mail address").fill(TEACHER)
    head.get_by_role("radio", name="Editor").check()
    check_page(head)
    head.get_by_role("button", name="Invite").click()
    link = head.get_by_role("main").locator("code").inner_text()
    head.goto("/users")
    head.get_by_role("checkbox", name="Editors").check()
    head.get_by_role("region", name="Two-step verification").get_by_role("button", name="Save").click()
    expect(head.locator(".flashes")).to_contain_text("Saved which roles")

    teacher = person()
    teacher.goto(link)
    fill_in_new_password(teacher)
    teacher.get_by_role("button", name="Set the password").click()
    sign_in(teacher, TEACHER)
    expect(teacher.get_by_role("heading", level=1)).to_have_text("Two-step verification")
    check_page(teacher)
    teacher.get_by_role("button", name="Set up an authenticator app").click()
    check_page(teacher)
    phone = TOTP(teacher.get_by_role("main").locator("code").inner_text().replace("-", ""))
    teacher.get_by_label("Code").fill(phone.generate().token)
    teacher.get_by_role("button", name="Finish setting up").click()
    expect(teacher.locator(".flashes")).to_contain_text("is set up")
    teacher.get_by_role("button", name="Create recovery codes").click()
    code = teacher.locator(".codes code").first.inner_text()
    teacher.get_by_role("link", name=TEACHER).click()
    check_page(teacher)
    make_a_token(teacher, check_page)

    again = person()
    again.goto("/students")
    sign_in(again, TEACHER)
    again.get_by_role("link", name="Use a recovery code").click()
    again.get_by_label("Recovery code").fill(code)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_url(re.compile("/students$"))

    head.goto("/users")
    head.get_by_role("link", name=TEACHER).click()
    head.get_by_role("button", name=f"Deactivate {TEACHER}").click()
    expect(head.locator(".flashes")).to_contain_text("signed out everywhere")
    again.goto("/students")
    expect(again).to_have_url(re.compile("/login"))

    head.goto("/users")
    head.get_by_role("link", name="Audit log").click()
    expect(head.get_by_role("table")).to_contain_text("Deactivated a user")
    check_page(head)


def test_passkeys_instead_of_the_password_and_after_it(server, person, check_page):
    # Browsers tie no passkey to a bare address.
    page = person(base_url=server.url.replace("127.0.0.1", "localhost"))
    complaints = complaints_of(page)
    with_security_key(page)
    set_up(page, server.setup_link().replace("127.0.0.1", "localhost"))
    sign_in_with_a_passkey_alone(page, check_page)
    remove_it(page)
    sign_in_with_password_and_passkey(page)
    assert complaints == []


def make_a_token(page: Page, check_page):
    page.get_by_role("link", name="Tokens").click()
    page.get_by_label("Purpose").fill("Timetable")
    page.get_by_role("checkbox", name="Read").check()
    page.get_by_role("button", name="Create the token").click()
    assert page.get_by_role("main").locator("code").first.inner_text().startswith("rollbook_")
    check_page(page)
    page.get_by_role("link", name="Back to the tokens").click()
    expect(page.get_by_role("table")).to_contain_text("Timetable")
    check_page(page)


def sign_in_with_a_passkey_alone(page: Page, check_page):
    add_passkey(page, "Desk", "Instead of my password")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/students?q=ada")
    check_page(page)
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page).to_have_url(re.compile(r"/students\?q=ada$"))


def remove_it(page: Page):
    page.goto("/profile/passkeys")
    page.get_by_role("button", name="Remove Desk").click()
    expect(page.locator(".flashes")).to_contain_text("The passkey Desk is removed.")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.locator(".flashes")).to_contain_text("Rollbook does not know this passkey.")


def sign_in_with_password_and_passkey(page: Page):
    page.goto("/login")
    sign_in(page, HEAD)
    add_passkey(page, "Blue key", "After my password, for two-step verification")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/students")
    sign_in(page, HEAD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Use your passkey")
    page.goto("/students")
    expect(page).to_have_url(re.compile("/login"))
    sign_in(page, HEAD)
    page.get_by_role("button", name="Use the passkey").click()
    expect(page).to_have_url(re.compile("/students$"))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_where_there_is_no_passkey_the_page_says_so_and_offers_to_try_again(server, person):
    page = person(base_url=server.url.replace("127.0.0.1", "localhost"))
    page.add_init_script("navigator.credentials.get = () => Promise.reject(new Error('cancelled'))")
    page.goto("/login")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("link", name="Try again")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("Your browser did not get a passkey")


def set_up(page: Page, link: str):
    page.goto(link)
    page.get_by_label("E-mail address").fill(HEAD)
    fill_in_new_password(page)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.locator(".flashes")).to_contain_text("Welcome")


def fill_in_new_password(page: Page):
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)


def sign_in(page: Page, email: str):
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


def add_passkey(page: Page, name: str, usage: str):
    page.goto("/profile/passkeys")
    page.get_by_label("Name").fill(name)
    page.get_by_label(usage).check()
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.locator(".flashes")).to_contain_text(f"The passkey {name} is added.")


def with_security_key(page: Page):
    """Plug a virtual security key into the browser."""
    key = page.context.new_cdp_session(page)
    key.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    key.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"isUserVerified": True}})
