"""Somebody with nothing but a network: whatever bytes they like, from a network address of their own."""

import itertools
import secrets
import socket
from collections.abc import Mapping, Sequence
from http.client import HTTPConnection, HTTPResponse
from http.cookies import SimpleCookie
from urllib.parse import urlencode, urlsplit

from tests.pages import Page

PATIENCE_S = 60.0
# Linux takes all of 127.0.0.0/8 for this machine, so that each attacker is counted by themselves.
NETWORK_ADDRESSES = (f"127.0.{high}.{low}" for high, low in itertools.product(range(1, 250), range(1, 250)))

Fields = Mapping[str, str] | Sequence[tuple[str, str]]


class Answer(Page):
    """What came back: a page, or something else, with its status and headers."""

    def __init__(self, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()
        text = self.body.decode("utf-8", "replace")
        super().__init__(text if response.headers.get_content_type() == "text/html" else "")
        self.content = text
        self.location = response.headers.get("Location", "")


class Attacker:
    """Each has cookies of their own."""

    def __init__(self, url: str, network_address: str | None = None) -> None:
        self.url = url
        self.netloc = urlsplit(url).netloc
        self.port = urlsplit(url).port or 80
        self.network_address = network_address or next(NETWORK_ADDRESSES)
        self.cookies: dict[str, str] = {}
        self.was_sent_away = False
        """Whether a page has asked to sign in: then a session has ended, if there was one."""
        self._token = ""

    def ask(self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None) -> Answer:
        """Send one request, and keep the cookies that come back."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S, source_address=(self.network_address, 0))
        try:
            connection.request(method, path, body, {**self._own_headers(), **(headers or {})})
            answer = Answer(connection.getresponse())
        finally:
            connection.close()
        if "Cookie" not in (headers or {}):
            self._keep_cookies(answer)
        self.was_sent_away |= answer.location.startswith("/login?")
        return answer

    def open(self, path: str, **headers: str) -> Answer:
        return self.ask("GET", path, headers=_named(headers))

    def post(self, path: str, fields: Fields, **headers: str) -> Answer:
        """Send a form with exactly these fields."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("POST", path, urlencode(fields).encode(), form | _named(headers))

    def send(self, path: str, fields: Mapping[str, str] | None = None, **headers: str) -> Answer:
        """Send a form as its page would, with the token of this session."""
        return self.post(path, {**(fields or {}), "csrf_token": self.token()}, **headers)

    def upload(self, sheet: bytes, filename: str | bytes = "sheet.csv", **fields: str) -> Answer:
        """Upload a sheet; the file's name goes onto the wire as it is."""
        kind, body = multipart({"csrf_token": self.token(), "blank": "keep", **fields}, sheet, filename)
        return self.ask("POST", "/imports/new", body, {"Content-Type": kind})

    def token(self) -> str:
        """Give the token that this session's forms carry."""
        if not self._token:
            page = self.open("/login")
            self._token = (self.open("/profile") if page.location else page).values["csrf_token"]
        return self._token

    def sign_in(self, email: str, password: str) -> Answer:
        answer = self.send("/login", {"email": email, "password": password})
        self._token = ""
        return answer

    def is_signed_in(self) -> bool:
        return self.open("/profile").status == 200

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), PATIENCE_S, source_address=(self.network_address, 0))

    def raw(self, request: bytes) -> bytes:
        """Send bytes that need be no request, say that no more will come, and give all that is answered."""
        with self.connect() as connection:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            return b"".join(iter(lambda: connection.recv(65_536), b""))

    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    def _own_headers(self) -> dict[str, str]:
        own = {"Host": self.netloc, "Connection": "close"}
        return own | ({"Cookie": self.cookie_header()} if self.cookies else {})

    def _keep_cookies(self, answer: Answer) -> None:
        for line in answer.headers.get_all("Set-Cookie", []):
            for name, morsel in SimpleCookie(line).items():
                self.cookies[name] = morsel.value
                if morsel["max-age"] == "0" or "1970" in morsel["expires"]:
                    del self.cookies[name]


def multipart(fields: Mapping[str, str], sheet: bytes, filename: str | bytes = "sheet.csv") -> tuple[str, bytes]:
    """Write a form with a file as browsers do, but for its name, which is not tamed; give its content type and its bytes."""
    boundary = secrets.token_hex(16)
    name = filename.encode() if isinstance(filename, str) else filename
    parts = [f'name="{field}"\r\n\r\n{value}'.encode() for field, value in fields.items()]
    parts.append(b'name="file"; filename="' + name + b'"\r\nContent-Type: text/csv\r\n\r\n' + sheet)
    start = f"--{boundary}\r\nContent-Disposition: form-data; ".encode()
    body = b"".join(start + part + b"\r\n" for part in parts) + f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", body


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    """Name headers as keywords can't: sec_fetch_site for Sec-Fetch-Site."""
    return {name.replace("_", "-"): value for name, value in headers.items()}
