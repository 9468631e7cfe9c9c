"""What browsers say of themselves, in words that their owners know."""

from words import _

# The first that occurs is meant: most of them also name those that they descend from.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser": "Samsung Internet",
    "Firefox": "Firefox",
    "FxiOS": "Firefox",
    "CriOS": "Chrome",
    "Chrome": "Chrome",
    "Safari": "Safari",
}
SYSTEMS = {
    "Windows": "Windows",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "CrOS": "ChromeOS",
    "Mac OS": "macOS",
    "Linux": "Linux",
}


def name_device(user_agent: str) -> str:
    """Name the browser and what it runs on, such as "Firefox on Windows"."""
    browser = _first(BROWSERS, user_agent) or _("Another browser")
    system = _first(SYSTEMS, user_agent)
    return _("%(browser)s on %(system)s", browser=browser, system=system) if system else browser


def _first(names: dict[str, str], user_agent: str) -> str | None:
    return next((name for sign, name in names.items() if sign in user_agent), None)
