"""Chromium and Firefox, driven in the same few steps that a person takes.

Playwright drives the Chromium of the system, but only a Firefox of its own. The system's Firefox is driven by
Marionette, Mozilla's own protocol, which needs no other program beside it.
"""

import shutil
import sqlite3
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from marionette_driver import By, errors
from marionette_driver.keys import Keys
from marionette_driver.marionette import ActionSequence, Marionette, WebElement
from playwright.sync_api import Browser, Error, Page

from tests.cluster import wait_until
from tests.server import ARGUMENTS, CHROMIUMS

FIREFOXES = ("firefox-esr", "firefox")
PATIENCE_S = 15
START_S = 90
MAIN = "//main//*[self::a or self::button][normalize-space(.)={0}]"
ANYWHERE = "//*[self::a or self::button][normalize-space(.)={0}]"
FIELD = "//*[@name={0}][not(@type='hidden')]"
ENTER, TAB, ESCAPE = "Enter", "Tab", "Escape"
KEYS = {ENTER: Keys.ENTER, TAB: Keys.TAB, ESCAPE: Keys.ESCAPE}

# What an input method does in Firefox. Enter is told to the page as such, which asks more of it than what most of them do.
COMPOSE = """
    const method = Cc["@mozilla.org/text-input-processor;1"].createInstance(Ci.nsITextInputProcessor);
    if (!method.beginInputTransactionForTests(window)) throw new Error("no input method");
    method.setPendingCompositionString(arguments[0]);
    method.appendClauseToPendingComposition(arguments[0].length, method.ATTR_RAW_CLAUSE);
    method.flushPendingComposition();
    const enter = new KeyboardEvent("keydown", { key: "Enter", code: "Enter", keyCode: KeyboardEvent.DOM_VK_RETURN });
    method.commitComposition(enter, method.KEY_DONT_MARK_KEYDOWN_AS_PROCESSED);
"""

SUGGESTIONS = """
    const { FormHistory } = ChromeUtils.importESModule("resource://gre/modules/FormHistory.sys.mjs");
    FormHistory.search(["fieldname", "value"], {}).then(arguments[0]);
"""


class Driver(ABC):
    """A window with tabs, and somebody before it."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def open(self, path: str) -> None:
        """Open a page of ours, or of another site by its whole address."""

    @abstractmethod
    def run(self, script: str) -> Any:
        """Give what an expression is on the page."""

    @abstractmethod
    def fill(self, name: str, text: str) -> None:
        """Type into a field, over what stands in it; choose in a list, tick a box, or choose a file."""

    @abstractmethod
    def click(self, xpath: str) -> None: ...

    @abstractmethod
    def double_click(self, selector: str) -> None: ...

    @abstractmethod
    def press(self, key: str) -> None:
        """Press a key where the focus is."""

    @abstractmethod
    def press_with_control(self, key: str) -> None:
        """Press a key while Control is held down."""

    @abstractmethod
    def type(self, text: str) -> None:
        """Type where the focus is."""

    @abstractmethod
    def compose(self, text: str) -> None:
        """Put a text together as with an input method, where the focus is, and end it with Enter."""

    @abstractmethod
    def back(self) -> None: ...

    @abstractmethod
    def new_tab(self, path: str) -> None:
        """Open a tab, and turn to it."""

    @abstractmethod
    def turn_to(self, tab: int) -> None: ...

    @abstractmethod
    def cookie(self, name: str) -> str: ...

    @abstractmethod
    def set_cookie(self, name: str, value: str) -> None:
        """Set a cookie; to "" to delete it."""

    def choose(self, label: str) -> None:
        """Click on the button or link with this label, in the page's main part if there is one."""
        quoted = _quoted(label)
        in_main = self.run(f"!!document.evaluate({MAIN.format(quoted)!r}, document, null, 9, null).singleNodeValue")
        self.click((MAIN if in_main else ANYWHERE).format(quoted))

    def value(self, name: str) -> str:
        """Give what stands in a field, or which of its choices is chosen."""
        field = f"""[...document.getElementsByName({name!r})]"""
        chosen = f"({field}.find((one) => one.type !== 'radio' && one.type !== 'checkbox' || one.checked))"
        return str(self.run(f"{chosen}?.value ?? ''"))

    def has_no_connection(self) -> bool:
        """Tell whether the browser says before long that it can't reach the server."""
        return self.until(lambda: self.run("document.documentURI").startswith(("chrome-error:", "about:neterror")))

    def until(self, condition: Callable[[], Any]) -> bool:
        """Tell whether a condition holds before long, while pages come and go."""

        def holds() -> Any:
            with suppress(Error, errors.MarionetteException):
                return condition()

        return wait_until(holds, PATIENCE_S)

    def has(self, text: str) -> bool:
        """Tell whether the page shows a text before long."""
        return self.until(lambda: text in str(self.run("document.body.innerText")))

    @property
    def text(self) -> str:
        with suppress(Error, errors.MarionetteException):
            return str(self.run("document.body.innerText"))
        return ""

    @property
    def address(self) -> str:
        return str(self.run("location.href")).removeprefix(self.url)

    def sign_in(self, email: str, password: str, path: str = "/login") -> None:
        self.open(path)
        self.fill("email", email)
        self.fill("password", password)
        self.choose("Sign in")
        assert self.until(lambda: "/login" not in self.address), self.text


