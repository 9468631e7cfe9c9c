"""Whatever `next` says, nobody is led out of Rollbook by it."""

import re
from urllib.parse import quote, urlencode, urljoin, urlsplit

from tests.attack.school import email_of
from tests.conftest import PASSWORD

EVIL = "evil.example"
SPELLINGS = [
    *(
        f"//{EVIL}",
        f"///{EVIL}",
        f"////{EVIL}",
        f"https://{EVIL}",
        f"http:{EVIL}",
        f"http:/{EVIL}",
        f"https:///{EVIL}",
        f"HTTPS://{EVIL}",
    ),
    *(f"/\\{EVIL}", f"\\\\{EVIL}", f"\\/{EVIL}", f"/\\/{EVIL}", f"\\{EVIL}", f"//\\{EVIL}", f"/./\\{EVIL}", f"https:\\\\{EVIL}"),
    *(
        f"\t//{EVIL}",
        f"/\t/{EVIL}",
        f"/\n/{EVIL}",
        f"/\r/{EVIL}",
        f" //{EVIL}",
        f"\x00//{EVIL}",
        f"\x19//{EVIL}",
        f"\x7f//{EVIL}",
    ),
    *(f"/%09/{EVIL}", f"/%0a/{EVIL}", f"/%2f{EVIL}", f"/%5c{EVIL}", f"%2f%2f{EVIL}", f"%5c%5c{EVIL}", f"%00//{EVIL}"),
    *(f"@{EVIL}", f"//127.0.0.1@{EVIL}", f"http://127.0.0.1:{{port}}@{EVIL}", f"http://127.0.0.1:{{port}}\\@{EVIL}"),
    *(f"http://{EVIL}#@127.0.0.1:{{port}}", f"http://127.0.0.1:{{port}}.{EVIL}", f"http://127.0.0.1:{{port}}%2f@{EVIL}"),
    *(
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "javascript://%0aalert(1)",
        "\x01javascript:alert(1)",
    ),
    *(
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "file:///etc/passwd",
        "ftp://evil.example",
        "blob:x",
        "view-source:x",
    ),
    *(f"/.{EVIL}", f"/..//{EVIL}", f"/students/..//{EVIL}", f"/./{EVIL}", f".//{EVIL}", f"..//{EVIL}", f"students//{EVIL}"),
    *(
        f"//{EVIL}/%2e%2e",
        f"//{EVIL}:80",
        "//[::1]",
        "//[",
        "http://[",
        f"http://{EVIL}：80",
        f"//{EVIL}。",
        f"／／{EVIL}",
        f"/／{EVIL}",
    ),
    *(
        f"/students\r\nLocation: https://{EVIL}",
        f"/students%0d%0aLocation:%20https://{EVIL}",
        "/" * 5000 + EVIL,
        "/students?next=//x",
    ),
]


def led_to(url, location):
    """Give the host that a browser goes to (url.spec.whatwg.org): it drops line breaks and tabs, and takes \\ for /."""
    cleaned = re.sub(r"[\t\r\n]", "", location.strip("".join(map(chr, range(0x21))))).replace("\\", "/")
    cleaned = re.sub(r"^(https?:)/*", r"\1//", cleaned, flags=re.IGNORECASE)
    cleaned = re.sub(r"^/{2,}", "//", cleaned)
    try:
        target = urlsplit(urljoin(url, cleaned))
    except ValueError:
        return url  # no browser goes anywhere by what is no address
    return f"{target.scheme}://{target.netloc}"


def assert_stays(school, answer, asked):
    assert answer.status < 500, asked
    assert answer.headers.get_all("Location", [""]) == [answer.location], asked
    assert not answer.location or led_to(school.url, answer.location) == school.url, f"{asked!r} led to {answer.location!r}"


def spellings(school):
    return [spelling.replace("{port}", urlsplit(school.url).port.__str__()) for spelling in SPELLINGS]


def test_a_browser_is_known_to_leave_by_most_of_the_spellings(school):
    """Or the tests below would prove nothing."""
    assert sum(led_to(school.url, spelling) != school.url for spelling in spellings(school)) > 30


def test_who_is_signed_in_already_is_not_led_out(school, viewer):
    for spelling in spellings(school):
        for path in (
            f"/login?{urlencode({'next': spelling})}",
            f"/login?next=&next={quote(spelling)}",
            f"/login?next={quote(spelling, safe='/:@')}",
        ):
            assert_stays(school, viewer.open(path), spelling)


def test_who_signs_in_is_not_led_out(school):
    for spelling in spellings(school)[::9]:
        somebody = school.stranger()
        fields = {"email": email_of("viewer"), "password": PASSWORD, "csrf_token": somebody.token()}
        in_form = somebody.post(f"/login?{urlencode({'next': spelling})}", {**fields, "next": spelling})
        assert in_form.status == 302, spelling
        assert_stays(school, in_form, spelling)


def test_a_page_that_sends_people_on_to_sign_in_names_only_our_own(school, stranger):
    for path in (
        f"//{EVIL}",
        f"//{EVIL}/students",
        f"//{EVIL}//students",
        f"/\\{EVIL}",
        f"/%2f%2f{EVIL}",
        f"/students//{EVIL}",
        "//students",
    ):
        assert_stays(school, stranger.open(quote(path, safe="/%\\")), path)
    token = stranger.token()
    for referrer in (
        f"{school.url}//{EVIL}",
        f"{school.url}/\\{EVIL}",
        f"https://{EVIL}/students",
        f"{school.url}@{EVIL}",
        "//[",
        "x" * 5000,
    ):
        sent_on = stranger.post("/students/new", {"csrf_token": token}, Referer=referrer)
        assert_stays(school, sent_on, referrer)
        assert sent_on.status in (302, 403), referrer
        if sent_on.location:
            assert_stays(school, school.member("viewer").open(sent_on.location), referrer)


def test_no_header_names_another_host(school, stranger):
    for name in (
        "X-Forwarded-Host",
        "X-Host",
        "X-Forwarded-Server",
        "X-Original-Host",
        "Forwarded",
        "X-Original-URL",
        "X-Rewrite-URL",
    ):
        value = f"host={EVIL};proto=https" if name == "Forwarded" else EVIL
        for path in ("/students", "/login", "//students"):
            answer = stranger.ask(
                "GET", path, headers={name: value, "X-Forwarded-Proto": "https", "X-Forwarded-Prefix": f"//{EVIL}"}
            )
            assert_stays(school, answer, name)
            assert EVIL not in answer.content
    for host in (
        EVIL,
        f"127.0.0.1:{stranger.port}@{EVIL}",
        f"127.0.0.1:{stranger.port}, {EVIL}",
        f"{EVIL}#127.0.0.1",
        "127.0.0.1:x",
        "",
    ):
        answer = stranger.ask("GET", "/students", headers={"Host": host})
        assert answer.status == 400, host
        assert not answer.location
        assert EVIL not in answer.content


def test_a_whole_address_as_the_path_names_no_other_host(school, stranger):
    for target in (f"http://{EVIL}/students", f"http://{EVIL}", f"//{EVIL}/students", "*", f"students@{EVIL}"):
        answer = stranger.raw(f"GET {target} HTTP/1.1\r\nHost: {stranger.netloc}\r\nConnection: close\r\n\r\n".encode())
        locations = re.findall(rb"^location: *(.*?)\r$", answer, re.IGNORECASE | re.MULTILINE)
        assert all(led_to(school.url, location.decode()) == school.url for location in locations), answer
        assert not answer.startswith(b"HTTP/1.1 5"), answer
