"""nginx with the site that deploy/ brings, on a free port, in front of a Rollbook on another one."""

import re
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cluster import free_port, wait_until
from tests.server import ROOT

SITE = ROOT / "deploy" / "nginx.conf"
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def find_nginx() -> str | None:
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


@contextmanager
def running_nginx(folder: Path, rollbook_port: int) -> Iterator[tuple[int, ssl.SSLContext]]:
    """Give the port where it speaks TLS, and what trusts its certificate."""
    program, port = find_nginx(), free_port()
    assert program
    with subprocess.Popen([program, "-p", folder, "-c", _write_site(folder, port, rollbook_port)]) as nginx:
        try:
            assert wait_until(lambda: _answers(port))
            trusting = ssl.create_default_context(cafile=folder / "fullchain.pem")
            trusting.check_hostname = False
            yield port, trusting
        finally:
            nginx.terminate()


def temporary_folders(folder: Path) -> str:
    return "".join(f"{kind}_temp_path {folder}/{kind}; " for kind in TEMPORARY)


def make_certificate(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "rollbook.school.example")])
    now = datetime.now(UTC)
    certificate = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    certificate = certificate.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    pem = serialization.Encoding.PEM
    (folder / "fullchain.pem").write_bytes(certificate.sign(key, hashes.SHA256()).public_bytes(pem))
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "privkey.pem").write_bytes(private)


def _write_site(folder: Path, port: int, rollbook_port: int) -> Path:
    """Write the site with these ports; give the file that nginx is started with."""
    make_certificate(folder)
    site = SITE.read_text().replace("/etc/ssl/rollbook", str(folder)).replace("/opt/rollbook", str(ROOT))
    site = site.replace("/var/log/nginx", str(folder)).replace("127.0.0.1:8000", f"127.0.0.1:{rollbook_port}")
    site = re.sub(r"listen (\[::\]:)?(443 ssl http2|80);", "", site).replace(
        "ssl_certificate /", f"listen 127.0.0.1:{port} ssl; ssl_certificate /"
    )
    site = re.sub(r"server \{[^{}]*return 301[^{}]*\}", "", site)
    start = f"user root; daemon off; pid {folder}/pid; error_log stderr; events {{}}"
    (folder / "nginx.conf").write_text(f"{start} http {{ access_log off; {temporary_folders(folder)} {site} }}")
    return folder / "nginx.conf"


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