class Chromium(Driver):
    def __init__(self, page: Page, url: str) -> None:
        super().__init__(url)
        self.page = page
        self.page.set_default_timeout(PATIENCE_S * 1_000)
        page.context.on("page", lambda tab: tab.on("dialog", lambda dialog: dialog.accept()))
        page.on("dialog", lambda dialog: dialog.accept())

    def open(self, path: str) -> None:
        self.page.goto(path)

    def run(self, script: str) -> Any:
        return self.page.evaluate(script)

    def fill(self, name: str, text: str) -> None:
        kind = self.run(f"document.getElementsByName({name!r})[0]?.type ?? ''")
        field = self.page.locator(f"xpath={_field(name, kind, text)}").first
        if kind in ("radio", "checkbox"):
            field.check()
        elif kind == "select-one":
            field.select_option(text)
        elif kind == "file":
            field.set_input_files(text)
        else:
            field.fill("")
            field.press_sequentially(text)

    def click(self, xpath: str) -> None:
        self.page.locator(f"xpath={xpath}").first.click()
        with suppress(Error):
            self.page.wait_for_load_state()

    def double_click(self, selector: str) -> None:
        self.page.locator(selector).first.dblclick()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def press_with_control(self, key: str) -> None:
        self.page.keyboard.press(f"Control+{key}")

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def compose(self, text: str) -> None:
        keyboard = self.page.context.new_cdp_session(self.page)
        keyboard.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})
        self.press(ENTER)
        keyboard.send("Input.insertText", {"text": text})

    def back(self) -> None:
        self.page.go_back()

    def new_tab(self, path: str) -> None:
        self.page = self.page.context.new_page()
        self.page.goto(path)

    def turn_to(self, tab: int) -> None:
        assert wait_until(lambda: len(self.page.context.pages) > tab or self.page.wait_for_timeout(20), PATIENCE_S)
        self.page = self.page.context.pages[tab]
        self.page.wait_for_load_state()

    def cookie(self, name: str) -> str:
        return next((each["value"] for each in self.page.context.cookies() if each["name"] == name), "")

    def set_cookie(self, name: str, value: str) -> None:
        self.page.context.clear_cookies(name=name)
        if value:
            self.page.context.add_cookies([{"name": name, "value": value, "url": self.url}])


@contextmanager
def lasting_chromium(browser: Browser, profile: Path, url: str) -> Iterator[Chromium]:
    """Open a window that writes to the disk what a browser does that somebody uses every day."""
    # Chromium's shell without a window suggests nothing.
    program = next(filter(None, (shutil.which(name) for name in CHROMIUMS if "shell" not in name)), None)
    assert program, "Chromium with its window is not installed: install chromium."
    with browser.browser_type.launch_persistent_context(
        profile, executable_path=program, args=ARGUMENTS, base_url=url
    ) as context:
        yield Chromium(context.new_page(), url)


def suggestions_of_chromium(profile: Path) -> set[tuple[str, str]]:
    """Give the names and texts of fields that it would suggest to whoever types there next."""
    with tempfile.TemporaryDirectory() as copy:
        for file in (profile / "Default").glob("Web Data*"):  # and its log: the browser has locked them
            shutil.copy(file, copy)
        with suppress(sqlite3.Error), closing(sqlite3.connect(Path(copy) / "Web Data")) as stored:
            return set(stored.execute("select name, value from autofill"))
    return set()


