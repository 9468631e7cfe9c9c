"""Static files carry a hash of their content in their address, so that browsers may keep them for a year."""

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from flask import Flask, Response, request

YEAR = "public, max-age=31536000, immutable"
DIGITS = 12


def register_static(app: Flask) -> None:
    folder = Path(str(app.static_folder))

    @app.url_defaults
    def add_hash(endpoint: str, values: dict[str, Any]) -> None:
        if endpoint == "static" and (file := folder / values["filename"]).is_file():
            values["v"] = _hash(file, file.stat().st_mtime_ns)

    @app.after_request
    def keep(response: Response) -> Response:
        if request.endpoint == "static" and "v" in request.args and response.status_code in (200, 304):
            response.headers["Cache-Control"] = YEAR
        return response


@cache
def _hash(file: Path, _changed: int) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:DIGITS]
