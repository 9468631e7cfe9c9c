"""How people join, secure their account and sign in, in a real browser with a real (virtual) security key."""

import re

import pytest
from passlib.totp import TOTP
from playwright.sync_api import Page, expect

HEAD, TEACHER = "head@school.example", "teacher@school.example"
PASSWORD = "correct horse battery staple"


def test_from_the_invitation_to_a_second_factor_that_the_role_needs(server, person, picture):
    head = person()
    set_up(head, server.setup_link())
    head.get_by_role("link", name="Users").click()
    head.get_by_label("E-mail address").fill(TEACHER)
    head.get_by_label("Editor").check()
    picture(head, "1-users")
    head.get_by_role("button", name="Invite").click()
    link = head.get_by_role("main").locator("code").inner_text()
    picture(head, "2-link")
    head.goto("/users")
    head.get_by_label("Editors").check()
    head.get_by_role("button", name="Save").click()
    expect(head.get_by_role("status")).to_contain_text("It is noted")

    teacher = person()
    teacher.goto(link)
    fill_in_new_password(teacher)
    picture(teacher, "3-join")
    teacher.get_by_role("button", name="Set the password").click()
    sign_in(teacher, TEACHER)
    expect(teacher.get_by_role("heading", level=1)).to_have_text("Second factor")
    picture(teacher, "4-second-factor")
    teacher.get_by_role("button", name="Set up an authenticator app").click()
    picture(teacher, "5-authenticator")
    phone = TOTP(teacher.get_by_role("main").locator("code").inner_text().replace("-", ""))
    teacher.get_by_label("Code").fill(phone.generate().token)
    teacher.get_by_role("button", name="Finish setting up").click()
    expect(teacher.get_by_role("status")).to_contain_text("is set up")
    picture(teacher, "6-second-factor-set-up")
    teacher.get_by_role("button", name="Make recovery codes").click()
    picture(teacher, "7-recovery-codes")
    code = teacher.locator(".codes code").first.inner_text()
    teacher.get_by_role("link", name=TEACHER).click()
    picture(teacher, "8-profile")

    again = person()
    again.goto("/students")
    sign_in(again, TEACHER)
    picture(again, "9-code")
    again.get_by_role("link", name="Use a recovery code").click()
    picture(again, "10-recovery")
    again.get_by_label("Recovery code").fill(code)
    again.get_by_role("button", name="Sign in").click()
    expect(again).to_have_url(re.compile("/students$"))

    head.goto("/users")
    head.get_by_role("link", name=TEACHER).click()
    picture(head, "11-user")
    head.get_by_role("button", name=f"Shut {TEACHER} out").click()
    expect(head.get_by_role("status")).to_contain_text("signed out everywhere")
    again.goto("/students")
    expect(again).to_have_url(re.compile("/login"))


@pytest.fixture
def named(server):
    """The server under a name: browsers tie no passkey to a bare address."""
    return server.url.replace("127.0.0.1", "localhost")


def test_a_passkey_instead_of_the_password(server, person, named, picture):
    page = person(base_url=named)
    complaints = complaints_of(page)
    with_security_key(page)
    set_up(page, server.setup_link().replace("127.0.0.1", "localhost"))
    add_passkey(page, "Desk", "Instead of my password", picture)
    page.get_by_role("button", name="Sign out").click()
    page.goto("/students?q=ada")
    picture(page, "login")
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page).to_have_url(re.compile(r"/students\?q=ada$"))
    page.goto("/profile/passkeys")
    picture(page, "passkeys")
    page.get_by_role("button", name="Remove Desk").click()
    expect(page.get_by_role("status")).to_contain_text("The passkey Desk is removed.")
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("button", name="Use a passkey instead").click()
    expect(page.get_by_role("status").last).to_contain_text("Rollbook does not know this passkey.")
    assert complaints == []


def test_a_passkey_after_the_password(server, person, named, picture):
    page = person(base_url=named)
    with_security_key(page)
    set_up(page, server.setup_link().replace("127.0.0.1", "localhost"))
    add_passkey(page, "Blue key", "After my password, as a second factor")
    page.get_by_role("button", name="Sign out").click()
    page.goto("/imports")
    sign_in(page, HEAD)
    expect(page.get_by_role("heading", level=1)).to_have_text("Use your passkey")
    picture(page, "passkey")
    page.goto("/students")
    expect(page).to_have_url(re.compile("/login"))
    sign_in(page, HEAD)
    page.get_by_role("button", name="Use the passkey").click()
    expect(page).to_have_url(re.compile("/students$"))


def test_where_there_is_no_passkey_the_page_says_so_and_offers_to_try_again(server, person, named, picture):
    page = person(base_url=named)
    set_up(page, server.setup_link().replace("127.0.0.1", "localhost"))
    page.get_by_role("button", name="Sign out").click()
    key = with_security_key(page, verified=False)
    page.get_by_role("button", name="Use a passkey instead").click()
    key.send("WebAuthn.disable")
    expect(page.get_by_role("link", name="Try again")).to_be_visible(timeout=70_000)
    expect(page.get_by_role("main")).to_contain_text("Your browser did not get the passkey")
    picture(page, "no-passkey")


def set_up(page: Page, link: str):
    page.goto(link)
    page.get_by_label("E-mail address").fill(HEAD)
    fill_in_new_password(page)
    page.get_by_role("main").get_by_role("button").click()
    expect(page.get_by_role("status")).to_contain_text("Welcome")


def fill_in_new_password(page: Page):
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_label("Password again").fill(PASSWORD)


def sign_in(page: Page, email: str):
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="Sign in", exact=True).click()


def add_passkey(page: Page, name: str, usage: str, picture=None):
    page.goto("/profile/passkeys")
    page.get_by_label("Name").fill(name)
    page.get_by_label(usage).check()
    if picture:
        picture(page, "add-passkey")
    page.get_by_role("button", name="Add the passkey").click()
    expect(page.get_by_role("status")).to_contain_text(f"The passkey {name} is added.")


def with_security_key(page: Page, *, verified: bool = True):
    """Plug a virtual security key into the browser."""
    key = page.context.new_cdp_session(page)
    key.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    key.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"isUserVerified": verified}})
    return key


def complaints_of(page: Page) -> list[str]:
    """Gather what the browser finds wrong."""
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "Content Security Policy" in message.text else None)
    return complaints
