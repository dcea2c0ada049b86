"""The user pool's public keys: fetched, checked, cached, and refreshed when they may have changed.

This is the only module that uses python-jose, and only for the cryptography: verifying a message's signature with an
RSA key that was checked here. Formats: RFC 7517 (JWK), RFC 7518 section 6.3 (RSA).
"""

import json
import logging
import time
from base64 import urlsafe_b64decode
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from socket import SHUT_RDWR, socket
from threading import Lock, Timer
from typing import Any
from urllib.parse import urlsplit

from chalicelib.lasting import lasting

log = logging.getLogger("roster.signing_keys")

FETCH_SECONDS = 2.0
"""Time limit for a fetch, from connecting to the last byte."""
MAX_BYTES = 64 * 1024
"""Maximum bytes of the key set."""
FRESH_SECONDS = 3600
"""Keys older than this are refreshed before use. If that fails, they are used anyway."""
STALE_SECONDS = 24 * 3600
"""Keys older than this are never used, so a revoked key is accepted for at most a day."""
REFRESH_SECONDS = 60
"""Minimum time between two fetches while there are usable keys."""
MIN_MODULUS_BITS = 2048
MAX_MODULUS_BITS = 8192


class KeysUnavailable(Exception):
    """The signing keys can't be fetched, so it is unknown whether a token is valid. The client gets a 503."""


@dataclass(frozen=True)
class SigningKey:
    """An RSA public key for RS256 signatures. ``n`` and ``e`` are base64url, as in the JWK."""

    kid: str
    n: str
    e: str

    @cached_property
    def _key(self) -> Any:
        with lasting("signing key"):
            from jose import jwk  # only when needed: the API function fetches keys (health checks), but verifies none

            return jwk.construct({"kty": "RSA", "n": self.n, "e": self.e}, "RS256")

    def signed(self, message: bytes, signature: bytes) -> bool:
        """Return whether ``signature`` is this key's signature of ``message`` (RSASSA-PKCS1-v1_5 with SHA-256)."""
        return bool(self._key.verify(message, signature))


class SigningKeys:
    """The keys at ``url``. Instances are safe to share between threads."""

    def __init__(
        self, url: str, fetch: Callable[[str], bytes] | None = None, clock: Callable[[], float] = time.time
    ) -> None:
        self._url = url
        self._fetch = fetch or fetch_keys
        self._clock = clock
        self._lock = Lock()
        self._keys: Mapping[str, SigningKey] = {}
        self._loaded_at = 0.0
        self._tried_at = 0.0
        self._attempts = 0
        self._last_failed = False

    def find(self, kid: str) -> SigningKey | None:
        """Return the key named ``kid``, or ``None`` if the pool has no such key.

        Raises ``KeysUnavailable`` if there are no usable keys, or if ``kid`` is unknown and the latest fetch failed.
        """
        key = self._current().get(kid)
        if key is None:
            self._refresh()
            key = self._keys.get(kid)
        if key is None and self._last_failed:
            raise KeysUnavailable
        return key

    def ping(self) -> None:
        """Raise ``KeysUnavailable`` unless there are usable keys."""
        self._current()

    def _current(self) -> Mapping[str, SigningKey]:
        """Return the usable keys. Fetch them if there are none, and refresh them if they are old."""
        if self._age() > FRESH_SECONDS:
            self._refresh()
        if self._age() > STALE_SECONDS:
            raise KeysUnavailable
        return self._keys

    def _age(self) -> float:
        return self._clock() - self._loaded_at if self._keys else float("inf")

    def _refresh(self) -> None:
        """Fetch the keys, unless they were just fetched. If another thread is fetching them, wait for its result."""
        seen = self._attempts
        with self._lock:
            usable = self._age() <= STALE_SECONDS
            if seen != self._attempts or (usable and self._clock() - self._tried_at < REFRESH_SECONDS):
                return
            try:
                self._keys = read_keys(self._fetch(self._url))
                self._loaded_at = self._clock()
                self._last_failed = False
            except (OSError, ValueError) as error:
                self._last_failed = True
                fields = {"reason": type(error).__name__, "keys_in_use": len(self._keys)}
                log.error("jwks_not_refreshed", extra=fields)
            finally:
                self._tried_at = self._clock()
                self._attempts += 1


def fetch_keys(url: str) -> bytes:
    """Return the document at ``url``, without following redirects or using a proxy.

    Raises ``OSError`` if the request fails or takes too long, and ``ValueError`` if the document is too large.
    """
    from http.client import HTTPConnection, HTTPException, HTTPSConnection

    parts = urlsplit(url)
    connect = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = connect(parts.hostname or "", parts.port, timeout=FETCH_SECONDS)
    try:
        connection.connect()
        # The socket's own timeout restarts with each packet; this one also ends a response that trickles in.
        watchdog = Timer(FETCH_SECONDS, _hang_up, [connection.sock])
        watchdog.daemon = True
        watchdog.start()
        try:
            connection.request("GET", parts.path or "/", headers={"Accept": "application/json"})
            response = connection.getresponse()
            if response.status != 200:
                raise OSError(f"status {response.status}")
            body = response.read(MAX_BYTES + 1)
        finally:
            watchdog.cancel()
    except HTTPException as error:
        raise OSError(type(error).__name__) from None
    finally:
        connection.close()
    if len(body) > MAX_BYTES:
        raise ValueError("too large")
    return body


def _hang_up(connection: socket) -> None:
    with suppress(OSError):
        connection.shutdown(SHUT_RDWR)


def read_keys(body: bytes) -> dict[str, SigningKey]:
    """Return the usable keys of a JWK Set by ``kid``; skip and log the others. Raises ``ValueError`` without any."""
    try:
        jwks = json.loads(body)["keys"]
        candidates = [jwk for jwk in jwks if isinstance(jwk, dict)]
    except (TypeError, KeyError, RecursionError):
        raise ValueError("not a JWK Set") from None
    uses = Counter(str(jwk.get("kid")) for jwk in candidates)
    keys = {}
    for jwk in candidates:
        fault = _fault(jwk) or ("kid is not unique" if uses[jwk["kid"]] > 1 else None)
        if fault:
            log.warning("signing_key_skipped", extra={"kid": ascii(jwk.get("kid"))[:128], "reason": fault})
        else:
            keys[jwk["kid"]] = SigningKey(jwk["kid"], jwk["n"], jwk["e"])
    if not keys:
        raise ValueError("no usable key")
    return keys


def _fault(jwk: Mapping[str, Any]) -> str | None:
    """Return why this key is unusable, or ``None``."""
    for name, expected in (("kty", "RSA"), ("use", "sig"), ("alg", "RS256")):
        if jwk.get(name) != expected:
            return f"{name} is not {expected}"
    if not isinstance(jwk.get("kid"), str) or not jwk["kid"]:
        return "kid is not a string or is empty"
    modulus, exponent = _number(jwk.get("n")), _number(jwk.get("e"))
    if not MIN_MODULUS_BITS <= modulus.bit_length() <= MAX_MODULUS_BITS or modulus % 2 == 0:
        return f"modulus has {modulus.bit_length()} bits or is even"
    if not 3 <= exponent < 2**32 or exponent % 2 == 0:
        return "exponent is not an odd number from 3 to 2^32"
    return None


def _number(value: object) -> int:
    """Decode a Base64urlUInt (RFC 7518, section 2). Returns 0, which no key uses, if it is invalid."""
    if not isinstance(value, str):
        return 0
    try:
        return int.from_bytes(urlsafe_b64decode(value + "=" * (-len(value) % 4)))
    except (Base64Error, ValueError):
        return 0
