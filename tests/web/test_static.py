"""Styles and scripts: named by their content, and kept for a year."""

import re

from web import static


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
