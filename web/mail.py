"""Letters by e-mail, where the settings name a server that takes them."""

import logging
import smtplib
import ssl
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from urllib.parse import unquote, urlsplit

from flask import current_app

log = logging.getLogger(__name__)

PATIENCE_S = 10


def send(to: str, subject: str, text: str) -> bool:
    """Mail a letter; tell whether a server took it. Without a server in the settings, none does."""
    smtp = current_app.config["SMTP"]
    if smtp is None:
        return False
    letter = EmailMessage()
    sender = current_app.config["MAIL_FROM"]
    letter["From"], letter["To"], letter["Subject"] = sender, to, subject
    # Servers take a letter without either for spam. Its number names our own domain, not the machine's inner name.
    letter["Date"] = format_datetime(datetime.now(UTC))
    letter["Message-ID"] = make_msgid(domain=parseaddr(sender)[1].rpartition("@")[2])
    letter.set_content(text)
    try:
        with _connect(smtp) as server:
            server.send_message(letter)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        log.warning("a letter could not be mailed: %s", type(error).__name__)
        return False
    return True


def _connect(smtp: str) -> smtplib.SMTP:
    """Connect, encrypted wherever the server can or a password is to be sent."""
    url, context = urlsplit(smtp), ssl.create_default_context()
    host = url.hostname or ""
    if url.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=PATIENCE_S, context=context)
    else:
        server = smtplib.SMTP(host, url.port or 25, timeout=PATIENCE_S)
        server.ehlo()
        if url.username or server.has_extn("starttls"):
            server.starttls(context=context)
    if url.username:
        server.login(unquote(url.username), unquote(url.password or ""))
    return server
