"""A passkey without a browser: makes a key pair for a page, and signs what it is asked to sign."""

import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

HOST, ORIGIN = "localhost", "http://localhost"
# Somebody was there and was verified; a new key comes along (WebAuthn, section 6.1).
VERIFIED, WITH_KEY = 0x05, 0x40
BY_ITSELF = {"name": "Blue key", "usage": "first"}


class Passkey:
    """Knows one page; `add` and `answer` give what the page's script would send for it."""

    def __init__(self):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._id = secrets.token_bytes(16)

    def add(self, options):
        client = self._client("webauthn.create", options)
        numbers = self._key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        data = _seen(VERIFIED | WITH_KEY) + bytes(16) + len(self._id).to_bytes(2, "big") + self._id + public
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data})
        return self._said(clientDataJSON=client, attestationObject=attested)

    def answer(self, options):
        client, data = self._client("webauthn.get", options), _seen(VERIFIED)
        signature = self._key.sign(data + sha256(client).digest(), ec.ECDSA(SHA256()))
        return self._said(clientDataJSON=client, authenticatorData=data, signature=signature)

    def _client(self, kind, options):
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": ORIGIN}).encode()

    def _said(self, **response):
        own, said = _text(self._id), {name: _text(value) for name, value in response.items()}
        return json.dumps({"id": own, "rawId": own, "type": "public-key", "response": said, "extensions": "{}"})


def ceremony(page):
    """Give where a page sends what a passkey says, and what it asks of it."""
    form = next(form for form in page.all("form") if form.get("data-passkey"))
    return form.get("action"), json.loads(form.get("data-passkey-options"))


def add_passkey(visitor, **more):
    """Add a passkey for somebody who is signed in, to sign in with by itself."""
    passkey = Passkey()
    action, options = ceremony(visitor.send("/profile/passkeys", BY_ITSELF | more, status=200))
    visitor.send(action, {"credential": passkey.add(options)}, page="/profile", status=302)
    return passkey


def _seen(flags):
    return sha256(HOST.encode()).digest() + bytes([flags]) + bytes(4)


def _text(value):
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def challenge_of(options):
    """Give the challenge as the server knows it."""
    text = options["challenge"]
    return urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