class Firefox(Driver):
    def __init__(self, browser: Marionette, url: str) -> None:
        super().__init__(url)
        self._browser = browser
        old = browser.window_handles
        browser.switch_to_window(browser.open(type="tab", focus=True)["handle"])
        new = browser.current_window_handle
        for tab in old:
            browser.switch_to_window(tab)
            browser.close()
        browser.switch_to_window(new)
        self._tabs = [new]
        self.open("/healthz")
        browser.delete_all_cookies()

    def open(self, path: str) -> None:
        self._browser.navigate(urljoin(self.url, path))

    def run(self, script: str) -> Any:
        return self._browser.execute_script(f"return {script}", sandbox=None)

    def fill(self, name: str, text: str) -> None:
        kind = self.run(f"document.getElementsByName({name!r})[0]?.type ?? ''")
        field = self._find(_field(name, kind, text))
        if kind in ("radio", "checkbox"):
            if not field.get_property("checked"):
                field.click()
        elif kind == "select-one":
            self._find(f"{_field(name, kind, text)}/option[@value={_quoted(text)}]").click()
        elif kind == "file":
            field.send_keys(text)
        else:
            field.clear()
            field.send_keys(text)

    def click(self, xpath: str) -> None:
        element = self._find(xpath)
        with suppress(errors.UnknownException):  # the page that it leads to may say that there is no connection
            element.click()

    def double_click(self, selector: str) -> None:
        element = self._browser.find_element(By.CSS_SELECTOR, selector)
        ActionSequence(self._browser, "pointer", "mouse", {"pointerType": "mouse"}).click(element).click().perform()

    def press(self, key: str) -> None:
        self.type(KEYS[key])

    def press_with_control(self, key: str) -> None:
        keyboard = ActionSequence(self._browser, "key", "keyboard").key_down(Keys.CONTROL)
        keyboard.key_down(key).key_up(key).key_up(Keys.CONTROL).perform()

    def type(self, text: str) -> None:
        self._browser.get_active_element().send_keys(text)

    def compose(self, text: str) -> None:
        with self._browser.using_context("chrome"):
            self._browser.execute_script(COMPOSE, script_args=[text])

    def back(self) -> None:
        with suppress(errors.UnknownException):
            self._browser.go_back()

    def new_tab(self, path: str) -> None:
        self._tabs.append(self._browser.open(type="tab", focus=True)["handle"])
        self._browser.switch_to_window(self._tabs[-1])
        self.open(path)

    def turn_to(self, tab: int) -> None:
        assert wait_until(lambda: len(self._all_tabs()) > tab, PATIENCE_S)
        self._browser.switch_to_window(self._tabs[tab])
        wait_until(lambda: self.run("document.readyState") == "complete", PATIENCE_S)

    def cookie(self, name: str) -> str:
        return next((each["value"] for each in self._browser.get_cookies() if each["name"] == name), "")

    def set_cookie(self, name: str, value: str) -> None:
        self._browser.delete_cookie(name)
        if value:
            self._browser.add_cookie({"name": name, "value": value, "path": "/", "httpOnly": True})

    def suggestions(self) -> set[tuple[str, str]]:
        """Give the names and texts of fields that the browser would suggest to whoever types there next."""
        with self._browser.using_context("chrome"):
            return {(each["fieldname"], each["value"]) for each in self._browser.execute_async_script(SUGGESTIONS)}

    def _all_tabs(self) -> list[str]:
        self._tabs += [tab for tab in self._browser.window_handles if tab not in self._tabs]
        return self._tabs

    def _find(self, xpath: str) -> WebElement:
        found: list[WebElement] = []
        assert wait_until(lambda: found.extend(self._browser.find_elements(By.XPATH, xpath)) or found, PATIENCE_S), xpath
        return found[0]


@contextmanager
def running_firefox() -> Iterator[Marionette]:
    """Start the system's Firefox, without a window, with a profile of its own and on a free port."""
    program = next(filter(None, map(shutil.which, FIREFOXES)), None)
    assert program, "Firefox is not installed, and these tests are what a person does with it: install firefox-esr."
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        (Path(folder) / "user.js").write_text('user_pref("marionette.port", 0);\n')
        options = ("--headless", "--marionette", "--remote-allow-system-access", "--no-remote")
        command = [program, *options, "--profile", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            browser = Marionette("127.0.0.1", port=_port(Path(folder) / "MarionetteActivePort"))
            browser.start_session()
            yield browser
            browser.delete_session()
        finally:
            process.terminate()
            process.wait(START_S)


def _port(told: Path) -> int:
    assert wait_until(lambda: told.exists() and told.read_text().strip(), START_S), "Firefox did not start."
    return int(told.read_text())


def _field(name: str, kind: str, text: str) -> str:
    chosen = f"[@value={_quoted(text)}]" if kind in ("radio", "checkbox") else ""
    return FIELD.format(_quoted(name)) + chosen


def _quoted(text: str) -> str:
    """Write a text as XPath does."""
    return f'"{text}"' if '"' not in text else f"'{text}'"
