"""The bare framework, which answers everything with an empty page: what no application on it can beat."""

from flask import Flask

app = Flask(__name__, static_folder=None)


@app.get("/")
@app.get("/<path:_path>")
def empty(_path: str = "") -> str:
    return ""
