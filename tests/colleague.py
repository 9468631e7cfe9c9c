"""A colleague at a desk of their own: works with a running Rollbook over HTTP, as a browser does, and tells what came back."""

import gzip
import http.client
import json
import re
import secrets
import select
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPMessage
from typing import Any
from urllib.parse import urlencode, urlsplit

FORM = "application/x-www-form-urlencoded"


class Unanswered(Exception):
    """The connection broke, or the server had no time: nobody knows what became of the request."""


@dataclass(frozen=True)
class Reply:
    status: int
    headers: HTTPMessage
    content: bytes

    @property
    def location(self) -> str:
        return str(self.headers["Location"])

    @property
    def text(self) -> str:
        packed = self.headers["Content-Encoding"] == "gzip"
        return (gzip.decompress(self.content) if packed else self.content).decode()

    @property
    def json(self) -> Any:
        return json.loads(self.text)

    def value(self, field: str) -> str:
        """Give what stands in a field of the page's form."""
        found = re.search(rf'name="{field}"[^>]*? value="([^"]*)"', self.text)
        assert found, f"the page has no field {field}: {self.text}"
        return found[1]


class Colleague:
    """Keeps one connection and its cookies; a connection that was cut is opened anew."""

    def __init__(self, url: str, patience_s: float = 60) -> None:
        self._patience_s = patience_s
        self._url = url
        self._cookies: dict[str, str] = {}
        self._token = ""
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=patience_s)
        self._windows = [self]
        self.heard = ""
        """What came of the last request, in a few words."""

    @property
    def netloc(self) -> str:
        return urlsplit(self._url).netloc

    @property
    def cookie_header(self) -> str:
        return "; ".join(f"{name}={value}" for name, value in self._cookies.items())

    def another(self, url: str = "") -> "Colleague":
        """Open another window of the same browser, at another server maybe."""
        made = Colleague(url or self._url, self._patience_s)
        made._cookies, made._token = dict(self._cookies), self._token
        self._windows.append(made)
        return made

    def close(self) -> None:
        """Close all windows."""
        for window in self._windows:
            window._connection.close()

    def sign_in(self, email: str, password: str) -> None:
        self._token = self.get("/login").value("csrf_token")
        reply = self.post("/login", {"email": email, "password": password})
        assert reply.status == 302, reply.text
        self._token = self.get("/imports/new").value("csrf_token")

    def get(self, path: str) -> Reply:
        return self._ask("GET", path)

    def post(self, path: str, fields: Mapping[str, str]) -> Reply:
        return self._ask("POST", path, urlencode(fields).encode(), FORM)

    def decide(self, page: str, act: str) -> Reply:
        """Press a button of an import's page, as the page is now."""
        return self.post(f"{page}/{act}", {"version": self.get(page).value("version")})

    def upload(self, sheet: bytes, filename: str = "sheet.csv") -> Reply:
        boundary = secrets.token_hex(16)
        parts = [
            f'--{boundary}\r\nContent-Disposition: form-data; name="blank"\r\n\r\nkeep\r\n',
            f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n\r\n',
        ]
        body = b"".join([*(part.encode() for part in parts), sheet, f"\r\n--{boundary}--\r\n".encode()])
        return self._ask("POST", "/imports/new", body, f"multipart/form-data; boundary={boundary}")

    def _ask(self, method: str, path: str, body: bytes | None = None, kind: str = "") -> Reply:
        headers = {"Cookie": self.cookie_header, "Accept-Encoding": "gzip"}
        headers |= {"Content-Type": kind, "X-CSRFToken": self._token} if body is not None else {}
        try:
            reply = self._send(method, path, body, headers)
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            self.heard = f"{method} {path}: {error!r}"
            raise Unanswered(self.heard) from error
        self.heard = f"{method} {path}: {reply.status}"
        for header in reply.headers.get_all("Set-Cookie", []):
            self._cookies.update([header.split(";")[0].split("=", 1)])
        return reply

    def _send(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
        if self._connection.sock and select.select([self._connection.sock], [], [], 0)[0]:
            self._connection.close()  # the server has let go of it: nothing else is there to be read before anything was asked
        was_open = self._connection.sock is not None
        try:
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
            # The server lets go of whoever has asked nothing for a while. As browsers do, only reading is asked for twice.
            if not was_open or method != "GET":
                raise
            self._connection.close()
            self._connection.request(method, path, body, headers)
            answer = self._connection.getresponse()
        return Reply(answer.status, answer.msg, answer.read())
