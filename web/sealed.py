"""How the secrets of authenticator apps are kept: encrypted, so that who lacks the key can neither read nor replace one."""

import secrets
from base64 import b64decode, b64encode
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from passlib.exc import TokenError
from passlib.totp import AppWallet

# AES-256 in Galois/counter mode, with a nonce of 96 bits that is drawn anew for each (NIST SP 800-38D, section 8.2.2).
KEY_BYTES, NONCE_BYTES = 32, 12
SEALED = 2


class Unreadable(TokenError):
    """It was changed, or encrypted with a key that is no longer there: then no code fits it."""


class SealedSecrets(AppWallet):
    """Keeps them by AES-256-GCM. What the library kept by AES without a seal can be read still, and is sealed when it is used."""

    def encrypt_key(self, key: bytes) -> dict[str, Any]:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = self._cipher(self.default_tag).encrypt(nonce, key, None)
        return {"v": SEALED, "t": self.default_tag, "n": b64encode(nonce).decode(), "k": b64encode(sealed).decode()}

    def decrypt_key(self, enckey: dict[str, Any]) -> tuple[bytes, bool]:
        """Give the secret, and whether it has to be encrypted anew. Raises Unreadable."""
        try:
            if enckey["v"] != SEALED:
                return super().decrypt_key(enckey)[0], True
            key = self._cipher(enckey["t"]).decrypt(b64decode(enckey["n"]), b64decode(enckey["k"]), None)
        except (KeyError, InvalidTag):
            raise Unreadable from None
        return key, enckey["t"] != self.default_tag

    def _cipher(self, tag: str) -> AESGCM:
        return AESGCM(HKDF(SHA256(), KEY_BYTES, salt=None, info=b"authenticator apps").derive(self.get_secret(tag)))
