"""Styles and scripts: named by their content, and kept for a year."""

import hashlib
import re
from pathlib import Path

from web import static

# What counts for whoever waits is what goes over the line, once for each release. A server sends 14,600 bytes before the first
# answer comes back (RFC 6928), which a page, its style and its script share: the script may take somewhat more than half of it.
SMALL = 8_192
STATIC = Path(static.__file__).parent.parent / "static"


def test_static_files_are_kept_for_a_year_under_an_address_that_names_their_content(client):
    page = client.visit("/login")
    addresses = [node.get("href") or node.get("src") for node in [*page.all("link"), *page.all("script")]]
    assert len(addresses) == 3
    for address in addresses:
        assert re.search(r"\?v=[0-9a-f]{12}$", address)
        with client.open(address, headers={"Accept-Encoding": "gzip"}) as answer:
            assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        with client.open(address, headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["ETag"]}) as again:
            assert again.status_code == 304


def test_a_file_that_has_changed_has_another_address(tmp_path):
    file = tmp_path / "app.css"
    file.write_text("a {}")
    before = static._hash(file, 1)
    file.write_text("b {}")
    assert static._hash(file, 2) != before


def test_a_static_file_without_a_hash_is_asked_for_again(client):
    with client.open("/static/app.css") as answer:
        assert "max-age" not in answer.headers["Cache-Control"]
    assert client.open("/static/no-such-file.css").status_code == 404


def test_the_scripts_of_our_own_stay_small(client):
    scripts = [script for script in STATIC.rglob("*.js") if "vendor" not in script.parts]
    sizes = {script.name: sent(client, script) for script in scripts}
    assert 0 < sum(sizes.values()) < SMALL, sizes


def sent(client, file):
    """Give how many bytes of a file go over the line."""
    with client.open(f"/static/{file.relative_to(STATIC)}", headers={"Accept-Encoding": "gzip"}) as answer:
        return len(answer.data)


def test_each_library_of_others_names_its_release_and_licence_and_is_as_it_was_taken():
    libraries = [*(STATIC / "vendor").iterdir()]
    assert libraries
    for library in libraries:
        listed = dict(line.split("  ")[::-1] for line in (library / "SHA256SUMS").read_text().splitlines())
        files = {file.name: file for file in library.iterdir() if file.name not in ("SHA256SUMS", "README.md")}
        assert {name: hashlib.sha256(file.read_bytes()).hexdigest() for name, file in files.items()} == listed
        assert "LICENSE" in files
        assert re.search(r"\d+\.\d+", (library / "README.md").read_text())
